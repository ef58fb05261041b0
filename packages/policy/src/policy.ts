import type { Requirements } from "@countersign/core";
import { policyError } from "./errors.ts";
import type { Match } from "./match.ts";

/** What is acceptable. A claim is accepted if any one of `signers` fits it. */
export interface Policy {
  readonly signers: readonly SignerRule[];
  /** Overrides single numbers of the defaults of the verifier's table. */
  readonly require?: Partial<Requirements>;
}

/** One signer that counts: an identity together with who vouches for it, or a key by its id. */
export type SignerRule = CertificateRule | KeyRule;

/** Subject and issuer are both needed: the same subject at another issuer is another person. */
export interface CertificateRule {
  readonly kind: "certificate";
  readonly identity: Match;
  readonly issuer: Match;
}

/** `keyid` is the lower-case hex SHA-256 of the key's SubjectPublicKeyInfo. */
export interface KeyRule {
  readonly kind: "key";
  readonly keyid: string;
}

/** The largest number a policy may ask for. */
export const maxRequired: number = 32;

/** Returns the policy if it asks for something; a policy that would accept anybody is a usage error. */
export function checkPolicy(policy: Policy): Policy {
  if (!Array.isArray(policy.signers) || policy.signers.length === 0) throw policyError("POLICY_NO_SIGNER");
  for (const rule of policy.signers) checkRule(rule);
  for (const [name, number] of Object.entries(policy.require ?? {})) checkRequired(name, number);
  return policy;
}

function checkRule(rule: SignerRule): void {
  if (rule.kind === "key") {
    if (rule.keyid === "") throw policyError("POLICY_NO_SIGNER", { checked: "key rule", got: "an empty key id" });
    return;
  }
  if (!isStated(rule.identity)) throw policyError("POLICY_IDENTITY_INCOMPLETE", { got: "no subject" });
  if (!isStated(rule.issuer)) throw policyError("POLICY_IDENTITY_INCOMPLETE", { got: "no issuer" });
}

function isStated(match: Match | undefined): boolean {
  if (match === undefined) return false;
  return "exact" in match ? typeof match.exact === "string" && match.exact !== "" : match.pattern !== undefined;
}

function checkRequired(name: string, number: number | undefined): void {
  if (number === undefined) return;
  if (!Number.isInteger(number) || number < 0 || number > maxRequired) {
    throw policyError("POLICY_REQUIREMENT_INVALID", { checked: name, got: String(number) });
  }
}
