import { createHash, hash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { BigIntStats, Stats } from "node:fs";

/**
 * What an artifact is hashed with, as links name it. `gitoid:blob:sha256` is the id git gives the content in a SHA-256
 * repository: the hash over `blob <length>\0` and the content.
 */
export type ArtifactHash = "sha256" | "sha384" | "sha512" | "gitoid:blob:sha256";

/** How files are hashed. Plain data, so that it can be sent to a thread. */
export interface HashPlan {
  readonly hashes: readonly ArtifactHash[];
  /** `lf`: each CR LF and each CR counts as one LF, as the reference's normalisation. */
  readonly lineEndings: "keep" | "lf";
  /** Whether results say which state of which file was hashed. */
  readonly isStamped?: boolean;
}

/**
 * Hashes in the order of the plan, lower-case hex, and the file's state while it was read; or why there are none:
 * `changed` while it was read, thrice; `special` if it is no regular file; `gone`; `unreadable`.
 */
export type FileHash =
  | { readonly hashes: readonly string[]; readonly size: number; readonly stamp?: FileStamp }
  | { readonly failed: "changed" | "special" | "gone" | "unreadable"; readonly errno: string };

/** The state of a file while it was read. */
export interface FileStamp {
  /** See `stampOf`. */
  readonly text: string;
  /** When content or inode last changed, in milliseconds. */
  readonly changedMs: number;
}

/** How often a file is read again that changed while it was read. */
export const maxFileReads = 3;
/** Size of the buffer that `hashFile` needs, in bytes: fits a processor's own cache. */
export const hashBufferBytes: number = 256 * 1024;

// A FIFO or a terminal that was put in the file's place after it was listed must neither block nor take us over.
const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/**
 * Hashes one file in constant memory, following links. Never throws and never waits for a pipe or device. What is hashed
 * is one state of the file, as far as its size and times tell: if they changed meanwhile it is read again.
 */
export function hashFile(path: string, plan: HashPlan, buffer: Uint8Array): FileHash {
  for (let read = 1; ; read++) {
    const result = readOnce(path, plan, buffer);
    if (!("failed" in result) || result.failed !== "changed" || read === maxFileReads) return result;
  }
}

/** Which state of which file this is: device, inode, size, and times of change in nanoseconds. */
export function stampOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}

function fileStampOf(stats: BigIntStats): FileStamp {
  const { ctimeNs, mtimeNs } = stats;
  return { text: stampOf(stats), changedMs: Number((ctimeNs > mtimeNs ? ctimeNs : mtimeNs) / 1_000_000n) };
}

function readOnce(path: string, plan: HashPlan, buffer: Uint8Array): FileHash {
  let fd: number | undefined;
  try {
    fd = openSync(path, openFlags);
    return hashOpen(fd, plan, buffer);
  } catch (error) {
    return failureOf(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function failureOf(error: unknown): FileHash {
  const errno = (error as NodeJS.ErrnoException).code ?? "an error";
  if (errno === "ENOENT" || errno === "ENOTDIR") return { failed: "gone", errno };
  // What opening a socket, or a device without a driver, says.
  if (errno === "ENXIO" || errno === "EOPNOTSUPP") return { failed: "special", errno };
  return { failed: "unreadable", errno };
}

function hashOpen(fd: number, plan: HashPlan, buffer: Uint8Array): FileHash {
  const { isStamped = false } = plan;
  const before = fstatSync(fd, { bigint: isStamped });
  if (!before.isFile()) return { failed: "special", errno: "not a regular file" };
  const size = Number(before.size);
  const { hashes, read } =
    plan.lineEndings === "lf" ? hashText(fd, plan, buffer, size) : hashBytes(fd, plan, buffer, size);
  if (read !== size || !isSameState(before, fstatSync(fd, { bigint: isStamped })))
    return { failed: "changed", errno: "" };
  return "ctimeNs" in before ? { hashes, size, stamp: fileStampOf(before) } : { hashes, size };
}

/** Of one open file, whose device and inode stay. Milliseconds have fractions unless they are BigInts. */
function isSameState(before: Stats | BigIntStats, after: Stats | BigIntStats): boolean {
  if (before.size !== after.size || before.mtimeMs !== after.mtimeMs || before.ctimeMs !== after.ctimeMs) return false;
  return (
    !("ctimeNs" in before && "ctimeNs" in after) ||
    (before.mtimeNs === after.mtimeNs && before.ctimeNs === after.ctimeNs)
  );
}

interface Hashed {
  readonly hashes: readonly string[];
  readonly read: number;
}

function hashBytes(fd: number, plan: HashPlan, buffer: Uint8Array, size: number): Hashed {
  if (size <= buffer.length) {
    const read = readFull(fd, buffer, size);
    const content = buffer.subarray(0, read);
    return { read, hashes: plan.hashes.map((name) => (isGitoid(name) ? gitoidOf(content) : hash(name, content))) };
  }
  const states = openStates(plan, size);
  const read = readChunks(fd, buffer, (chunk) => states.forEach((state) => state.update(chunk)));
  return { read, hashes: states.map((state) => state.digest("hex")) };
}

/** Two passes if a gitoid is wanted, whose prefix holds the length after normalisation. */
function hashText(fd: number, plan: HashPlan, buffer: Uint8Array, size: number): Hashed {
  let normalSize = size;
  if (plan.hashes.some(isGitoid)) {
    normalSize = 0;
    readLines(fd, buffer, (chunk) => void (normalSize += chunk.length));
  }
  const states = openStates(plan, normalSize);
  const read = readLines(fd, buffer, (chunk) => states.forEach((state) => state.update(chunk)));
  return { read, hashes: states.map((state) => state.digest("hex")) };
}

function openStates(plan: HashPlan, size: number): readonly ReturnType<typeof createHash>[] {
  return plan.hashes.map((name) => (isGitoid(name) ? createHash("sha256").update(`blob ${size}\0`) : createHash(name)));
}

function isGitoid(name: ArtifactHash): name is "gitoid:blob:sha256" {
  return name === "gitoid:blob:sha256";
}

function gitoidOf(content: Uint8Array): string {
  return createHash("sha256").update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** Fills the buffer up to `size`; less only at the end of the file. */
function readFull(fd: number, buffer: Uint8Array, size: number): number {
  let read = 0;
  while (read < size) {
    const count = readSync(fd, buffer, read, size - read, read);
    if (count === 0) break;
    read += count;
  }
  return read;
}

function readChunks(fd: number, buffer: Uint8Array, take: (chunk: Uint8Array) => void): number {
  for (let read = 0; ;) {
    const count = readSync(fd, buffer, 0, buffer.length, read);
    if (count === 0) return read;
    take(buffer.subarray(0, count));
    read += count;
  }
}

const lf = 0x0a;
const cr = 0x0d;

/** As `readChunks`, with each CR LF and each CR turned into LF, in place: the text only gets shorter. */
function readLines(fd: number, buffer: Uint8Array, take: (chunk: Uint8Array) => void): number {
  let afterCr = false;
  return readChunks(fd, buffer, (chunk) => {
    let to = 0;
    for (const byte of chunk) {
      if (!(afterCr && byte === lf)) chunk[to++] = byte === cr ? lf : byte;
      afterCr = byte === cr;
    }
    take(chunk.subarray(0, to));
  });
}
