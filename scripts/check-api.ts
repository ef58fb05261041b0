import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { formatApi, publishedPackages, readApi, type PublishedPackage } from "./api.ts";
import { reportAndExit, repositoryRoot } from "./report.ts";

/** Where the snapshot of a package stands, relative to the repository. */
export function snapshotPath(name: string): string {
  return `docs/api/${name.replace("@countersign/", "")}.txt`;
}

/** How a package's built declarations differ from its snapshot, a line each; empty if they agree. */
export function compareApi(snapshot: string, current: string): readonly string[] {
  const before = snapshot.split("\n");
  const after = current.split("\n");
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`);
  const added = after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`);
  if (gone.length + added.length === 0 && snapshot !== current) return ["the order or number of lines differs"];
  return [...gone, ...added];
}

function checkPackage({ name, index }: PublishedPackage): readonly string[] {
  const path = join(repositoryRoot, snapshotPath(name));
  const snapshot = existsSync(path) ? readFileSync(path, "utf8") : "";
  try {
    const lines = compareApi(snapshot, formatApi(name, readApi(repositoryRoot, index)));
    if (lines.length === 0) return [];
    return [
      `${snapshotPath(name)}: the public exports changed; if that is meant: pnpm api:update and CHANGELOG.md`,
      ...lines,
    ];
  } catch (error) {
    return [`${name}: ${(error as Error).message}`];
  }
}

function writeSnapshot({ name, index }: PublishedPackage): void {
  const path = join(repositoryRoot, snapshotPath(name));
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, formatApi(name, readApi(repositoryRoot, index)));
}

if (import.meta.main) {
  const packages = publishedPackages(repositoryRoot);
  if (process.argv.includes("--update")) packages.forEach(writeSnapshot);
  reportAndExit("api", packages.flatMap(checkPackage), `${packages.length} packages`);
}
