import { randomBytes } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { quote } from "@countersign/core";
import { cliError } from "./errors.ts";

/**
 * Writes `text` to `path` so that the name holds either the old content or all of the new one: a file beside it is
 * filled, synced and renamed. Synchronous, so no signal handler runs while the temporary file exists.
 * Throws CLI_OUTPUT_FAILED, and leaves nothing behind, if any step fails.
 */
export function writeAtomic(path: string, text: string): void {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    writeSynced(temporary, text);
    renameSync(temporary, path);
    syncDirectory(dirname(path));
  } catch (error) {
    removeQuietly(temporary);
    throw cliError(
      "CLI_OUTPUT_FAILED",
      { checked: quote(path), got: (error as NodeJS.ErrnoException).code ?? "an error" },
      error,
    );
  }
}

/** What must survive: the inputs of this run, whatever they hold. */
export interface Precious {
  readonly path: string;
  readonly what: string;
}

/**
 * Refuses (CLI_OUTPUT_SECRET) to let an output replace a file of `precious`, or anything that holds a private key.
 * A missing target is fine. Does not check that it can be written.
 */
export function checkOutput(path: string, precious: readonly Precious[]): void {
  const target = identityOf(path);
  if (target === undefined) return;
  for (const { path: other, what } of precious) {
    if (identityOf(other) === target) throw cliError("CLI_OUTPUT_SECRET", { checked: quote(path), got: what });
  }
  if (startOf(path).includes("PRIVATE KEY-----"))
    throw cliError("CLI_OUTPUT_SECRET", { checked: quote(path), got: "a private key" });
}

function writeSynced(path: string, text: string): void {
  const fd = openSync(path, "wx", 0o644);
  try {
    let rest: Uint8Array = Buffer.from(text, "utf8");
    while (rest.length > 0) rest = rest.subarray(writeSync(fd, rest));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Makes the new name durable. Windows cannot open a directory, and needs no such step. */
function syncDirectory(path: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeQuietly(path: string): void {
  try {
    if (existsSync(path)) unlinkSync(path);
  } catch {
    // The error that is being reported matters more.
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
