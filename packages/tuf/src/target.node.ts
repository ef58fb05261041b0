import { randomUUID } from "node:crypto";
import { resolve } from "node:path";
import process from "node:process";
import { hash, hex, utf8 } from "@countersign/core";
import { makeNodeDisk } from "./disk.node.ts";
import { makeDirectories, type Disk } from "./disk.ts";
import { nodeLocks } from "./lock.node.ts";
import { slashed, sleep } from "./store.node.ts";
import type { TargetFolder } from "./target-save.ts";

/** How long a download waits for another process that downloads the same, in milliseconds. */
export const defaultTargetWaitMs: number = 60 * 60 * 1000;

/** How targets are saved. */
export interface TargetFolderOptions {
  /**
   * A directory of the client's own, such as its store: with it a download that was ended is continued by the next process,
   * and processes that want the same target wait for each other.
   */
  readonly storeDirectory?: string;
  readonly maxWaitMs?: number;
  readonly disk?: Disk;
}

/** The folder into which targets are saved; it is made when the first one comes. Rejects with TUF_DISK_*. */
export async function openTargetFolder(directory: string, options: TargetFolderOptions = {}): Promise<TargetFolder> {
  const { storeDirectory, maxWaitMs = defaultTargetWaitMs, disk = makeNodeDisk() } = options;
  const naming = process.platform === "win32" ? "windows" : "posix";
  const folder = { directory: slashed(resolve(directory)), disk, naming } as const;
  if (storeDirectory === undefined) return { ...folder, owner: { kind: "alone", newId: randomUUID } };
  // Its name keeps it out of the store's list.
  const lockDirectory = `${slashed(resolve(storeDirectory))}/.target-locks`;
  await makeDirectories(disk, lockDirectory);
  const id = hex(hash("sha256", utf8(lockDirectory))).slice(0, 16);
  return { ...folder, owner: { kind: "shared", lockDirectory, id, locks: nodeLocks, sleep, maxWaitMs } };
}
