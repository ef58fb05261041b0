import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** The longest name of a step or inspection, in UTF-16 units: with key id and suffix it must be a file name. */
export const maxNameChars: number = 128;

const safeName = /^(?!\.{1,2}$)[^/\\\p{Cc}\p{Cs}]+$/u;

/**
 * A name of a step or inspection that can be part of a file name: not empty, not `.` or `..`, without slash, backslash
 * and control characters. Throws INTOTO_NAME_UNSAFE.
 */
export function checkName(name: string): string {
  if (name.length <= maxNameChars && safeName.test(name)) return name;
  throw inTotoError("INTOTO_NAME_UNSAFE", { checked: "name of a step or inspection", got: quote(name) });
}

/** An empty, `.` or `..` segment, or a character that ends or divides paths somewhere. */
const unsafePath = /(?:^|\/)\.{0,2}(?:\/|$)|[\\\0]/;

/**
 * An artifact's path that can be written in one way only and stays below the place it was recorded from: relative, no
 * empty, `.` or `..` segment, no backslash, no NUL. Other control characters occur in honest file names, and nothing here
 * opens them. Throws INTOTO_NAME_UNSAFE.
 */
export function checkArtifactPath(path: string): string {
  if (unsafePath.test(path)) throw inTotoError("INTOTO_NAME_UNSAFE", { checked: "artifact path", got: quote(path) });
  return path;
}
