import { accessSync, closeSync, constants, openSync, readSync, realpathSync, statSync, type Stats } from "node:fs";
import { dirname, resolve } from "node:path";
import { quote } from "@countersign/core";
import { cliError } from "./errors.ts";
import { checkDirectory } from "./input.node.ts";
import { beginReplacement, failedOutput, writeWhole } from "./replacement.node.ts";

/**
 * Writes `text` to `path` so that the name holds either the old content or all of the new one: a file beside it is
 * filled, synced and renamed. Synchronous, so no signal handler runs while the temporary file exists. Into a pipe, a
 * device and whatever /dev/stdout leads to it is written as it is: these have no content to lose, and must stay what they are.
 * Throws CLI_OUTPUT_FAILED, and leaves nothing behind, if any step fails.
 */
export function writeAtomic(path: string, text: string): void {
  if (isStream(path)) writeThrough(path, text);
  else writeBeside(path, text);
}

/** Writes a file anew as `writeAtomic`, and leaves all else of it as it was: its rights, and a link that leads to it. */
export function rewriteFile(path: string, text: string): void {
  if (isStream(path)) return writeThrough(path, text);
  let real: string;
  let mode: number;
  try {
    real = realpathSync(path);
    mode = statSync(real).mode & 0o7777;
  } catch (error) {
    throw failedOutput(path, error);
  }
  writeBeside(real, text, mode);
}

/** Whether the name is no file's of its own: a rename would put a file where the pipe or device was. */
export function isStream(path: string): boolean {
  const stats = statsOf(path);
  if (stats === undefined || stats.isDirectory()) return false;
  return !stats.isFile() || /^\/(?:dev|proc)\//.test(resolve(path));
}

/** Of what is there, if anything is. A name that is too long can hold nothing. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw failedOutput(path, error);
  }
}

function writeThrough(path: string, text: string): void {
  try {
    const fd = openSync(path, "a");
    try {
      writeWhole(fd, Buffer.from(text, "utf8"));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw failedOutput(path, error);
  }
}

function writeBeside(path: string, text: string, mode?: number): void {
  const replacement = beginReplacement(path, { ...(mode !== undefined && { mode }) });
  try {
    replacement.finish(text);
  } finally {
    replacement.release();
  }
}

/** What must survive: the inputs of this run, whatever they hold. */
export interface Precious {
  readonly path: string;
  readonly what: string;
}

/**
 * Refuses (CLI_OUTPUT_SECRET) to let an output replace a file of `precious`, or anything that holds a private key, and an
 * output that could not be written, before anything is done that cannot be undone: CLI_FILE_DIRECTORY for a directory,
 * CLI_FILE_MISSING where there is no directory to hold it, CLI_OUTPUT_FAILED where nothing may be written in that.
 * A missing target is fine. Does not check for free space.
 */
export function checkOutput(path: string, precious: readonly Precious[]): void {
  if (isStream(path)) return;
  checkPlace(path);
  const target = identityOf(path);
  if (target === undefined) return;
  for (const { path: other, what } of precious) {
    if (identityOf(other) === target) throw cliError("CLI_OUTPUT_SECRET", { checked: quote(path), got: what });
  }
  if (startOf(path).includes("PRIVATE KEY-----"))
    throw cliError("CLI_OUTPUT_SECRET", { checked: quote(path), got: "a private key" });
}

/** As `checkOutput`, for a bundle: it may replace an older one, and no file that is not even JSON. */
export function checkBundleTarget(path: string, precious: readonly Precious[]): void {
  checkOutput(path, precious);
  if (isStream(path) || /^\s*(?:\{|$)/.test(startOf(path))) return;
  throw cliError("CLI_OUTPUT_SECRET", { checked: quote(path), got: "a file that is no bundle" });
}

function checkPlace(path: string): void {
  if (statsOf(path)?.isDirectory() === true) throw cliError("CLI_FILE_DIRECTORY", `output ${quote(path)}`);
  const directory = checkDirectory(dirname(path), "directory of the output");
  try {
    accessSync(directory, constants.W_OK);
  } catch (error) {
    throw failedOutput(path, error);
  }
}

function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

const headBytes = 4096;

function startOf(path: string): string {
  let fd: number | undefined;
  try {
    fd = openSync(path, "r");
    const head = Buffer.alloc(headBytes);
    return head.subarray(0, readSync(fd, head)).toString("latin1");
  } catch {
    return "";
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
