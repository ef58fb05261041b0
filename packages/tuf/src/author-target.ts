import { attempt, hashBytes, hashNames, quote, utf8, type JsonObject } from "@countersign/core";
import { changed, isObject, type Draft } from "./author-draft.ts";
import { tufError } from "./errors.ts";
import { maxSegmentBytes, targetSegments } from "./target-name.ts";

/** What a targets role says of a file. */
export interface TargetEntry {
  /** In bytes. */
  readonly length: number;
  /** Lower-case hex by the name of the hash function. */
  readonly hashes: Readonly<Record<string, string>>;
  /** What the application wants to know of it; anything but numbers with fractions. */
  readonly custom?: JsonObject;
}

/** The longest target path, in characters. */
export const maxTargetPathChars = 1024;

/**
 * Refuses paths that a client could not store, or that would lead out of its folder: empty, absolute, with `.`, `..` or empty
 * parts, backslashes or control characters, parts that begin as downloads under way do or are longer than a file's name may be.
 * Whether a part is a device or the like on Windows is not looked at. Throws TUF_TARGET_PATH.
 */
export function checkTargetPath(path: string): void {
  if (path.length > maxTargetPathChars || attempt(() => targetSegments(path, "posix")) === undefined)
    throw tufError("TUF_TARGET_PATH", { got: quote(path) });
}

/** With one of its hashes before it, the name of the file must still be one. */
function checkFileName(path: string, hashes: TargetEntry["hashes"]): void {
  const longest = Math.max(...Object.values(hashes).map(({ length }) => length));
  const bytes = longest + 1 + utf8(path.slice(path.lastIndexOf("/") + 1)).length;
  if (bytes > maxSegmentBytes)
    throw tufError("TUF_TARGET_PATH", {
      checked: quote(path),
      expected: `a file name of at most ${maxSegmentBytes - longest - 1} bytes, since a hash goes before it`,
    });
}

/**
 * A targets role in which these paths have these entries; `undefined` removes one. Where the content is the same, `custom` and
 * members that nobody here knows stay as they were; with other content they are gone unless given anew, since they spoke of the old.
 * Unsigned. Throws TUF_TARGET_PATH, TUF_TARGET_ENTRY, TUF_TARGET_UNLISTED.
 */
export function withTargets(draft: Draft, changes: ReadonlyMap<string, TargetEntry | undefined>): Draft {
  const before = isObject(draft.signed["targets"]) ? draft.signed["targets"] : {};
  const kept = Object.entries(before).filter(([path]) => !changes.has(path));
  const set: [string, JsonObject][] = [];
  for (const [path, entry] of changes) {
    const old = Object.hasOwn(before, path) ? before[path] : undefined;
    if (entry !== undefined) set.push([path, entryOf(path, entry, isObject(old) ? old : undefined)]);
    else if (old === undefined) throw tufError("TUF_TARGET_UNLISTED", { got: quote(path) });
  }
  return changed(draft, { targets: Object.fromEntries([...kept, ...set]) });
}

function entryOf(path: string, entry: TargetEntry, old: JsonObject | undefined): JsonObject {
  checkTargetPath(path);
  checkEntry(path, entry);
  checkFileName(path, entry.hashes);
  const { length, hashes, custom } = entry;
  const isSame = old !== undefined && old["length"] === length && isSharing(old["hashes"], hashes);
  return { ...(isSame ? old : {}), length, hashes, ...(custom === undefined ? {} : { custom }) };
}

function isSharing(old: JsonObject[string], hashes: TargetEntry["hashes"]): boolean {
  return isObject(old) && Object.entries(hashes).some(([name, value]) => old[name] === value);
}

function checkEntry(path: string, { length, hashes }: TargetEntry): void {
  const names = Object.keys(hashes);
  const isGood = names.every((name) => isHash(name, hashes[name] ?? ""));
  if (Number.isSafeInteger(length) && length >= 0 && names.length > 0 && isGood) return;
  throw tufError("TUF_TARGET_ENTRY", {
    checked: quote(path),
    expected: `a length in bytes and a hash by ${hashNames.join(", ")}`,
  });
}

function isHash(name: string, value: string): boolean {
  const known = hashNames.find((each) => each === name);
  return known !== undefined && value.length === hashBytes[known] * 2 && /^[0-9a-f]+$/.test(value);
}
