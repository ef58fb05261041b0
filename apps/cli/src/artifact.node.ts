import { closeSync, fstatSync, read } from "node:fs";
import { digestStream, parseDigest, type Artifact, type HashName } from "@countersign/core";
import { fileError, openFile } from "./input.node.ts";
import { makeProgress, minProgressBytes } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** How an artifact is to be read. */
export interface ReadOptions {
  readonly hashes: readonly HashName[];
  /** Keep up to this many bytes for schemes that need the whole message. */
  readonly keepBytes?: number;
}

/** Whether an operand is a digest rather than a path; a file of such a name is written `./sha256:…`. */
export function isDigestOperand(operand: string): boolean {
  return /^sha(256|384|512):/.test(operand);
}

/**
 * The artifact behind an operand: a path, `-` for standard input, or a digest. Files are streamed in constant memory.
 * Throws CLI_FILE_* errors, and core's for a malformed digest.
 */
export async function readArtifact(operand: string, options: ReadOptions, terminal: Terminal): Promise<Artifact> {
  if (isDigestOperand(operand)) return { name: operand, digests: [parseDigest(operand)] };
  const fd = operand === "-" ? 0 : openFile(operand, "artifact");
  try {
    return await digestFile(fd, operand, options, terminal);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

async function digestFile(fd: number, name: string, options: ReadOptions, terminal: Terminal): Promise<Artifact> {
  const { size } = fstatSync(fd);
  const progress = makeProgress(name, size, terminal);
  const isSmall = size > 0 && size < minProgressBytes;
  try {
    return await digestStream(chunksOf(fd, name), {
      ...options,
      name,
      ...(isSmall ? {} : { onProgress: progress.report }),
    });
  } finally {
    progress.end();
  }
}

/** Two of these are the memory that a file of any size takes, in bytes. */
const chunkBytes = 2 * 1024 * 1024;
const minChunkBytes = 64 * 1024;
const retryDelayMs = 5;

/** Reads ahead into one buffer while the other is being hashed: disk and processor work at the same time. */
async function* chunksOf(fd: number, name: string): AsyncGenerator<Uint8Array> {
  const { size } = fstatSync(fd);
  const bytes = size === 0 ? chunkBytes : Math.min(chunkBytes, Math.max(minChunkBytes, size + 1));
  let [current, next] = [new Uint8Array(bytes), new Uint8Array(bytes)];
  let pending = readChunk(fd, current, name);
  for (;;) {
    const count = await pending;
    if (count === 0) return;
    pending = readChunk(fd, next, name);
    // A consumer that stops early must not leave a rejection nobody hears.
    pending.catch(() => {});
    yield current.subarray(0, count);
    [current, next] = [next, current];
  }
}

/** Fills as much of the buffer as one read gives; 0 is the end. Throws CLI_FILE_* errors. */
function readChunk(fd: number, buffer: Uint8Array, name: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const again = (): void => {
      read(fd, buffer, 0, buffer.length, null, (error, count) => {
        if (error === null) resolve(count);
        else if (error.code === "EOF") resolve(0);
        // Standard input that another process made non-blocking has nothing yet.
        else if (error.code === "EAGAIN") setTimeout(again, retryDelayMs);
        else reject(fileError(error, name, "artifact") as Error);
      });
    };
    again();
  });
}
