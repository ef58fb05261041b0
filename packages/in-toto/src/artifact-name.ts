import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { checkArtifactPath } from "./name.ts";

/**
 * Which names a recording may give: `strict` those that strict verification accepts, relative and written one way only;
 * `any` also absolute ones and ones with `..`,
 * as the reference records them.
 */
export type NameRule = "strict" | "any";

/**
 * Proves that a link can hold the name: whole Unicode characters, no control characters, no backslash (which the
 * reference turns into `/`), not empty, and what the rule says. Throws INTOTO_RECORD_NAME.
 */
export function checkArtifactName(name: string, rule: NameRule): void {
  if (name === "" || !name.isWellFormed()) throw unfit(name, "a name in Unicode");
  if (/[\u0000-\u001f\u007f-\u009f\\]/.test(name)) throw unfit(name, "no control character and no backslash");
  if (rule === "strict" && (isUnsafePath(name) || /^[A-Za-z]:\//.test(name)))
    throw unfit(name, "a relative path without '..' (strip what is in front with lstrip, or set another base path)");
}

/** Takes the first fitting prefix off a name, once; a `/` that is left in front stays, as in the reference. */
export function stripPrefix(name: string, prefixes: readonly string[]): string {
  const prefix = prefixes.find((each) => name.startsWith(each));
  return prefix === undefined ? name : name.slice(prefix.length);
}

/** Proves that at most one prefix can fit a name. Throws INTOTO_LSTRIP_CLASH. */
export function checkPrefixes(prefixes: readonly string[]): void {
  const sorted = prefixes.toSorted();
  const clash = sorted.findIndex((prefix, at) => at > 0 && prefix.startsWith(sorted[at - 1] as string));
  if (clash === -1) return;
  const got = `${quote(sorted[clash - 1] as string)} and ${quote(sorted[clash] as string)}`;
  throw inTotoError("INTOTO_LSTRIP_CLASH", { checked: "prefixes", got });
}

function unfit(name: string, expected: string): Error {
  return inTotoError("INTOTO_RECORD_NAME", { checked: "file name", expected, got: quote(name) });
}

function isUnsafePath(name: string): boolean {
  try {
    checkArtifactPath(name);
    return false;
  } catch {
    return true;
  }
}
