import {
  canonicalise as canonicaliseJson,
  maxCanonicalReadDepth,
  maxOuterMembers as maxMembers,
  readCanonicalMembers as readMembers,
  readCanonicalText as readText,
  type CanonicalErrors,
  type CanonicalRules,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** How the reader treats what honest producers do not write. */
export type CanonicalOptions = CanonicalRules;

/** How deep arrays and objects may nest. */
export const maxMetadataDepth: number = maxCanonicalReadDepth;
/** The same in compat: Python's reader gives up a little later. */
export const maxCompatMetadataDepth: number = 950;

/** How many members the outermost object may have. */
export const maxOuterMembers: number = maxMembers;

/** This package's errors for core's reader of canonical JSON. */
export const canonicalErrors: CanonicalErrors = {
  malformed: (detail) => inTotoError("INTOTO_JSON_MALFORMED", detail),
  duplicate: (detail) => inTotoError("INTOTO_JSON_DUPLICATE", detail),
  number: (detail) => inTotoError("INTOTO_JSON_NUMBER", detail),
};

/** As core's `readCanonicalMembers`. Throws INTOTO_JSON_MALFORMED, INTOTO_JSON_DUPLICATE, INTOTO_JSON_NUMBER. */
export function readCanonicalMembers(bytes: Uint8Array, options: CanonicalOptions): ReadonlyMap<string, Uint8Array> {
  return readMembers(bytes, { ...options, errors: canonicalErrors });
}

/** The text of canonical bytes. Throws INTOTO_JSON_MALFORMED if they are not UTF-8. */
export function readCanonicalText(bytes: Uint8Array): string {
  return readText(bytes, canonicalErrors.malformed);
}

/** The canonical form of one JSON text; as `readCanonicalMembers`, for a value of any kind. */
export function canonicalise(bytes: Uint8Array, options: CanonicalOptions): Uint8Array {
  return canonicaliseJson(bytes, { ...options, errors: canonicalErrors });
}
