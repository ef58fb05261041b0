import { parentPort, workerData } from "node:worker_threads";
import { hashBufferBytes, hashFile } from "./file-hash.node.ts";
import type { FileHash } from "./file-hash.node.ts";
import type { HashTask } from "./hash-pool.node.ts";

/** Runs in a thread of `hashFiles`: takes files off the shared counter until none is left, then hands in all it has. */
const { paths, from, plan, counter } = workerData as HashTask;
const buffer = new Uint8Array(hashBufferBytes);
const done: [number, FileHash][] = [];
for (;;) {
  const at = Atomics.add(counter, 0, 1);
  const path = paths[at - from];
  if (path === undefined) break;
  done.push([at, hashFile(path, plan, buffer)]);
}
parentPort?.postMessage(done);
