import type { CanonicalErrors, Detail, TextLimits, TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";

/** Makes the error of a member that has not its form. */
export function metadataMalformed(detail: Detail): TrustError {
  return tufError("TUF_METADATA_MALFORMED", detail);
}

/** Caps on whatever is not a table. */
export const textLimits: TextLimits = { maxMembers: 65_536, malformed: metadataMalformed };

/** This package's errors for core's reader of canonical JSON. */
export const canonicalErrors: CanonicalErrors = {
  malformed: (detail) => tufError("TUF_JSON_MALFORMED", detail),
  duplicate: (detail) => tufError("TUF_JSON_DUPLICATE", detail),
  number: (detail) => tufError("TUF_JSON_NUMBER", detail),
};
