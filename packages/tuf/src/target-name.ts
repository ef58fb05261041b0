import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";
import { isDeviceName } from "./store.ts";

/** Whose rules for file names hold. */
export type Naming = "posix" | "windows";

/** Longest part of a target's name as a file name, in bytes of UTF-8: what file systems take. */
export const maxSegmentBytes = 255;
/** Begins the names that downloads in progress have; no target may. */
export const partPrefix = ".countersign-";

/**
 * The folders and the file name into which a target is written below an output directory. Throws TUF_TARGET_NAME for a name
 * that is absolute, has empty parts, `.` or `..`, a backslash or a control character, a part that no file system takes, or one
 * that begins as our own files do; on Windows also for drive letters, streams, wildcards, devices (`con`, `nul.txt`), and parts
 * that end in a dot or a space, which Windows drops. Does not look at what is there: links are the caller's to refuse.
 */
export function targetSegments(name: string, naming: Naming): readonly string[] {
  const segments = name.split("/");
  const isSafe = naming === "windows" ? (segment: string) => isPlain(segment) && isForWindows(segment) : isPlain;
  const bad = segments.find((segment) => !isSafe(segment));
  if (bad === undefined) return segments;
  throw tufError("TUF_TARGET_NAME", { checked: quote(name), got: bad === "" ? "an empty part" : quote(bad) });
}

function isPlain(segment: string): boolean {
  if (["", ".", ".."].includes(segment) || /[\\\p{Cc}]/u.test(segment) || !segment.isWellFormed()) return false;
  // Also without regard to case and to characters that some file systems ignore.
  const bare = segment
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .toLowerCase();
  return !bare.startsWith(partPrefix) && new TextEncoder().encode(segment).length <= maxSegmentBytes;
}

function isForWindows(segment: string): boolean {
  return !/[<>:"|?*]/.test(segment) && !/[. ]$/.test(segment) && !isDeviceName(segment);
}
