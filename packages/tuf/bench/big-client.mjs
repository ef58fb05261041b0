/**
 * A process that does one thing with a large file and says on standard output how it went, as JSON. Plain JavaScript over the
 * built packages, so that its memory is that of a program which uses them: `save FROM DIR BYTES DIGEST` (FROM is an address, or a
 * folder with `targets` in it) or `hash FILE`.
 */
import { createHash } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { parseDigest } from "@countersign/core";
import { makeHttpFetcher, saveTarget } from "@countersign/tuf";
import { httpFetch, makeDirectoryFetcher, openTargetFolder } from "@countersign/tuf/node";

const [mode = "", ...rest] = process.argv.slice(2);

function fetcherOf(from) {
  if (!from.startsWith("http:")) return makeDirectoryFetcher({ metadata: `${from}/metadata` });
  return makeHttpFetcher({
    fetch: httpFetch,
    sleep: (ms, signal) => wait(ms, undefined, { signal }),
    tickMs: () => performance.now(),
    mirrors: [{ metadataUrl: `${from}/metadata/` }],
  });
}

async function save([from = "", directory = "", length = "0", digest = ""]) {
  const wanted = { name: "big.bin", length: Number(length), digests: [parseDigest(digest)], addresses: ["big.bin"] };
  await saveTarget(fetcherOf(from), wanted, await openTargetFolder(directory));
}

/** The floor: read and hash, nothing else. */
function hashFile([path = ""]) {
  const buffer = Buffer.alloc(1024 * 1024);
  const hasher = createHash("sha256");
  const file = openSync(path, "r");
  for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
    hasher.update(buffer.subarray(0, read));
  closeSync(file);
  return `sha256:${hasher.digest("hex")}`;
}

const delay = monitorEventLoopDelay({ resolution: 1 });
delay.enable();
await wait(5);
delay.reset();
const startedMs = performance.now();
const digest = mode === "save" ? await save(rest) : hashFile(rest);
const ms = performance.now() - startedMs;
await wait(5);
delay.disable();
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(`${JSON.stringify({ ms, longestBlockMs: delay.max / 1e6, peakBytes, digest })}\n`);
