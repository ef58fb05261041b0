/**
 * One cold run of one side in a process of its own: `node side.ts own|tuf-js|floor URL FOLDER [NAMES]`. Prints what it took as
 * JSON. Modules are loaded before the clock starts.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { floor } from "./floor.ts";
import { targetName } from "./target-name.ts";

const [side = "", url = "", folder = "", lookUps = "0", floorFile = "1.targets.json"] = process.argv.slice(2);
const root = new Uint8Array(readFileSync(join(folder, "metadata", "1.root.json")));
const names = Array.from({ length: Number(lookUps) }, (_, at) => targetName(at * 7));
const store = mkdtempSync(join(tmpdir(), "countersign-tuf-bench-"));

try {
  const run = await prepare();
  const started = performance.now();
  const found = await run();
  const ms = performance.now() - started;
  if (found !== names.length) throw new Error(`${side} found ${found} of ${names.length}`);
  process.stdout.write(JSON.stringify({ ms, peakBytes: process.resourceUsage().maxRSS * 1024 }));
} finally {
  rmSync(store, { recursive: true });
}

/** Gives what is measured, which gives how many of the names it found. */
async function prepare(): Promise<() => Promise<number>> {
  if (side === "own") return own();
  if (side === "tuf-js") return tufJs();
  const key = Object.values((JSON.parse(new TextDecoder().decode(root)) as RootFile).signed.keys)[0];
  const file = join(folder, "metadata", floorFile);
  return async () => (floor(file, key?.keyval.public ?? "") ? names.length : -1);
}

interface RootFile {
  readonly signed: { readonly keys: Readonly<Record<string, { readonly keyval: { readonly public: string } }>> };
}

async function own(): Promise<() => Promise<number>> {
  const { createUpdater, makeHttpFetcher } = await import("@countersign/tuf");
  const { httpFetch, openStore, sleep } = await import("@countersign/tuf/node");
  return async () => {
    const world = { fetch: httpFetch, sleep, tickMs: () => performance.now() };
    const fetch = makeHttpFetcher({ mirrors: [{ metadataUrl: `${url}/metadata/` }], ...world });
    const updater = createUpdater({ root, store: openStore(store), fetch, now: () => new Date() });
    await updater.refresh();
    return names.length === 0 ? 0 : (await updater.targets(names)).filter((each) => each !== undefined).length;
  };
}

async function tufJs(): Promise<() => Promise<number>> {
  const { Updater } = await import("tuf-js");
  writeFileSync(join(store, "root.json"), root);
  return async () => {
    const updater = new Updater({
      metadataDir: store,
      metadataBaseUrl: `${url}/metadata`,
      config: { snapshotMaxLength: 5e7, targetsMaxLength: 5e7 },
    });
    await updater.refresh();
    let count = 0;
    for (const name of names) if ((await updater.getTargetInfo(name)) !== undefined) count++;
    return count;
  };
}
