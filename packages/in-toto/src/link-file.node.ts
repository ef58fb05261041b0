import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { quote, utf8 } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { maxLinkBytes } from "./metadata.ts";
import { checkName } from "./name.ts";

/** The file of a finished link (in-toto specification 1.0 §4.4, with 8 hex digits as all tools have it). Throws INTOTO_NAME_UNSAFE. */
export function linkFileName(step: string, keyid: string): string {
  return `${checkName(step)}.${shortId(keyid)}.link`;
}

/** The file between `record start` and `record stop`. Throws INTOTO_NAME_UNSAFE. */
export function unfinishedFileName(step: string, keyid: string): string {
  return `.${checkName(step)}.${shortId(keyid)}.link-unfinished`;
}

/** The file of a link that nobody signed. Throws INTOTO_NAME_UNSAFE. */
export function mockFileName(step: string): string {
  return `${checkName(step)}.link`;
}

function shortId(keyid: string): string {
  if (/^[0-9a-f]{8,}$/.test(keyid)) return keyid.slice(0, 8);
  throw inTotoError("INTOTO_NAME_UNSAFE", { checked: "key id", expected: "8 hex digits or more", got: quote(keyid) });
}

/**
 * Writes a file of the directory, which must exist, so that its name holds either the old content or all of the new:
 * beside it, synced, renamed. Returns its path. Throws INTOTO_LINK_UNWRITABLE, and leaves nothing behind then.
 */
export function writeLinkFile(directory: string, name: string, text: string): string {
  const path = join(directory, name);
  const temporary = join(directory, `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    writeSynced(temporary, utf8(text));
    renameSync(temporary, path);
    return path;
  } catch (error) {
    removeQuietly(temporary);
    const got = (error as NodeJS.ErrnoException).code ?? "an error";
    throw inTotoError("INTOTO_LINK_UNWRITABLE", { checked: quote(path), got }, error);
  }
}

/** Reads a file that should hold a link. Throws INTOTO_LINK_UNREADABLE and INTOTO_TOO_LARGE. */
export function readLinkFile(path: string): Uint8Array {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw inTotoError("INTOTO_LINK_UNREADABLE", { checked: quote(path), got: "not a file" });
    return readAll(fd, stats.size, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith("INTOTO_") === true) throw error;
    throw inTotoError("INTOTO_LINK_UNREADABLE", { checked: quote(path), got: code ?? "an error" }, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Removes a file of ours that has served. Throws INTOTO_LINK_UNWRITABLE. */
export function removeLinkFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    const got = (error as NodeJS.ErrnoException).code ?? "an error";
    throw inTotoError("INTOTO_LINK_UNWRITABLE", { checked: quote(path), got }, error);
  }
}

function readAll(fd: number, size: number, path: string): Uint8Array {
  if (size > maxLinkBytes)
    throw inTotoError("INTOTO_TOO_LARGE", { checked: quote(path), expected: `at most ${maxLinkBytes} bytes` });
  const bytes = new Uint8Array(size);
  for (let read = 0; read < size;) {
    const count = readSync(fd, bytes, read, size - read, read);
    if (count === 0) return bytes.subarray(0, read);
    read += count;
  }
  return bytes;
}

function writeSynced(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, "wx", 0o644);
  try {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(writeSync(fd, rest));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function removeQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made, or the error that is being reported matters more.
  }
}
