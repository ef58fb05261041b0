import { resolve } from "node:path";
import { makeDirectoryStore } from "./directory-store.ts";
import { makeNodeDisk } from "./disk.node.ts";
import { nodeLocks } from "./lock.node.ts";
import type { Disk } from "./disk.ts";
import type { Locks } from "./lock.ts";
import type { Store } from "./store.ts";

/** How long a session waits for other processes unless the caller says otherwise, in milliseconds. */
export const defaultStoreWaitMs = 60_000;

/** What can be put in the place of the defaults. */
export interface OpenStoreOptions {
  /** How long a session waits for other processes, in milliseconds; 60 s unless given. */
  readonly maxWaitMs?: number;
  readonly disk?: Disk;
  readonly locks?: Locks;
}

/**
 * The store in a directory, which is made when the first session opens. Any number of processes may share it, as long as
 * they run on one machine or the file system passes locks on to others (NFS 4 and SMB do).
 * Sessions reject with TUF_STORE_BUSY, TUF_STORE_ABORTED, TUF_LOCK_FAILED, TUF_DISK_FULL, TUF_DISK_READ_ONLY, TUF_DISK_FAILED.
 */
export function openStore(directory: string, options: OpenStoreOptions = {}): Store {
  const { maxWaitMs = defaultStoreWaitMs, disk = makeNodeDisk(), locks = nodeLocks } = options;
  return makeDirectoryStore({ directory: slashed(resolve(directory)), disk, locks, sleep, maxWaitMs });
}

/** Windows takes both kinds of slash. */
export function slashed(path: string): string {
  return process.platform === "win32" ? path.replaceAll("\\", "/") : path;
}

/**
 * Resolves after so many milliseconds, or rejects with the signal's reason. Node's own makes an error with a stack for each sleep that
 * is cut short, and of those a client of a repository has one for each request.
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted === true) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
