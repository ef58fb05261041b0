import type { Digest } from "@countersign/core";
import { formatReference, pinReference } from "@countersign/oci";
import type { ImageQuestion, ImageVerdict } from "./image.ts";
import type { ImageRole } from "./image-role.ts";

/** The verdicts of one run under one policy, by who finds the evidence, then by all else that a verdict depends on. */
export type SharedVerdicts = Map<ImageQuestion["findElsewhere"], Map<string, Promise<ImageVerdict>>>;

/** What is judged, and the question that it is judged for. */
export interface Judging {
  readonly digest: Digest;
  readonly question: ImageQuestion;
}

/** The verdict that is there or under way, if the same was asked about this digest of this repository; else what `judge` gives. */
export function shareVerdict(
  shared: SharedVerdicts,
  judging: Judging,
  judge: () => Promise<ImageVerdict>,
): Promise<ImageVerdict> {
  const { findElsewhere } = judging.question;
  const verdicts = shared.get(findElsewhere) ?? new Map<string, Promise<ImageVerdict>>();
  shared.set(findElsewhere, verdicts);
  const key = keyOf(judging);
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = judge();
  verdicts.set(key, verdict);
  return verdict;
}

/** A verdict is about a digest, so whether and by which tag it was found makes no difference. */
function keyOf({ digest, question }: Judging): string {
  const { reference, role, platforms: _, findElsewhere: __, ...others } = question;
  return JSON.stringify([formatReference(pinReference(reference, digest)), membersOf(role), others]);
}

function membersOf(role: ImageRole): readonly unknown[] {
  return role.kind === "signature" ? [role.kind, [...(role.annotations ?? [])]] : [role.kind, role.predicateType];
}
