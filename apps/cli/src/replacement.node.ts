import { randomBytes } from "node:crypto";
import { closeSync, fchmodSync, fsyncSync, ftruncateSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote, type TrustError } from "@countersign/core";
import { cliError } from "./errors.ts";

/** A file that will take the place of another, or of none. */
export interface Replacement {
  /** Puts the text there whole: filled, synced, renamed. Throws CLI_OUTPUT_FAILED, and what was there before stays then. */
  readonly finish: (text: string) => void;
  /** Leaves nothing behind that was not finished; may be called again. */
  readonly release: () => void;
}

/** How the file is made. */
export interface ReplacementOptions {
  /** The file's rights; 0644 less the umask unless given. */
  readonly mode?: number;
  /** How much of the disk is taken at once, in bytes: so that a full one is known of before there is anything to lose. */
  readonly reservedBytes?: number;
}

/**
 * Makes the file beside its later place, so that whatever keeps it from being written shows now: a directory that nothing may be
 * written in, a full disk, a quota. What is reserved is written, not synced: a file system on a network may still find it too much.
 * Throws CLI_OUTPUT_FAILED, and leaves nothing behind.
 */
export function beginReplacement(path: string, { mode, reservedBytes = 0 }: ReplacementOptions): Replacement {
  // Cut, since the whole may be as long as a name can be.
  const temporary = join(dirname(path), `.${basename(path).slice(0, 50)}.${randomBytes(6).toString("hex")}.tmp`);
  const fd = attempt(path, () => openSync(temporary, "wx", 0o644));
  let state: "open" | "closed" | "gone" = "open";
  const release = (): void => {
    if (state === "open") quietly(() => closeSync(fd));
    if (state !== "gone") quietly(() => unlinkSync(temporary));
    state = "gone";
  };
  const finish = (text: string): void => {
    const bytes = Buffer.from(text, "utf8");
    writeWhole(fd, bytes, 0);
    ftruncateSync(fd, bytes.length);
    fsyncSync(fd);
    state = "closed";
    closeSync(fd);
    renameSync(temporary, path);
    state = "gone";
    syncDirectory(dirname(path));
  };
  try {
    attempt(path, () => {
      if (mode !== undefined) fchmodSync(fd, mode);
      writeWhole(fd, Buffer.alloc(reservedBytes, " "), 0);
    });
  } catch (error) {
    release();
    throw error;
  }
  return { release, finish: (text) => attempt(path, () => finish(text)) };
}

/** Writes all of it; from `position` on, or where the file stands. */
export function writeWhole(fd: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length;)
    done += writeSync(fd, bytes, done, bytes.length - done, position === undefined ? null : position + done);
}

/** The error that says which output failed, and how. */
export function failedOutput(path: string, error: unknown): TrustError {
  const { code = "an error" } = error as NodeJS.ErrnoException;
  return cliError("CLI_OUTPUT_FAILED", { checked: quote(path), got: code }, error);
}

function attempt<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw failedOutput(path, error);
  }
}

function quietly(step: () => void): void {
  try {
    step();
  } catch {
    // The error that is being reported matters more.
  }
}

/** Makes the new name durable, where the directory may be read. Windows cannot open a directory, and needs no such step. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const fd = openToRead(path);
  if (fd === undefined) return;
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Undefined if that is not allowed: names can be made in a directory all the same. */
function openToRead(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EACCES") return undefined;
    throw error;
  }
}
