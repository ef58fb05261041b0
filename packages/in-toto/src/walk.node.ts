import { isUtf8 } from "node:buffer";
import { readdirSync, statSync } from "node:fs";
import { isAbsolute, posix, sep } from "node:path";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { stampOf } from "./file-hash.node.ts";
import type { BigIntStats, Dirent } from "node:fs";
import type { Exclusion } from "./exclude.ts";

/** The most files of one recording. */
export const maxRecordedFiles: number = 1_000_000;
/** The most directories: links can make a few of them look like very many. */
export const maxDirectories: number = 200_000;
/** How deep directories may nest. */
export const maxWalkDepth: number = 256;

/** How a tree is listed. */
export interface ListOptions {
  /** Directory that paths are relative to, and that does not show in names. */
  readonly base: string;
  readonly exclusion: Exclusion;
  /** What becomes of links to directories inside a tree. A path that was asked for is followed in any case. */
  readonly directoryLinks: "follow" | "skip";
  /** What becomes of paths that were asked for and do not exist. */
  readonly missing: "refuse" | "skip";
}

/** Something that was met and not recorded. */
export interface Skipped {
  readonly path: string;
  readonly why: "missing" | "broken-link" | "directory-link";
}

/** The files that were found and what was passed over. */
export interface Listing {
  /** Normalised paths with `/`, relative to the base if they were asked for so; each once. */
  readonly files: readonly string[];
  readonly skipped: readonly Skipped[];
  /** Whether no directory changed since it was listed. */
  isUnchanged(): boolean;
}

/**
 * Lists the regular files at and below the paths, without opening any. Links to files count as the files; excluded
 * directories are not entered. Throws INTOTO_RECORD_MISSING, INTOTO_RECORD_SPECIAL (FIFO, socket, device),
 * INTOTO_RECORD_LOOP (a directory inside itself by way of a link, or nested too deeply), INTOTO_RECORD_NAME (not UTF-8),
 * INTOTO_RECORD_UNREADABLE and INTOTO_TOO_LARGE.
 */
export function listFiles(paths: readonly string[], options: ListOptions): Listing {
  const walk: Walk = { ...options, files: new Set(), skipped: [], stamps: new Map() };
  for (const path of paths) enterRoot(walk, normalPath(path));
  return {
    files: [...walk.files].sort(),
    skipped: walk.skipped,
    isUnchanged: () => [...walk.stamps].every(([path, stamp]) => stamp === stampIfAny(walk, path)),
  };
}

/** The path as names are made of it: `/` between parts, no `.` parts, no `/` at the end. */
export function normalPath(path: string): string {
  const normal = posix.normalize(sep === "/" ? path : path.replaceAll(sep, "/"));
  return normal.length > 1 && normal.endsWith("/") ? normal.slice(0, -1) : normal;
}

/** Where to open a path of a listing. */
export function openPath(base: string, path: string): string {
  return base === "." || isAbsolute(path) ? path : `${base}/${path}`;
}

interface Walk extends ListOptions {
  readonly files: Set<string>;
  readonly skipped: Skipped[];
  /** State of each directory before it was listed. */
  readonly stamps: Map<string, string>;
}

/** A directory to list, and those around it. */
interface Frame {
  readonly path: string;
  readonly id: string;
  readonly depth: number;
  readonly parent: Frame | undefined;
}

function enterRoot(walk: Walk, path: string): void {
  if (walk.exclusion.isExcluded(path)) return;
  const stats = statIfAny(walk, path);
  if (stats === undefined && walk.missing === "refuse") throw inTotoError("INTOTO_RECORD_MISSING", quote(path));
  if (stats === undefined) walk.skipped.push({ path, why: "missing" });
  else if (stats.isDirectory()) walkDirectory(walk, path, stats);
  else addFile(walk, path, stats);
}

function walkDirectory(walk: Walk, path: string, stats: BigIntStats): void {
  const open: Frame[] = [enter(walk, path, stats, undefined)];
  for (let frame = open.pop(); frame !== undefined; frame = open.pop()) {
    for (const entry of readEntries(walk, frame.path)) {
      const inner = frame.path === "." ? entry.name : posix.join(frame.path, entry.name);
      if (walk.exclusion.isExcluded(inner)) continue;
      if (entry.isFile()) addFile(walk, inner, entry);
      else if (entry.isDirectory() || entry.isSymbolicLink()) {
        const next = meet(walk, inner, entry, frame);
        if (next !== undefined) open.push(next);
      } else throw special(inner);
    }
  }
}

/** A directory or link inside a tree: the frame to list next, if any. */
function meet(walk: Walk, path: string, entry: Dirent, parent: Frame): Frame | undefined {
  const stats = statIfAny(walk, path);
  const isLink = entry.isSymbolicLink();
  if (stats === undefined) {
    if (!isLink) throw inTotoError("INTOTO_RECORD_CHANGED", quote(path));
    walk.skipped.push({ path, why: "broken-link" });
  } else if (!stats.isDirectory()) addFile(walk, path, stats);
  else if (isLink && walk.directoryLinks === "skip") walk.skipped.push({ path, why: "directory-link" });
  else return enter(walk, path, stats, parent);
  return undefined;
}

function enter(walk: Walk, path: string, stats: BigIntStats, parent: Frame | undefined): Frame {
  const frame: Frame = { path, id: `${stats.dev}:${stats.ino}`, depth: (parent?.depth ?? 0) + 1, parent };
  if (frame.depth > maxWalkDepth) throw inTotoError("INTOTO_RECORD_LOOP", quote(path));
  for (let outer = parent; outer !== undefined; outer = outer.parent) {
    // Windows gives no inode on some file systems; then only the depth ends a loop.
    if (outer.id === frame.id && stats.ino !== 0n) throw inTotoError("INTOTO_RECORD_LOOP", quote(path));
  }
  walk.stamps.set(path, stampOf(stats));
  if (walk.stamps.size > maxDirectories) throw tooMany(`${maxDirectories} directories`);
  return frame;
}

function addFile(walk: Walk, path: string, entry: Pick<Dirent, "isFile">): void {
  if (!entry.isFile()) throw special(path);
  walk.files.add(path);
  if (walk.files.size > maxRecordedFiles) throw tooMany(`${maxRecordedFiles} files`);
}

function readEntries(walk: Walk, path: string): readonly Dirent[] {
  const at = openPath(walk.base, path);
  try {
    const entries = readdirSync(at, { withFileTypes: true });
    // Node puts U+FFFD in the place of bytes that are not UTF-8.
    if (entries.some(({ name }) => name.includes("\ufffd"))) checkNames(walk, path);
    return entries;
  } catch (error) {
    throw asUnreadable(error, path);
  }
}

function checkNames(walk: Walk, path: string): void {
  for (const name of readdirSync(openPath(walk.base, path), { encoding: "buffer" })) {
    const inner = posix.join(path, name.toString("utf8"));
    if (!isUtf8(name) && !walk.exclusion.isExcluded(inner))
      throw inTotoError("INTOTO_RECORD_NAME", { checked: quote(inner), expected: "UTF-8" });
  }
}

function statIfAny(walk: Walk, path: string): BigIntStats | undefined {
  try {
    return statSync(openPath(walk.base, path), { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // A link that leads to itself is as broken as one that leads nowhere.
    if (code === "ELOOP" || code === "ENOTDIR") return undefined;
    throw asUnreadable(error, path);
  }
}

function stampIfAny(walk: Walk, path: string): string | undefined {
  const stats = statIfAny(walk, path);
  return stats === undefined ? undefined : stampOf(stats);
}

function special(path: string): Error {
  return inTotoError("INTOTO_RECORD_SPECIAL", quote(path));
}

function tooMany(most: string): Error {
  return inTotoError("INTOTO_TOO_LARGE", { checked: "recording", expected: `at most ${most}` });
}

function asUnreadable(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || code.startsWith("INTOTO_")) return error;
  return inTotoError("INTOTO_RECORD_UNREADABLE", { checked: quote(path), got: code }, error);
}
