import { constants, type Stats } from "node:fs";
import * as nodeFiles from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { getuid, platform as nodePlatform } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { quote, TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import type { Disk, DiskEntry, DiskFile } from "./disk.ts";

/** The part of node:fs/promises that is used here. */
export type DiskFunctions = Pick<
  typeof nodeFiles,
  "lstat" | "mkdir" | "open" | "readdir" | "rename" | "rmdir" | "unlink"
>;

/** What a test puts in the place of the platform. */
export interface NodeDiskOptions {
  readonly platform?: string;
  readonly files?: DiskFunctions;
  readonly sleep?: (ms: number) => Promise<unknown>;
}

/** How often a step is tried on Windows while a scanner or another process has the file open. */
export const maxWindowsTries = 10;
/** The wait before the second try, in milliseconds; it doubles up to `maxWindowsWaitMs`. */
export const firstWindowsWaitMs = 10;
/** The longest wait between two tries, in milliseconds. */
export const maxWindowsWaitMs = 500;

/**
 * The platform's file system. On Windows a rename or removal that says EPERM, EACCES or EBUSY is tried again, since virus
 * scanners and indexers hold files open for moments, and directories are not synced: it cannot be done there, and NTFS
 * journals names by itself. Elsewhere a file system that cannot sync a directory (EINVAL, ENOTSUP) is taken as it is.
 */
export function makeNodeDisk(options: NodeDiskOptions = {}): Disk {
  const { platform = nodePlatform, files = nodeFiles, sleep: wait = sleep } = options;
  const stubborn = platform === "win32" ? (work: Work) => tryAgain(work, wait) : (work: Work) => work();
  const open = (path: string, flags: number, whose: Whose): Promise<DiskFile | undefined> =>
    orUndefined(path, () => openPlain(files, path, flags, whose));
  const isOurs: Whose = platform === "win32" ? anybody : isOwn;
  return {
    stat: (path) => orUndefined(path, async () => entryOf(await files.lstat(path))),
    list: async (path) => (await orUndefined(path, () => files.readdir(path))) ?? [],
    makeDirectory: (path) => settled(path, () => files.mkdir(path), "EEXIST"),
    open: (path) => open(path, constants.O_RDONLY, anybody),
    create: async (path) => {
      const { O_RDWR, O_CREAT, O_EXCL } = constants;
      return failing(path, async () => fileOf(path, await files.open(path, O_RDWR | O_CREAT | O_EXCL, 0o644)));
    },
    reopen: (path) => open(path, constants.O_RDWR, isOurs),
    rename: (from, to) => failing(to, () => stubborn(() => files.rename(from, to))),
    remove: (path) => settled(path, () => stubborn(() => removeEntry(files, path)), "ENOENT"),
    syncDirectory: async (path) => {
      if (platform !== "win32") await failing(path, () => syncDirectory(files, path));
    },
  };
}

type Work = () => Promise<void>;

/** An errno says which sentence; what it does not name is TUF_DISK_FAILED. A TrustError passes as it is. */
export function diskError(error: unknown, path: string): TrustError {
  if (error instanceof TrustError) return error;
  const errno = errnoOf(error);
  const detail = { checked: quote(path), got: errno };
  if (["ENOSPC", "EDQUOT", "EFBIG"].includes(errno)) return tufError("TUF_DISK_FULL", detail, error);
  if (["EROFS", "EACCES", "EPERM"].includes(errno)) return tufError("TUF_DISK_READ_ONLY", detail, error);
  return tufError("TUF_DISK_FAILED", detail, error);
}

function errnoOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "an error";
}

async function failing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Runs the step; one errno means that it was done already. */
async function settled(path: string, work: () => Promise<unknown>, fine: string): Promise<void> {
  await failing(path, async () => {
    try {
      await work();
    } catch (error) {
      if (errnoOf(error) !== fine) throw error;
    }
  });
}

async function orUndefined<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  return failing(path, async () => {
    try {
      return await work();
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw error;
    }
  });
}

async function tryAgain(work: Work, wait: (ms: number) => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await work();
    } catch (error) {
      if (tries === maxWindowsTries || !["EPERM", "EACCES", "EBUSY"].includes(errnoOf(error))) throw error;
      await wait(Math.min(firstWindowsWaitMs * 2 ** (tries - 1), maxWindowsWaitMs));
    }
  }
}

function entryOf(stats: Awaited<ReturnType<DiskFunctions["lstat"]>>): DiskEntry {
  if (stats.isFile()) return { kind: "file", size: Number(stats.size) };
  if (stats.isDirectory()) return { kind: "directory", size: 0 };
  return { kind: stats.isSymbolicLink() ? "link" : "other", size: 0 };
}

type Whose = (stats: Stats) => boolean;

const anybody: Whose = () => true;
/** Nobody else can change it, now or through a handle that they keep. */
const isOwn: Whose = ({ uid, nlink, mode }) => uid === getuid?.() && nlink === 1 && (mode & 0o022) === 0;

// A pipe that was put in the file's place must not make us wait, nor a link lead us elsewhere.
const carefully = (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

async function openPlain(
  files: DiskFunctions,
  path: string,
  flags: number,
  whose: Whose,
): Promise<DiskFile | undefined> {
  const handle = await files.open(path, flags | carefully);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw tufError("TUF_DISK_FAILED", { checked: quote(path), got: "no plain file" });
    if (whose(stats)) return fileOf(path, handle);
    await handle.close();
    return undefined;
  } catch (error) {
    await handle.close().catch(() => {});
    throw error;
  }
}

async function removeEntry(files: DiskFunctions, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    // What unlinking a directory says: Linux, POSIX and Windows.
    if (!["EISDIR", "EPERM", "EACCES"].includes(errnoOf(error)) || !(await files.lstat(path)).isDirectory())
      throw error;
    await files.rmdir(path);
  }
}

function fileOf(path: string, handle: FileHandle): DiskFile {
  return {
    read: (buffer, position) => failing(path, () => readFull(handle, buffer, position)),
    write: (bytes, position) => failing(path, () => writeFull(handle, bytes, position)),
    truncate: (size) => failing(path, () => handle.truncate(size)),
    sync: () => failing(path, () => handle.sync()),
    close: () => failing(path, () => handle.close()),
  };
}

async function readFull(handle: FileHandle, buffer: Uint8Array, position: number): Promise<number> {
  let read = 0;
  while (read < buffer.length) {
    const { bytesRead } = await handle.read(buffer, read, buffer.length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return read;
}

async function writeFull(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

async function syncDirectory(files: DiskFunctions, path: string): Promise<void> {
  const handle = await files.open(path, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "ENOSYS"].includes(errnoOf(error))) throw error;
  } finally {
    await handle.close();
  }
}
