import { readFile } from "node:fs/promises";
import { TrustError } from "@countersign/core";
import {
  createUpdater,
  makeHttpFetcher,
  maxRootBytes,
  needTarget,
  parseRoot,
  roleFile,
  saveTarget,
  type Fetcher,
  type Store,
  type Updater,
} from "@countersign/tuf";
import { httpFetch, openStore, openTargetFolder, sleep } from "@countersign/tuf/node";
import { parseArguments, usage, type Arguments } from "./argument.ts";

/** Where `init` keeps the root that it was given. Not `….json`: those are the metadata in use. */
const anchorFile = "anchor";

/** 0 or 1 and nothing else, as the protocol says; the reason goes to stderr with its code. */
async function main(words: readonly string[]): Promise<0 | 1> {
  const args = parseArguments(words);
  if (args === undefined) {
    process.stderr.write(usage);
    return 1;
  }
  if (args.command === "init") await init(args.metadataDir, args.root);
  else if (args.command === "refresh") await (await open(args)).updater.refresh();
  else await download(args);
  return 0;
}

/** The trusted root is the start of every later run, and what the suite sees before the first one. */
async function init(metadataDir: string, file: string): Promise<void> {
  const root = new Uint8Array(await readFile(file));
  parseRoot(root);
  await openStore(metadataDir).open(async (session) => {
    await session.write(anchorFile, root);
    await session.write(roleFile("root"), root);
  });
}

async function download(args: Extract<Arguments, { command: "download" }>): Promise<void> {
  const { updater, fetch } = await open(args);
  const targets = await updater.targets(args.targetNames);
  const folder = await openTargetFolder(args.targetDir, { storeDirectory: args.metadataDir });
  for (const [at, target] of targets.entries()) {
    await saveTarget(fetch, needTarget(args.targetNames[at] ?? "", target), folder);
  }
}

async function open(args: Exclude<Arguments, { command: "init" }>): Promise<{ updater: Updater; fetch: Fetcher }> {
  const store = openStore(args.metadataDir);
  const targetsUrl = args.command === "download" ? { targetsUrl: args.targetBaseUrl } : {};
  const fetch = makeHttpFetcher({
    mirrors: [{ metadataUrl: args.metadataUrl, ...targetsUrl }],
    fetch: httpFetch,
    sleep,
    tickMs: () => performance.now(),
  });
  // The suite moves the clock to and fro.
  const clock = { now: () => new Date(), dangerClock: true } as const;
  return { updater: createUpdater({ root: await readAnchor(store), store, fetch, ...clock }), fetch };
}

async function readAnchor(store: Store): Promise<Uint8Array> {
  const root = await store.open(async (session) => {
    return (await session.read(anchorFile, maxRootBytes)) ?? session.read(roleFile("root"), maxRootBytes);
  });
  if (root === undefined) throw new Error("no trusted root: run init first");
  return root;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const code = error instanceof TrustError ? `${error.code}: ` : "";
  process.stderr.write(`${code}${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
