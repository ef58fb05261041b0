import { findingOf, quote, type Claims, type Finding, type Verified } from "@countersign/core";
import { evaluate, type Decision, type Policy } from "@countersign/policy";
import { unaskedError } from "./unasked-errors.ts";

/** An attestation that is a signature and says nothing else (cosign's, of images and files). */
const signatureType = "https://sigstore.dev/cosign/sign/v1";

/**
 * Warns (PIPELINE_PREDICATE_TYPE_UNASKED) where a policy that names no predicate type is met only since attestations count as
 * signatures: one may also say that its subject failed a test. Changes no verdict.
 */
export function warnOfUnasked(
  claims: readonly Verified<Claims>[],
  policy: Policy,
  decision: Decision,
): readonly Finding[] {
  if (policy.predicateType !== undefined || decision.verdict !== "allowed") return [];
  const counted = (decision.claims ?? [decision.claim ?? 0]).map((index) => claims[index]);
  const types = new Set(counted.flatMap((claim) => typeOf(claim) ?? []));
  if (types.size === 0) return [];
  const signatures = claims.filter((claim) => typeOf(claim) === undefined);
  if (signatures.length > 0 && evaluate(signatures, policy).verdict === "allowed") return [];
  const got = [...types].map(quote).join(", ");
  return [{ ...findingOf(unaskedError("PIPELINE_PREDICATE_TYPE_UNASKED", { got })), level: "warn" }];
}

function typeOf(claim: Claims | undefined): string | undefined {
  const type = claim?.statement?.predicateType;
  return type === signatureType ? undefined : type;
}
