import { closeSync, fstatSync, lstatSync, read, readSync } from "node:fs";
import {
  digestStream,
  parseDigest,
  quote,
  TrustError,
  type Artifact,
  type Digest,
  type HashName,
} from "@countersign/core";
import { cliError } from "./errors.ts";
import { fileError, openFile } from "./input.node.ts";
import { makeProgress, minProgressBytes } from "./progress.ts";
import type { Terminal } from "./terminal.ts";

/** How an artifact is to be read. */
export interface ReadOptions {
  readonly hashes: readonly HashName[];
  /** Keep up to this many bytes for schemes that need the whole message. */
  readonly keepBytes?: number;
  /** Is shown every piece, once; a piece may be overwritten as soon as it returns. */
  readonly onPiece?: (piece: Uint8Array) => void;
}

/** Whether an operand is a digest rather than a path; a file of such a name is written `./sha256:…`. */
export function isDigestOperand(operand: string): boolean {
  return /^sha(256|384|512):/.test(operand);
}

/**
 * The artifact behind an operand: a path, `-` for standard input, or a digest. Files are streamed in constant memory.
 * Throws CLI_FILE_* errors, CLI_OPERAND_AMBIGUOUS for a digest after which a file is named, CLI_DIGEST_OPERAND for what only begins like one.
 */
export async function readArtifact(operand: string, options: ReadOptions, terminal: Terminal): Promise<Artifact> {
  if (isDigestOperand(operand)) return digestArtifact(operand);
  const fd = operand === "-" ? 0 : openFile(operand, "artifact");
  try {
    return await digestFile(fd, operand, options, terminal);
  } finally {
    if (fd !== 0) closeSync(fd);
  }
}

/** Who verifies whatever lies in a folder must not be told of another file by the name of this one. */
function digestArtifact(operand: string): Artifact {
  if (isNameTaken(operand)) throw cliError("CLI_OPERAND_AMBIGUOUS", { got: quote(operand) });
  return { name: operand, digests: [digestOperand(operand)] };
}

function digestOperand(operand: string): Digest {
  try {
    return parseDigest(operand);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_DIGEST_OPERAND", { got: quote(operand) }, error);
  }
}

function isNameTaken(path: string): boolean {
  try {
    lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

async function digestFile(fd: number, name: string, options: ReadOptions, terminal: Terminal): Promise<Artifact> {
  const { size } = fstatSync(fd);
  const progress = makeProgress(name, size, terminal);
  const isSmall = size > 0 && size < minProgressBytes;
  try {
    return await digestStream(
      options.onPiece === undefined ? chunksOf(fd, name) : shown(chunksOf(fd, name), options.onPiece),
      {
        ...options,
        name,
        ...(isSmall ? {} : { onProgress: progress.report }),
      },
    );
  } finally {
    progress.end();
  }
}

async function* shown(
  pieces: AsyncIterable<Uint8Array>,
  onPiece: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    onPiece(piece);
    yield piece;
  }
}

/** Fits a processor's own cache: 4 GiB take 2.6 s in such pieces, 3.3 s in pieces of 2 MiB read ahead by another thread. */
const chunkBytes = 256 * 1024;
const retryDelayMs = 5;
/** How much is hashed before signals and timers get their turn, in bytes. */
const turnBytes = 64 * 1024 * 1024;

/** A regular file is read synchronously: the operating system reads ahead by itself, and nothing waits for a thread. */
async function* chunksOf(fd: number, name: string): AsyncGenerator<Uint8Array> {
  const stats = fstatSync(fd);
  const isRegular = stats.isFile();
  // No more room than is needed, for lists of small files; what seems to be empty may be made as it is read.
  const buffer = new Uint8Array(isRegular && stats.size > 0 ? Math.min(stats.size, chunkBytes) : chunkBytes);
  for (let done = 0; ;) {
    const count = isRegular ? readNow(fd, buffer, name) : await readLater(fd, buffer, name);
    if (count === 0) return;
    yield buffer.subarray(0, count);
    if (Math.floor(done / turnBytes) !== Math.floor((done += count) / turnBytes)) await new Promise(setImmediate);
  }
}

function readNow(fd: number, buffer: Uint8Array, name: string): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    throw fileError(error, name, "artifact");
  }
}

/** For pipes, which may have nothing yet. 0 is the end. */
function readLater(fd: number, buffer: Uint8Array, name: string): Promise<number> {
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
