import { quote, type SignedBy, type TrustError } from "@countersign/core";
import { policyError } from "./errors.ts";
import { formatMatch, isMatch } from "./match.ts";
import type { CertificateRule, KeyRule, Policy, SignerRule } from "./policy.ts";

/** Why `signer` is not the one that `rule` names, or undefined if it is. */
export function signerProblem(signer: SignedBy, rule: SignerRule): TrustError | undefined {
  return rule.kind === "key" ? keyProblem(signer, rule) : certificateProblem(signer, rule);
}

/** Why a statement's type (none: no attestation) is not the one that the policy asks for, or undefined if it is. */
export function predicateProblem(predicateType: string | undefined, policy: Policy): TrustError | undefined {
  const wanted = policy.predicateType;
  if (wanted === undefined || wanted === predicateType) return undefined;
  const got = predicateType === undefined ? "no attestation" : quote(predicateType);
  return policyError("POLICY_PREDICATE_TYPE_MISMATCH", { expected: quote(wanted), got });
}

/** How a report names the rule. */
export function formatRule(rule: SignerRule): string {
  if (rule.kind === "key") return `key ${rule.keyid}`;
  return `identity ${formatMatch(rule.identity)} vouched for by ${formatMatch(rule.issuer)}`;
}

/** How a report names a signer. */
export function formatSigner(signer: SignedBy): string {
  if (signer.kind === "key") return `key ${signer.keyid}`;
  return `${quote(signer.identity.value)} vouched for by ${quote(signer.issuer)}`;
}

function keyProblem(signer: SignedBy, rule: KeyRule): TrustError | undefined {
  if (signer.kind === "key" && signer.keyid === rule.keyid) return undefined;
  return policyError("POLICY_KEY_MISMATCH", { expected: formatRule(rule), got: formatSigner(signer) });
}

function certificateProblem(signer: SignedBy, rule: CertificateRule): TrustError | undefined {
  if (signer.kind !== "certificate") {
    return policyError("POLICY_IDENTITY_MISMATCH", { expected: formatRule(rule), got: formatSigner(signer) });
  }
  if (!isMatch(rule.identity, signer.identity.value)) {
    return policyError("POLICY_IDENTITY_MISMATCH", {
      expected: formatMatch(rule.identity),
      got: quote(signer.identity.value),
    });
  }
  if (!isMatch(rule.issuer, signer.issuer)) {
    return policyError("POLICY_ISSUER_MISMATCH", { expected: formatMatch(rule.issuer), got: quote(signer.issuer) });
  }
  return undefined;
}
