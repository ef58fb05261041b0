import { digestOf } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Metadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";

/** Where a layout stands among others. */
export interface Descent {
  /** The steps that lead to it; empty for the layout that was asked about. */
  readonly place: readonly string[];
  /** SHA-256 of the signed bytes of the layouts above it. */
  readonly ancestors: ReadonlySet<string>;
}

/** How deep sublayouts may nest. */
export const maxSublayoutDepth = 32;
/** In compat; the reference ends where Python's recursion or the system's longest path does. */
export const maxCompatSublayoutDepth = 300;
/** How many sublayouts one verification enters. */
export const maxSublayouts = 1000;

/**
 * Counts a sublayout that is about to be entered. Throws INTOTO_SUBLAYOUT_DEPTH, and INTOTO_SUBLAYOUT_CYCLE for one that
 * is its own ancestor; compat enters it, as the reference, since a link may end the descent.
 */
export function checkDescent(
  descent: Descent,
  metadata: Metadata,
  trail: { readonly mode: Mode; sublayouts: number },
): ReadonlySet<string> {
  const { place, ancestors } = descent;
  const maxDepth = trail.mode === "compat" ? maxCompatSublayoutDepth : maxSublayoutDepth;
  trail.sublayouts++;
  if (place.length > maxDepth) throw inTotoError("INTOTO_SUBLAYOUT_DEPTH", { expected: `at most ${maxDepth} levels` });
  if (trail.sublayouts > maxSublayouts)
    throw inTotoError("INTOTO_SUBLAYOUT_DEPTH", { expected: `at most ${maxSublayouts} sublayouts` });
  const digest = digestOf("sha256", metadata.signedBytes());
  if (trail.mode === "strict" && ancestors.has(digest)) throw inTotoError("INTOTO_SUBLAYOUT_CYCLE", { got: digest });
  return ancestors;
}
