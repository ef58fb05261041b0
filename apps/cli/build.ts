/** Bundles the command and its types into dist: `node apps/cli/build.ts`, after `tsc -b`. Does nothing if nothing changed. */
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { OutputAsset, OutputChunk } from "rolldown";
import { input, output } from "./rolldown.config.ts";
import { withQuickChunks } from "./build-chunks.ts";
import { withEagerFunctions } from "./build-eager.ts";
import { copyTypes } from "./build-types.ts";
import { formatNotices } from "./build-notices.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const dist = fileURLToPath(new URL("dist", import.meta.url));
const stamp = join(dist, ".bundled");

if (process.argv.includes("--force") || newestInput() > builtAt()) await build();

async function build(): Promise<void> {
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown(input);
  const { output: files } = await bundle.generate(await withQuickChunks(bundle, output));
  await bundle.close();
  const moduleIds = files.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []));
  const contents = await withEagerFunctions(files);
  // Entries last: a command that starts meanwhile finds either the old set of chunks or the new one.
  const ordered = files.toSorted((one, other) => rank(one) - rank(other));
  for (const { fileName } of ordered) writeReplacing(join(dist, fileName), contents.get(fileName) ?? "");
  writeReplacing(join(dist, "THIRD-PARTY-NOTICES.txt"), formatNotices(moduleIds));
  const kept = new Set(files.map((file) => join(dist, file.fileName)));
  for (const old of globSync(join(dist, "{.,chunks}/*.js"))) if (!kept.has(old)) rmSync(old);
  copyTypes(root, dist);
  writeFileSync(stamp, "");
  report(files);
}

function rank(file: OutputChunk | OutputAsset): number {
  return file.type === "chunk" && file.isEntry ? 1 : 0;
}

function writeReplacing(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.tmp`, content);
  renameSync(`${path}.tmp`, path);
}

function newestInput(): number {
  const patterns = [
    "packages/*/src/**/*",
    "packages/*/package.json",
    "apps/cli/src/**/*",
    "apps/cli/*.{ts,json}",
    "scripts/{builtins-on-use,eager-code,packages-sample}.ts",
    "pnpm-lock.yaml",
  ];
  const files = patterns
    .flatMap((pattern) => globSync(join(root, pattern)))
    .filter((path) => !path.endsWith(".test.ts"));
  return Math.max(...files.map((path) => statSync(path).mtimeMs));
}

function builtAt(): number {
  return existsSync(stamp) && existsSync(join(dist, "main.js")) ? statSync(stamp).mtimeMs : 0;
}

function report(files: readonly (OutputChunk | OutputAsset)[]): void {
  const bytes = files.reduce((sum, file) => sum + ("code" in file ? file.code.length : file.source.length), 0);
  const { version } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8")) as { version: string };
  process.stderr.write(
    `countersign ${version}: ${files.length} files, ${Math.ceil(bytes / 1000)} kB in ${relative(process.cwd(), dist)}\n`,
  );
}
