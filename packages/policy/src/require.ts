import { equalBytes, parseBase64, quote, type Claims, type SignedBy, type TrustError } from "@countersign/core";
import { policyError } from "./errors.ts";
import { formatMatch, isMatch, type Match } from "./match.ts";
import type { CertificateRule, DenyList, KeyRule, Policy, SignerRule } from "./policy.ts";

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

/** In the message of a refusal: other tools are content with a part of the value. */
function formatWanted(match: Match): string {
  return "exact" in match ? formatMatch(match) : `the whole of it to match ${formatMatch(match)}`;
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
      expected: formatWanted(rule.identity),
      got: quote(signer.identity.value),
    });
  }
  if (!isMatch(rule.issuer, signer.issuer)) {
    return policyError("POLICY_ISSUER_MISMATCH", { expected: formatWanted(rule.issuer), got: quote(signer.issuer) });
  }
  return extensionProblem(signer.extensions, rule);
}

function extensionProblem(
  claims: Readonly<Record<string, string>>,
  { extensions }: CertificateRule,
): TrustError | undefined {
  for (const [name, match] of extensions ?? []) {
    const got = Object.hasOwn(claims, name) ? claims[name] : undefined;
    if (got !== undefined && isMatch(match, got)) continue;
    return policyError("POLICY_EXTENSION_MISMATCH", {
      checked: name,
      expected: formatWanted(match),
      got: got === undefined ? "nothing" : quote(got),
    });
  }
  return undefined;
}

/** Why a claim counts for nothing whoever made it, or undefined if nothing is held against it. */
export function denialOf({ signer, logs }: Claims, deny: DenyList | undefined): TrustError | undefined {
  if (deny === undefined) return undefined;
  const certificates = signer.kind === "certificate" ? [signer.fingerprint, signer.twin] : [];
  const denied = deny.certificates?.find((each) => certificates.includes(each));
  if (denied !== undefined) return policyError("POLICY_DENIED", { checked: "certificate", got: denied });
  // Also the key inside a certificate: whoever stole it may have got it certified.
  if (deny.keys?.includes(signer.keyid) === true)
    return policyError("POLICY_DENIED", { checked: "key", got: signer.keyid });
  return entryDenial(logs, deny);
}

/** An entry whose place was not proved may be the very one that is denied, and so may one that was left out. */
function entryDenial(logs: Claims["logs"], { logEntries = [] }: DenyList): TrustError | undefined {
  if (logEntries.length > 0 && logs.length === 0)
    return policyError("POLICY_DENY_UNKNOWN", { checked: "log entry", got: "none" });
  for (const { logId, index } of logs) {
    const denied = logEntries.filter((entry) => isSameLog(entry.logId, logId));
    if (denied.some((entry) => entry.index === index))
      return policyError("POLICY_DENIED", { checked: "log entry", got: `${logId} at ${index}` });
    if (denied.length > 0 && index === undefined)
      return policyError("POLICY_DENY_UNKNOWN", { checked: "log entry", got: logId });
  }
  return undefined;
}

/** A trust root may give four bytes of an id only, and the deny-list all of it, or the other way round. */
function isSameLog(one: string, other: string): boolean {
  if (one === other) return true;
  const [a, b] = [parseBase64(one), parseBase64(other)];
  const length = Math.min(a.length, b.length);
  return length >= 4 && equalBytes(a.subarray(0, length), b.subarray(0, length));
}

/**
 * What makes two claims those of one signer: the key, or the identity with its issuer, whatever certificate it was. The kind
 * of name is left out, as rules leave it out: an e-mail address and a user name of one text fit the same rule.
 */
export function signerKey(signer: SignedBy): string {
  return signer.kind === "key" ? `key ${signer.keyid}` : JSON.stringify([signer.identity.value, signer.issuer]);
}
