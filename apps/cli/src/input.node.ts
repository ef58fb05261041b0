import { closeSync, fstatSync, mkdirSync, openSync, readSync, statSync } from "node:fs";
import { quote, TrustError } from "@countersign/core";
import { cliError } from "./errors.ts";

/** The largest bundle, key, trust root or configuration that is read, in bytes. */
export const maxSmallFileBytes: number = 16 * 1024 * 1024;

/** Reads a whole file of at most `maxBytes`. Throws a CLI_FILE_* error; `what` names its role in the message. */
export function readSmallFile(path: string, what: string, maxBytes: number = maxSmallFileBytes): Uint8Array {
  const fd = openFile(path, what);
  try {
    const bytes = readUpTo(fd, maxBytes + 1);
    if (bytes.length > maxBytes) {
      throw cliError("CLI_FILE_TOO_LARGE", {
        checked: `${what} ${quote(path)}`,
        expected: `at most ${maxBytes} bytes`,
      });
    }
    return bytes;
  } catch (error) {
    throw fileError(error, path, what);
  } finally {
    closeSync(fd);
  }
}

/** As `readSmallFile`; undefined if nothing of that name is there. */
export function readIfPresent(path: string, what: string): Uint8Array | undefined {
  try {
    return readSmallFile(path, what);
  } catch (error) {
    if (error instanceof TrustError && error.code === "CLI_FILE_MISSING") return undefined;
    throw error;
  }
}

/** All of standard input, at most `maxBytes`. Throws CLI_FILE_TOO_LARGE. */
export async function readStandardInput(maxBytes: number = maxSmallFileBytes): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of process.stdin) {
    size += (chunk as Uint8Array).length;
    if (size > maxBytes)
      throw cliError("CLI_FILE_TOO_LARGE", { checked: "standard input", expected: `at most ${maxBytes} bytes` });
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks);
}

/** The directory, if it is one. Throws a CLI_FILE_* error; does not check that it can be written to. */
export function checkDirectory(path: string, what: string): string {
  const checked = `${what} ${quote(path)}`;
  try {
    if (statSync(path).isDirectory()) return path;
  } catch (error) {
    throw fileError(error, path, what);
  }
  throw cliError("CLI_FILE_MISSING", { checked, expected: "a directory", got: "a file" });
}

/** Makes a directory and those above it, if they are not there. Throws a CLI_FILE_* error. */
export function makeDirectory(path: string, what: string, mode?: number): void {
  try {
    mkdirSync(path, { recursive: true, ...(mode !== undefined && { mode }) });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") checkDirectory(path, what);
    throw fileError(error, path, what);
  }
}

/** As `checkPresent`, and refuses a directory (CLI_FILE_DIRECTORY): for what will be read only after something else was done. */
export function checkFile(path: string, what: string): void {
  checkPresent(path, what);
  if (statSync(path).isDirectory()) throw cliError("CLI_FILE_DIRECTORY", `${what} ${quote(path)}`);
}

/** Throws a CLI_FILE_* error if nothing of that name is there; opens nothing, so that a pipe keeps nobody waiting. */
export function checkPresent(path: string, what: string): void {
  try {
    statSync(path);
  } catch (error) {
    throw fileError(error, path, what);
  }
}

/** Opens a file for reading and returns its descriptor. A directory is refused here, where the message can say so. */
export function openFile(path: string, what: string): number {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    if (fstatSync(fd).isDirectory()) throw cliError("CLI_FILE_DIRECTORY", `${what} ${quote(path)}`);
    return fd;
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    throw fileError(error, path, what);
  }
}

/** The error of ours for an error of the file system; what is ours already stays as it is. */
export function fileError(error: unknown, path: string, what: string): unknown {
  const { code } = (error ?? {}) as Partial<NodeJS.ErrnoException>;
  const checked = `${what} ${quote(path)}`;
  if (typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return error;
  return errnoError(code, checked, error);
}

function errnoError(code: string, checked: string, cause: unknown): TrustError {
  if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG")
    return cliError("CLI_FILE_MISSING", checked, cause);
  if (code === "EISDIR") return cliError("CLI_FILE_DIRECTORY", checked, cause);
  return cliError("CLI_FILE_UNREADABLE", { checked, got: code }, cause);
}

const chunkBytes = 64 * 1024;

function readUpTo(fd: number, maxBytes: number): Uint8Array {
  const size = Math.max(fstatSync(fd).size + 1, chunkBytes);
  let buffer = new Uint8Array(Math.min(size, maxBytes));
  let length = 0;
  for (;;) {
    const count = readSync(fd, buffer, length, buffer.length - length, null);
    length += count;
    if (count === 0 || length === maxBytes) return buffer.subarray(0, length);
    if (length === buffer.length) buffer = grown(buffer, maxBytes);
  }
}

function grown(buffer: Uint8Array, maxBytes: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(buffer.length * 2, maxBytes));
  larger.set(buffer);
  return larger;
}
