/**
 * Puts the packages whose start counts together for Node, after `tsc -b`: `node scripts/build-packages.ts`. From the many modules in
 * `dist` it makes few files in `dist/node`, which `exports` names under the condition `node`. See docs/decisions/0026-node-bundles.md.
 * Does nothing if nothing changed.
 */
import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OutputChunk } from "rolldown";
import { builtinsOnUse } from "./builtins-on-use.ts";
import { inParentheses, readCoverage, runNode, type Ran } from "./eager-code.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const packages = join(root, "packages");
/** The entries of each package, by their names in `dist`. */
const plans = { core: ["index"], tuf: ["index", "index.node"] } as const;

if (process.argv.includes("--force") || newestInput() > builtAt()) await build();

async function build(): Promise<void> {
  const bundles = await Promise.all(
    Object.entries(plans).map(async ([name, entries]) => [name, await bundle(name, entries)] as const),
  );
  const ran = watchUpdating(new Map(bundles));
  for (const [name, chunks] of bundles) writeBundle(name, chunks, ran);
}

/** The packages' chunks as they are, entries last. */
async function bundle(name: string, entries: readonly string[]): Promise<readonly OutputChunk[]> {
  const { rolldown } = await import("rolldown");
  const made = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry, join(packages, name, "dist", `${entry}.js`)])),
    platform: "node",
    // Other packages, and what the package itself loads when it is asked for.
    external: /^(?:@|#prehash$|#ml-dsa$)/,
    plugins: [builtinsOnUse],
    preserveEntrySignatures: "strict",
    treeshake: { moduleSideEffects: false },
  });
  const { output } = await made.generate({
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    comments: { legal: true, jsdoc: false, annotation: true },
  });
  await made.close();
  const chunks = output.filter((file): file is OutputChunk => file.type === "chunk");
  return chunks.toSorted((one, other) => Number(one.isEntry) - Number(other.isEntry));
}

/** Where the functions start that an update client runs. */
function watchUpdating(bundles: ReadonlyMap<string, readonly OutputChunk[]>): Ran {
  const folder = mkdtempSync(join(tmpdir(), "countersign-build-"));
  try {
    for (const [name, chunks] of bundles) {
      const place = join(folder, "node_modules/@countersign", name);
      mkdirSync(join(place, "dist/node"), { recursive: true });
      copyFileSync(join(packages, name, "package.json"), join(place, "package.json"));
      for (const { fileName, code } of chunks) writeFileSync(join(place, "dist/node", fileName), code);
    }
    const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
    runNode(["--conditions=@countersign/source", here("packages-sample.ts"), folder]);
    const client = join(folder, "client.mts");
    copyFileSync(here("packages-sample-client.ts"), client);
    runNode([client, folder], { NODE_V8_COVERAGE: join(folder, "coverage") });
    return readCoverage(join(folder, "coverage"), join(folder, "node_modules/@countersign"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeBundle(name: string, chunks: readonly OutputChunk[], ran: Ran): void {
  const folder = join(packages, name, "dist/node");
  mkdirSync(folder, { recursive: true });
  for (const { fileName, code } of chunks) {
    const path = join(folder, fileName);
    writeFileSync(`${path}.tmp`, inParentheses(code, ran.get(`${name}/dist/node/${fileName}`) ?? new Set()));
    renameSync(`${path}.tmp`, path);
  }
  const kept = new Set(chunks.map(({ fileName }) => fileName));
  for (const old of readdirSync(folder)) if (!kept.has(old)) rmSync(join(folder, old));
}

function newestInput(): number {
  const names = `{${Object.keys(plans).join(",")}}`;
  const scripts = "{build-packages,builtins-on-use,eager-code,packages-sample,packages-sample-client}.ts";
  const patterns = [
    `packages/${names}/dist/*.js`,
    `packages/${names}/package.json`,
    `scripts/${scripts}`,
    "pnpm-lock.yaml",
  ];
  return Math.max(
    ...patterns.flatMap((pattern) => globSync(join(root, pattern))).map((path) => statSync(path).mtimeMs),
  );
}

/** When the oldest of the entries was written; each is written last of its package. */
function builtAt(): number {
  const paths = Object.entries(plans).flatMap(([name, entries]) =>
    entries.map((entry) => join(packages, name, "dist/node", `${entry}.js`)),
  );
  return Math.min(...paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)));
}
