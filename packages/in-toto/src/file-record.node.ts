import { statSync } from "node:fs";
import { quote } from "@countersign/core";
import { checkArtifactName, checkPrefixes, stripPrefix } from "./artifact-name.ts";
import { inTotoError } from "./errors.ts";
import { compileExclusion } from "./exclude.ts";
import { stampOf } from "./file-hash.node.ts";
import { hashFiles } from "./hash-pool.node.ts";
import { listFiles, openPath } from "./walk.node.ts";
import type { NameRule } from "./artifact-name.ts";
import type { FileHash, HashPlan } from "./file-hash.node.ts";
import type { Listing, Skipped, ListOptions } from "./walk.node.ts";

/**
 * Hashes of files by their state (device, inode, size, times), from a recording with the same plan. Holds only files that
 * had last changed well before they were read, so that a later change must show in the state.
 */
export type RecordMemory = ReadonlyMap<string, readonly string[]>;

/** How files are recorded; everything given. */
export interface FileRecordOptions {
  readonly base: string;
  readonly exclude: readonly string[];
  readonly lstrip: readonly string[];
  readonly names: NameRule;
  readonly directoryLinks: ListOptions["directoryLinks"];
  readonly missing: ListOptions["missing"];
  readonly plan: HashPlan;
  /** Hashes that need not be made again. */
  readonly memory?: RecordMemory;
  /** The time, in milliseconds; without it nothing is remembered. */
  readonly nowMs?: number;
  readonly maxThreads?: number;
  readonly signal?: AbortSignal;
  /** What stands behind `oci:`. */
  readonly images?: ImageSource;
}

/**
 * Gives the manifest, or index, that a reference to a container image names, as the registry has it. Whoever records hands it in:
 * this package opens no socket.
 */
export type ImageSource = (reference: string) => Promise<Uint8Array>;

/** Files by name, each with its hashes in the order of the plan. */
export interface FileRecord {
  readonly files: ReadonlyMap<string, readonly string[]>;
  readonly skipped: readonly Skipped[];
  readonly memory: RecordMemory;
}

/** A file is remembered if it had been left alone this long, in milliseconds: the coarsest clock of a file system (FAT) ticks every 2 s. */
const settledMs = 2500;

/**
 * Records the files at and below the paths: names with prefixes stripped, and hashes. What is recorded is one state: a
 * file that changes while it is read is read again, and a directory whose files came or went meanwhile is refused.
 * Throws what `listFiles`, `compileExclusion`, `checkPrefixes`, `checkArtifactName` and `hashFiles` throw, and
 * INTOTO_RECORD_TWICE, INTOTO_RECORD_CHANGED, INTOTO_RECORD_SPECIAL, INTOTO_RECORD_UNREADABLE.
 */
export async function recordFiles(paths: readonly string[], options: FileRecordOptions): Promise<FileRecord> {
  const walk: ListOptions = { ...options, exclusion: compileExclusion(options.exclude) };
  checkPrefixes(options.lstrip);
  const listing = listFiles(paths, walk);
  const names = nameFiles(listing.files, options);
  const memory = new Map<string, readonly string[]>();
  const hashes = await hashListed(listing.files, options, memory);
  checkUnchanged(listing, () => listFiles(paths, walk));
  return {
    files: new Map(names.map((name, at) => [name, hashes[at] as readonly string[]])),
    skipped: listing.skipped,
    memory,
  };
}

function nameFiles(files: readonly string[], { lstrip, names }: FileRecordOptions): readonly string[] {
  const from = new Map<string, string>();
  return files.map((path) => {
    const name = stripPrefix(path, lstrip);
    checkArtifactName(name, names);
    const other = from.get(name);
    if (other !== undefined) {
      throw inTotoError("INTOTO_RECORD_TWICE", { checked: quote(name), got: `${quote(other)} and ${quote(path)}` });
    }
    from.set(name, path);
    return name;
  });
}

async function hashListed(
  files: readonly string[],
  options: FileRecordOptions,
  memory: Map<string, readonly string[]>,
): Promise<readonly (readonly string[])[]> {
  const { base, maxThreads, signal, nowMs } = options;
  const paths = files.map((path) => openPath(base, path));
  const known = paths.map((path) => recall(path, options.memory));
  const open = paths.filter((_, at) => known[at] === undefined);
  const plan: HashPlan = { ...options.plan, isStamped: nowMs !== undefined };
  const pool = {
    plan,
    ...(maxThreads === undefined ? {} : { maxThreads }),
    ...(signal === undefined ? {} : { signal }),
  };
  const made = (await hashFiles(open, pool)).values();
  return files.map((path, at) => {
    const { hashes, stamp } = known[at] ?? checkHashed(made.next().value, path);
    if (nowMs !== undefined && stamp !== undefined && stamp.changedMs < nowMs - settledMs)
      memory.set(stamp.text, hashes);
    return hashes;
  });
}

type Hashed = Exclude<FileHash, { readonly failed: string }>;

/** What an earlier recording said of the file, if it is the same file in the same state. */
function recall(path: string, memory: RecordMemory | undefined): Hashed | undefined {
  if (memory === undefined || memory.size === 0) return undefined;
  const text = stampIfAny(path);
  const hashes = memory.get(text);
  // It was settled when it was remembered, and has not changed since.
  return hashes && { hashes, size: 0, stamp: { text, changedMs: Number.NEGATIVE_INFINITY } };
}

/** Empty if it cannot be had: reading the file will say why. */
function stampIfAny(path: string): string {
  try {
    return stampOf(statSync(path, { bigint: true }));
  } catch {
    return "";
  }
}

function checkHashed(result: FileHash | undefined, path: string): Hashed {
  if (result === undefined) throw inTotoError("INTOTO_RECORD_UNREADABLE", quote(path));
  if (!("failed" in result)) return result;
  const detail = { checked: quote(path), ...(result.errno === "" ? {} : { got: result.errno }) };
  if (result.failed === "special") throw inTotoError("INTOTO_RECORD_SPECIAL", detail);
  if (result.failed === "unreadable") throw inTotoError("INTOTO_RECORD_UNREADABLE", detail);
  throw inTotoError("INTOTO_RECORD_CHANGED", detail);
}

/** A directory may have changed without a file coming or going, for instance by an excluded one. */
function checkUnchanged(before: Listing, listAgain: () => Listing): void {
  if (before.isUnchanged()) return;
  const now = new Set(listAgain().files);
  const gone = before.files.find((path) => !now.delete(path));
  const [other = gone] = now;
  if (other !== undefined) throw inTotoError("INTOTO_RECORD_CHANGED", quote(other));
}
