import { findingOf, TrustError, vouch, type Claims, type Digest, type Finding, type Verified } from "@countersign/core";
import type { BundleProver } from "./bundle.ts";
import { checkProduced, claimsOf } from "./claim.ts";
import { inTotoError } from "./errors.ts";
import type { InspectionRunner, Product } from "./inspection.ts";
import type { LayoutKey } from "./key.ts";
import { verifyLevel, type LevelAnswer, type Trail } from "./level.ts";
import type { Link } from "./link.ts";
import type { LinkSource } from "./link-source.ts";
import { declarativeListers } from "./listing.ts";
import type { Metadata } from "./metadata.ts";
import type { Mode } from "./mode.ts";
import type { LayoutReport } from "./report.ts";
import type { RunRequirement } from "./run-binding.ts";
import type { Substitutions } from "./substitution.ts";

/** What is asked, and all that may be used to answer it. */
export interface LayoutQuestion {
  /** Parsed in the same mode. */
  readonly layout: Metadata;
  /** Keys of the layout's owner; each must have signed it. */
  readonly keys: readonly LayoutKey[];
  readonly links: LinkSource;
  readonly now: Date;
  /** `strict` unless told otherwise. */
  readonly mode?: Mode | undefined;
  /** Values for the `{name}` of the layout; not for sublayouts. Without them braces are ordinary characters. */
  readonly substitutions?: Substitutions | undefined;
  /** Runs the commands of the layout's own inspections. Without it a layout that has any is refused. */
  readonly inspect?: InspectionRunner | undefined;
  /** The same for sublayouts, whose commands were chosen by functionaries. */
  readonly sublayoutInspect?: InspectionRunner | undefined;
  /** Proves Sigstore bundles, for functionaries that are Sigstore identities. Without it none of theirs counts. */
  readonly bundles?: BundleProver | undefined;
  /** What declarative inspections look at. */
  readonly product?: Product | undefined;
  /** What every link must say of its run, besides what layouts require. */
  readonly runBinding?: RunRequirement | undefined;
  /** An artifact that must be a product of the last step, by any of its digests. */
  readonly artifact?: readonly Digest[] | undefined;
}

/** The answer. */
export interface Verification {
  readonly verdict: "allowed" | "refused" | "unknown";
  readonly mode: Mode;
  /** Everything that was looked at, up to where the verdict fell. */
  readonly layout: LayoutReport;
  readonly findings: readonly Finding[];
  /** One link for the whole chain; only if allowed. */
  readonly summary?: Link;
  /** Only if allowed, never in compat, and only if the chain has products. */
  readonly claims?: Verified<Claims>;
}

/**
 * Decides whether the links meet the layout (in-toto specification 1.0 §5.2): signatures of the layout, expiry,
 * substitution, links with their signatures and thresholds, sublayouts, names, return values and agreement, run bindings,
 * rules of the steps, inspections and their rules. Strict unless asked for `compat`, which decides as the reference in
 * Python and vouches for nothing. Does not compare the product on disk with the chain: an inspection of the layout does.
 * A refusal is an answer; throws only INTOTO_VERIFY_USAGE, for a question without keys or of two modes.
 */
export function verifyLayout(question: LayoutQuestion): Verification {
  const { mode = "strict", now, layout: metadata, keys, product, sublayoutInspect, runBinding, bundles } = question;
  if (keys.length === 0)
    throw inTotoError("INTOTO_VERIFY_USAGE", { checked: "keys", expected: "at least one", got: "none" });
  if (metadata.mode !== mode)
    throw inTotoError("INTOTO_VERIFY_USAGE", {
      checked: "mode of the parsed layout",
      expected: mode,
      got: metadata.mode,
    });
  const shared = { mode, now, product, sublayoutInspect, runBinding, bundles };
  const trail: Trail = { ...shared, listers: declarativeListers, findings: [], sublayouts: 0 };
  const level = verifyLevel(trail, { ...question, metadata, place: [], ancestors: new Set() });
  checkArtifact(question, level, trail.findings);
  const verdict = verdictOf(trail.findings);
  const answer = { verdict, mode, layout: level.report, findings: trail.findings };
  if (verdict !== "allowed" || level.link === undefined) return answer;
  const claims = mode === "strict" ? claimsOf(question, level) : undefined;
  return { ...answer, summary: level.link, ...(claims === undefined ? {} : { claims: vouch(claims) }) };
}

function checkArtifact({ artifact }: LayoutQuestion, { link }: LevelAnswer, findings: Finding[]): void {
  if (link === undefined || artifact === undefined) return;
  try {
    checkProduced(artifact, link);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    findings.push(findingOf(error));
  }
}

function verdictOf(findings: readonly Finding[]): Verification["verdict"] {
  if (findings.some(({ level }) => level === "fail")) return "refused";
  return findings.some(({ level }) => level === "unknown") ? "unknown" : "allowed";
}
