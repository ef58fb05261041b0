import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { coreError } from "@countersign/core";
import { hashBufferBytes, hashFile } from "./file-hash.node.ts";
import type { FileHash, HashPlan } from "./file-hash.node.ts";

/** What a thread is given. */
export interface HashTask {
  readonly paths: readonly string[];
  /** Index of the first of `paths` in the whole list. */
  readonly from: number;
  readonly plan: HashPlan;
  /** The next index that nobody has taken. */
  readonly counter: Int32Array;
}

/** How files are shared out. */
export interface PoolOptions {
  readonly plan: HashPlan;
  /** At most so many files are hashed at once; default: one a processor, at most four (each needs 15 MB). */
  readonly maxThreads?: number;
  readonly signal?: AbortSignal;
}

/** The most threads unless the caller says otherwise. */
export const defaultMaxThreads = 4;
/** Threads are started once this much was hashed and there is more, in bytes: what one thread takes 40 ms for. */
const alonePace = 64 * 1024 * 1024;
/** What a file costs besides its content, in bytes that could be hashed meanwhile. */
const fileCost = 24 * 1024;

/**
 * Hashes files, one result each in their order, on this thread and, if there is much to do, on others. Reads
 * synchronously: the operating system reads ahead by itself. Every 64 MiB timers and signals get their turn.
 * Throws CORE_STREAM_ABORTED when the signal says so; what is wrong with a file is in its result.
 */
export async function hashFiles(paths: readonly string[], options: PoolOptions): Promise<readonly FileHash[]> {
  const results: FileHash[] = Array.from({ length: paths.length });
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const buffer = new Uint8Array(hashBufferBytes);
  let threads: readonly Thread[] = [];
  let spent = 0;
  try {
    for (let at = take(counter); at < paths.length; at = take(counter)) {
      const result = hashFile(paths[at] as string, options.plan, buffer);
      results[at] = result;
      spent += fileCost + ("size" in result ? result.size : 0);
      if (spent < alonePace) continue;
      spent = 0;
      await new Promise(setImmediate);
      checkSignal(options.signal);
      if (threads.length === 0) threads = startThreads(paths, at + 1, counter, options);
    }
    await gather(threads, results, options.signal);
  } finally {
    await Promise.all(threads.map(({ worker }) => worker.terminate()));
  }
  // What a thread took and did not hand in, because it could not be started or died.
  for (let at = 0; at < paths.length; at++) results[at] ??= hashFile(paths[at] as string, options.plan, buffer);
  return results;
}

interface Thread {
  readonly worker: Worker;
  readonly done: Promise<readonly [number, FileHash][]>;
}

function take(counter: Int32Array): number {
  return Atomics.add(counter, 0, 1);
}

function startThreads(
  paths: readonly string[],
  from: number,
  counter: Int32Array,
  { plan, maxThreads }: PoolOptions,
): readonly Thread[] {
  const most = maxThreads ?? Math.min(availableParallelism(), defaultMaxThreads);
  const count = Math.min(most - 1, paths.length - from - 1);
  const task: HashTask = { paths: paths.slice(from), from, plan, counter };
  return count < 1
    ? []
    : Array.from({ length: count }, () => startThread(task)).filter((thread) => thread !== undefined);
}

/** Undefined if there is no file to start it from: then this thread does all of it. */
function startThread(workerData: HashTask): Thread | undefined {
  try {
    const worker = new Worker(createRequire(import.meta.url).resolve("#hash-worker"), { workerData, execArgv: [] });
    const done = new Promise<readonly [number, FileHash][]>((resolve) => {
      worker.once("message", resolve);
      worker.once("error", () => resolve([]));
      worker.once("exit", () => resolve([]));
    });
    return { worker, done };
  } catch {
    return undefined;
  }
}

async function gather(threads: readonly Thread[], results: FileHash[], signal: AbortSignal | undefined): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal?.addEventListener("abort", () => resolve(), { once: true }));
  const all = Promise.all(threads.map(({ done }) => done));
  await Promise.race([all, stopped]);
  checkSignal(signal);
  for (const done of await all) for (const [at, result] of done) results[at] = result;
}

function checkSignal(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw coreError("CORE_STREAM_ABORTED");
}
