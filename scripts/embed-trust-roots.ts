// Writes packages/pipeline/src/roots/<instance>.ts from a published client package:  node scripts/embed-trust-roots.ts
//
// The roots and signing configs are data files of the crate `sigstore-trust-root`, fetched by cargo. The public-good
// root is compared with the one in the npm package `@sigstore/tuf`, so that one package alone cannot slip in a key.
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

const crate = "sigstore-trust-root";
const licence = "Apache-2.0";

interface Files {
  readonly instance: string;
  readonly tufRoot: string;
  readonly tufUrl: string;
  readonly title: string;
  readonly trustedRoot: string;
  readonly signingConfig?: string;
}

const instances: readonly Files[] = [
  {
    instance: "public-good",
    title: "The public-good instance",
    trustedRoot: "src/trusted_root.json",
    signingConfig: "repository/signing_config.json",
    tufRoot: "repository/tuf_root.json",
    tufUrl: "https://tuf-repo-cdn.sigstore.dev",
  },
  {
    instance: "staging",
    title: "The staging instance of the public good, for trials",
    trustedRoot: "src/trusted_root_staging.json",
    signingConfig: "repository/signing_config_staging.json",
    tufRoot: "repository/tuf_staging_root.json",
    tufUrl: "https://tuf-repo-cdn.sigstage.dev",
  },
  {
    instance: "github",
    title: "GitHub's own instance, for private repositories: no log, no CT log",
    trustedRoot: "src/trusted_root_github.json",
    tufRoot: "repository/tuf_github_root.json",
    tufUrl: "https://tuf-repo.github.com",
  },
];

interface Source {
  readonly package: string;
  readonly version: string;
  readonly date: string;
  readonly licence: string;
}

function main(): void {
  const { version, folder } = fetchCrate();
  const source: Source = { package: crate, version, date: releaseDate(folder, version), licence };
  const { trustedRoot, tufRoot } = readSeed();
  checkSame(readFileSync(join(folder, "src/trusted_root.json"), "utf8"), trustedRoot);
  checkSame(readFileSync(join(folder, "repository/tuf_root.json"), "utf8"), tufRoot);
  for (const files of instances) {
    write(`packages/pipeline/src/roots/${files.instance}.ts`, formatModule(files, folder, source), source);
    write(`packages/pipeline/src/roots/tuf-${files.instance}.ts`, formatTufModule(files, folder, source), source);
  }
}

function write(path: string, text: string, source: Source): void {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  process.stdout.write(`${path}: ${source.package} ${source.version} of ${source.date}\n`);
}

function fetchCrate(): { version: string; folder: string } {
  const about = execFileSync("cargo", ["info", crate], {
    encoding: "utf8",
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const version = /^version: (\d+\.\d+\.\d+)/m.exec(about)?.[1];
  if (version === undefined || !about.includes(`license: ${licence}`))
    throw new Error(`${crate}: no version, or another licence`);
  const home = process.env["CARGO_HOME"] ?? join(homedir(), ".cargo");
  const [folder] = globSync(join(home, "registry", "src", "*", `${crate}-${version}`));
  if (folder === undefined) throw new Error(`cargo did not unpack ${crate} ${version}`);
  return { version, folder };
}

function releaseDate(folder: string, version: string): string {
  const line = readFileSync(join(folder, "CHANGELOG.md"), "utf8")
    .split("\n")
    .find((each) => each.startsWith(`## [${version}]`));
  const date = /(\d{4}-\d{2}-\d{2})$/.exec(line ?? "")?.[1];
  if (date === undefined) throw new Error(`no release date of ${crate} ${version}`);
  return date;
}

interface Seed {
  readonly "root.json": string;
  readonly targets: Readonly<Record<string, string>>;
}

function readSeed(): { readonly trustedRoot: string; readonly tufRoot: string } {
  const seeds = createRequire(import.meta.url)("@sigstore/tuf/seeds.json") as Record<string, Seed>;
  const seed = seeds["https://tuf-repo-cdn.sigstore.dev"];
  const trustedRoot = seed?.targets["trusted_root.json"];
  if (seed === undefined || trustedRoot === undefined) throw new Error("@sigstore/tuf holds no trusted root");
  const decode = (text: string): string => Buffer.from(text, "base64").toString("utf8");
  return { trustedRoot: decode(trustedRoot), tufRoot: decode(seed["root.json"]) };
}

function checkSame(ours: string, theirs: string): void {
  if (isDeepStrictEqual(JSON.parse(ours), JSON.parse(theirs))) return;
  throw new Error(
    "the public-good root differs between the two packages: look which one is newer before you embed either",
  );
}

function formatModule(files: Files, folder: string, source: Source): string {
  const signingConfig = files.signingConfig === undefined ? "undefined" : literal(join(folder, files.signingConfig));
  return `// Generated by scripts/embed-trust-roots.ts, do not edit.
import type { EmbeddedInstance } from "../roots.ts";

/** ${files.title}: trusted_root.json. */
export const trustedRoot: string =
  ${literal(join(folder, files.trustedRoot))};
/** ${files.title}: signing_config.json, if it has one. */
export const signingConfig: string | undefined =
  ${signingConfig};
/** Where both were taken from. */
export const source: EmbeddedInstance["source"] = {
  package: ${JSON.stringify(source.package)},
  version: ${JSON.stringify(source.version)},
  date: ${JSON.stringify(source.date)},
  licence: ${JSON.stringify(source.licence)},
};
`;
}

/** The root to the byte: other tools name it by its digest. */
function formatTufModule(files: Files, folder: string, source: Source): string {
  const text = readFileSync(join(folder, files.tufRoot), "utf8");
  return `// Generated by scripts/embed-trust-roots.ts, do not edit.
import type { EmbeddedTufRoot } from "../tuf-root.ts";

/** ${files.title}: the root of its TUF repository, as published. */
export const root: string =
  ${quoted(text)};
/** Where that repository is. */
export const url: string = ${JSON.stringify(files.tufUrl)};
/** Where the root was taken from. */
export const source: EmbeddedTufRoot["source"] = {
  package: ${JSON.stringify(source.package)},
  version: ${JSON.stringify(source.version)},
  date: ${JSON.stringify(source.date)},
  licence: ${JSON.stringify(source.licence)},
};
`;
}

function quoted(text: string): string {
  return `'${JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

/** A JSON file as a TypeScript string of one line. */
function literal(path: string): string {
  const text = JSON.stringify(JSON.parse(readFileSync(path, "utf8")));
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

main();
