import { lstatSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { attempt, parseUtf8, quote } from "@countersign/core";
import { cliError } from "./errors.ts";
import { fileError } from "./input.node.ts";

/** The most entries of a directory that are looked at. */
export const maxDirectoryEntries: number = 1_000_000;

/**
 * The paths of all files below a directory, relative to it, links and special files among them; undefined for what is no
 * directory. Links to directories are not followed. Throws CLI_FILE_*, also for a name that is not UTF-8.
 */
export function filesBelow(directory: string): readonly string[] | undefined {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
  const found: string[] = [];
  const waiting = [""];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const entry of entriesOf(join(directory, at)))
      (entry.isDirectory() ? waiting : found).push(join(at, entry.name));
    if (found.length + waiting.length > maxDirectoryEntries)
      throw cliError("CLI_FILE_TOO_LARGE", { expected: `at most ${maxDirectoryEntries} files` });
  }
  return found.toSorted();
}

/** The size of a plain file in bytes; undefined for anything else, or nothing. Throws CLI_FILE_UNREADABLE. */
export function plainFileSize(path: string): number | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isFile() === true ? stats.size : undefined;
  } catch (error) {
    throw fileError(error, path, "artifact");
  }
}

/** Whether anything has this name: also a directory, a link to nothing, a pipe. Throws CLI_FILE_UNREADABLE. */
export function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw fileError(error, path, "artifact");
  }
}

function entriesOf(path: string): ReturnType<typeof readdirWithTypes> {
  try {
    const entries = readdirWithTypes(path);
    // What is not UTF-8 comes with this in its place, and could pass for a file whose name has it.
    if (entries.some(({ name }) => name.includes("\ufffd"))) checkNames(path);
    return entries;
  } catch (error) {
    throw fileError(error, path, "directory");
  }
}

function checkNames(path: string): void {
  const foreign = readdirSync(path, { encoding: "buffer" }).find(
    (name) => attempt(() => parseUtf8(name)) === undefined,
  );
  if (foreign === undefined) return;
  const [expected, got] = ["names in UTF-8", quote(foreign.toString("latin1"))];
  throw cliError("CLI_FILE_UNREADABLE", { checked: `directory ${quote(path)}`, expected, got });
}

function readdirWithTypes(path: string) {
  return readdirSync(path, { withFileTypes: true });
}
