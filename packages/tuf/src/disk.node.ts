import * as fs from "node:fs";
import * as promises from "node:fs/promises";
import { getuid, platform as nodePlatform } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { quote, TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import type { Disk, DiskEntry, DiskFile } from "./disk.ts";

/** The part of the platform that a test can put something in the place of. */
export interface DiskFunctions
  extends
    Pick<typeof fs, "lstatSync" | "mkdirSync" | "openSync" | "readdirSync" | "renameSync">,
    Pick<typeof promises, "rename" | "rmdir" | "unlink"> {
  readonly fsync: (descriptor: number) => Promise<void>;
}

/** The platform's own. */
export const nodeFiles: DiskFunctions = { ...fs, ...promises, fsync: promisify(fs.fsync) };

/**
 * Up to so many bytes are read and written at once: the system keeps them in memory, and handing them to another thread takes ten
 * times as long. So are names looked up, and files opened. More bytes, and whatever waits for the disk itself (to make content
 * durable, to remove or replace what may be large), go to another thread.
 */
const quickBytes = 256 * 1024;

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
    stat: (path) => failing(path, async () => entryOf(files.lstatSync(path, { throwIfNoEntry: false }))),
    list: async (path) => (await orUndefined(path, async () => files.readdirSync(path))) ?? [],
    makeDirectory: (path) => settled(path, async () => files.mkdirSync(path), "EEXIST"),
    open: (path) => open(path, fs.constants.O_RDONLY, anybody),
    create: (path) => {
      const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
      return failing(path, async () => fileOf(path, files.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o644), files));
    },
    reopen: (path) => open(path, fs.constants.O_RDWR, isOurs),
    rename: (from, to) => failing(to, () => stubborn(() => replace(files, from, to))),
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

function entryOf(stats: fs.Stats | undefined): DiskEntry | undefined {
  if (stats === undefined) return undefined;
  if (stats.isFile()) return { kind: "file", size: stats.size };
  if (stats.isDirectory()) return { kind: "directory", size: 0 };
  return { kind: stats.isSymbolicLink() ? "link" : "other", size: 0 };
}

type Whose = (stats: fs.Stats) => boolean;

const anybody: Whose = () => true;
/** Nobody else can change it, now or through a handle that they keep. */
const isOwn: Whose = ({ uid, nlink, mode }) => uid === getuid?.() && nlink === 1 && (mode & 0o022) === 0;

// A pipe that was put in the file's place must not make us wait, nor a link lead us elsewhere.
const carefully = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0) | (fs.constants.O_NOCTTY ?? 0);

async function openPlain(
  files: DiskFunctions,
  path: string,
  flags: number,
  whose: Whose,
): Promise<DiskFile | undefined> {
  const descriptor = files.openSync(path, flags | carefully);
  try {
    const stats = fs.fstatSync(descriptor);
    if (!stats.isFile()) throw tufError("TUF_DISK_FAILED", { checked: quote(path), got: "no plain file" });
    if (whose(stats)) return fileOf(path, descriptor, files);
  } catch (error) {
    fs.closeSync(descriptor);
    throw error;
  }
  fs.closeSync(descriptor);
  return undefined;
}

/** What is replaced is freed in the same step, which takes its time if it is large. */
async function replace(files: DiskFunctions, from: string, to: string): Promise<void> {
  const { size = 0 } = files.lstatSync(to, { throwIfNoEntry: false }) ?? {};
  if (size <= quickBytes) files.renameSync(from, to);
  else await files.rename(from, to);
}

async function removeEntry(files: DiskFunctions, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    // What unlinking a directory says: Linux, POSIX and Windows.
    if (!["EISDIR", "EPERM", "EACCES"].includes(errnoOf(error)) || !files.lstatSync(path).isDirectory()) throw error;
    await files.rmdir(path);
  }
}

function fileOf(path: string, descriptor: number, { fsync }: DiskFunctions): DiskFile {
  let isLarge = false;
  let isOpen = true;
  // The number of a file that was closed may be another file's by now.
  const own = (): number => {
    if (isOpen) return descriptor;
    throw Object.assign(new Error("closed"), { code: "EBADF" });
  };
  return {
    read: (buffer, position) => failing(path, async () => readFull(own(), buffer, position)),
    write: (bytes, position) => {
      isLarge ||= bytes.length > quickBytes;
      return failing(path, async () => writeFull(own(), bytes, position));
    },
    truncate: (size) => failing(path, async () => truncate(own(), size)),
    sync: () => failing(path, async () => fsync(own())),
    close: () =>
      failing(path, async () => {
        const last = own();
        isOpen = false;
        // A network's file system sends now what was written.
        await (isLarge ? close(last) : fs.closeSync(last));
      }),
  };
}

const [read, write] = [promisify(fs.read), promisify(fs.write)];
const [close, truncate] = [promisify(fs.close), promisify(fs.ftruncate)];

async function readFull(descriptor: number, buffer: Uint8Array, position: number): Promise<number> {
  const isQuick = buffer.length <= quickBytes;
  let done = 0;
  while (done < buffer.length) {
    const rest = [buffer, done, buffer.length - done, position + done] as const;
    const count = isQuick ? fs.readSync(descriptor, ...rest) : (await read(descriptor, ...rest)).bytesRead;
    if (count === 0) break;
    done += count;
  }
  return done;
}

async function writeFull(descriptor: number, bytes: Uint8Array, position: number): Promise<void> {
  const isQuick = bytes.length <= quickBytes;
  for (let done = 0; done < bytes.length;) {
    const rest = [bytes, done, bytes.length - done, position + done] as const;
    done += isQuick ? fs.writeSync(descriptor, ...rest) : (await write(descriptor, ...rest)).bytesWritten;
  }
}

async function syncDirectory({ openSync, fsync }: DiskFunctions, path: string): Promise<void> {
  const descriptor = openSync(path, "r");
  try {
    await fsync(descriptor);
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "ENOSYS"].includes(errnoOf(error))) throw error;
  } finally {
    fs.closeSync(descriptor);
  }
}
