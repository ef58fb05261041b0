import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fsyncSync, linkSync, openSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote } from "@countersign/core";
import { cliError } from "./errors.ts";

/** A file to be written: `mode` is what it may be used for, by whom. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  readonly mode: 0o600 | 0o644;
}

/** Whether a file that is there already may be replaced. */
export type Overwrite = "never" | "replace";

/** Refuses with CLI_OUTPUT_EXISTS if any of the files is there and may not be replaced: said before any work is done. */
export function checkNew(paths: readonly string[], overwrite: Overwrite): void {
  const present = overwrite === "never" ? paths.find((path) => existsSync(path)) : undefined;
  if (present !== undefined) throw cliError("CLI_OUTPUT_EXISTS", quote(present));
}

/**
 * Writes all of the files or none: each is filled beside its place, with its mode from the first byte, then put there at
 * once; one that is there already, even since just now, is kept unless it may be replaced.
 * Throws CLI_OUTPUT_EXISTS, CLI_OUTPUT_FAILED.
 */
export function writeNewFiles(files: readonly NewFile[], overwrite: Overwrite): void {
  const temporaries = new Map<string, string>();
  const placed: string[] = [];
  try {
    for (const file of files) {
      const temporary = join(dirname(file.path), `.${basename(file.path)}.${randomBytes(6).toString("hex")}.tmp`);
      temporaries.set(file.path, temporary);
      fill(temporary, file);
    }
    for (const [path, temporary] of temporaries) {
      place(temporary, path, overwrite);
      placed.push(path);
    }
  } catch (error) {
    // What stood there before has been replaced only if that was asked for, and then it is gone.
    if (overwrite === "never") for (const path of placed) removeQuietly(path);
    throw failureOf(error, files);
  } finally {
    for (const temporary of temporaries.values()) removeQuietly(temporary);
  }
}

function fill(temporary: string, { text, mode }: NewFile): void {
  const fd = openSync(temporary, "wx", mode);
  try {
    let rest: Uint8Array = Buffer.from(text, "utf8");
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** A link fails if the name is taken, where a rename would replace it. */
function place(temporary: string, path: string, overwrite: Overwrite): void {
  if (overwrite === "replace") {
    renameSync(temporary, path);
    return;
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    // Some file systems have no links: there the look before has to do.
    if (codeOf(error) === "EEXIST" || existsSync(path)) throw cliError("CLI_OUTPUT_EXISTS", quote(path));
    renameSync(temporary, path);
  }
}

function failureOf(error: unknown, [file]: readonly NewFile[]): unknown {
  const code = codeOf(error);
  if (code === undefined || code.startsWith("CLI_")) return error;
  return cliError("CLI_OUTPUT_FAILED", { checked: quote(file?.path ?? ""), got: code }, error);
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was moved to its place, or the error that is being reported matters more.
  }
}
