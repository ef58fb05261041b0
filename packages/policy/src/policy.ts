import { parseBase64, quote, type Digest, type Glob, type Requirements } from "@countersign/core";
import { policyError } from "./errors.ts";
import type { Match, Pattern } from "./match.ts";

/** What is acceptable. A claim counts if any one of `signers` fits it. */
export interface Policy {
  readonly signers: readonly SignerRule[];
  /** How many distinct signers must have signed; 1 unless given. One identity with two certificates is one signer, and so is one key. */
  readonly threshold?: number;
  /** What counts for nothing, whoever vouches for it. */
  readonly deny?: DenyList;
  /** Overrides single numbers of the defaults of the verifier's table. */
  readonly require?: Partial<Requirements>;
  /** Only attestations of exactly this predicate type count: `X/v1` is not `X`. Without it a signature counts as well. */
  readonly predicateType?: string;
}

/** Evidence that counts for nothing: because a key was stolen, a certificate got by fraud, an entry made by mistake. */
export interface DenyList {
  /** SHA-256 digests of the certificates' DER. */
  readonly certificates?: readonly Digest[];
  /** Key ids, as in `KeyRule`: of keys that signed by themselves, and of those in certificates. */
  readonly keys?: readonly string[];
  /** Places in logs: standard base64 of the log's id (all of it, or its first four bytes), and the index in its tree. */
  readonly logEntries?: readonly { readonly logId: string; readonly index: string }[];
}

/** One signer that counts: an identity together with who vouches for it, or a key by its id. */
export type SignerRule = CertificateRule | KeyRule;

/** Subject and issuer are both needed: the same subject at another issuer is another person. */
export interface CertificateRule {
  readonly kind: "certificate";
  readonly identity: Match;
  readonly issuer: Match;
  /** What further claims of the certificate must be, by their documented names, such as `sourceRepositoryURI`. */
  readonly extensions?: ReadonlyMap<string, Match>;
}

/** `keyid` is the lower-case hex SHA-256 of the key's SubjectPublicKeyInfo. */
export interface KeyRule {
  readonly kind: "key";
  readonly keyid: string;
}

/** The largest number a policy may ask for. */
export const maxRequired: number = 32;

/**
 * Returns the policy if it asks for something; a policy that would accept anybody is a usage error. So is one of another
 * shape, which plain JavaScript can hand over: what is misspelt must not pass for what was not asked.
 */
export function checkPolicy(policy: Policy): Policy {
  const signers = (policy as Policy | null | undefined)?.signers;
  if (!Array.isArray(signers) || signers.length === 0) throw policyError("POLICY_NO_SIGNER");
  checkMembers(policy, policyMembers);
  for (const rule of policy.signers) checkRule(rule);
  checkThreshold(policy);
  for (const [name, number] of Object.entries(policy.require ?? {})) checkRequired(name, number);
  checkPredicateType(policy);
  if (policy.deny !== undefined) checkDeny(policy.deny);
  return policy;
}

const policyMembers: readonly string[] = ["signers", "threshold", "deny", "require", "predicateType"];
const keyRuleMembers: readonly string[] = ["kind", "keyid"];
const certificateRuleMembers: readonly string[] = ["kind", "identity", "issuer", "extensions"];

function checkMembers(value: object, known: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw policyError("POLICY_FILE_MALFORMED", { expected: known.join(" "), got: quote(unknown) });
}

/** What each row of a deny-list must look like: one that nothing can be equal to would deny nothing, and nobody would know. */
const deniable: Readonly<Record<keyof DenyList, { readonly expected: string; isRight(row: unknown): boolean }>> = {
  certificates: {
    expected: "sha256:<64 lower-case hex digits>",
    isRight: (row) => isText(row, /^sha256:[0-9a-f]{64}$/),
  },
  keys: { expected: "64 lower-case hex digits", isRight: (row) => isText(row, /^[0-9a-f]{64}$/) },
  logEntries: { expected: "logId, 4 or 32 bytes in base64, and index, decimal digits", isRight: isPlace },
};

function checkDeny(deny: DenyList): void {
  for (const [name, rows] of Object.entries(deny) as [string, unknown][]) {
    const kind = Object.hasOwn(deniable, name) ? deniable[name as keyof DenyList] : undefined;
    if (kind === undefined)
      throw policyError("POLICY_DENY_INVALID", { expected: Object.keys(deniable).join(", "), got: quote(name) });
    if (rows === undefined) continue;
    const wrong = Array.isArray(rows) ? rows.findIndex((row) => !kind.isRight(row)) : 0;
    if (wrong >= 0) throw policyError("POLICY_DENY_INVALID", { checked: `${name}[${wrong}]`, expected: kind.expected });
  }
}

function isText(value: unknown, form: RegExp): boolean {
  return typeof value === "string" && form.test(value);
}

function isPlace(row: unknown): boolean {
  const { logId, index } = (row ?? {}) as { readonly logId?: unknown; readonly index?: unknown };
  if (!isText(index, /^(?:0|[1-9][0-9]{0,18})$/) || typeof logId !== "string") return false;
  try {
    return [4, 32].includes(parseBase64(logId).length);
  } catch {
    return false;
  }
}

function checkThreshold({ threshold = 1 }: Policy): void {
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= maxRequired) return;
  throw policyError("POLICY_REQUIREMENT_INVALID", { checked: "threshold", got: String(threshold) });
}

function checkPredicateType(policy: Policy): void {
  if (!("predicateType" in policy)) return;
  const { predicateType } = policy;
  if (predicateType === undefined || (typeof predicateType === "string" && predicateType !== "")) return;
  throw policyError("POLICY_PREDICATE_TYPE_INVALID", { got: quote(String(predicateType)) });
}

function checkRule(rule: SignerRule): void {
  const kind = (rule as SignerRule | null | undefined)?.kind;
  if (kind !== "key" && kind !== "certificate")
    throw policyError("POLICY_NO_SIGNER", { checked: "rule", expected: "kind certificate or key" });
  checkMembers(rule, kind === "key" ? keyRuleMembers : certificateRuleMembers);
  if (rule.kind === "key") {
    if (typeof rule.keyid !== "string" || rule.keyid === "")
      throw policyError("POLICY_NO_SIGNER", { checked: "key rule", got: "an empty key id" });
    return;
  }
  if (!isStated(rule.identity)) throw policyError("POLICY_IDENTITY_INCOMPLETE", { got: "no subject" });
  if (!isStated(rule.issuer)) throw policyError("POLICY_IDENTITY_INCOMPLETE", { got: "no issuer" });
  for (const [name, match] of rule.extensions ?? [])
    if (!isStated(match)) throw policyError("POLICY_IDENTITY_INCOMPLETE", { checked: quote(name), got: "no value" });
}

function isStated(match: Match | null | undefined): boolean {
  if (typeof match !== "object" || match === null) return false;
  if ("exact" in match) return typeof match.exact === "string" && match.exact !== "";
  if ("glob" in match)
    return typeof (match.glob as Glob | null | undefined)?.isMatch === "function" && match.glob.pattern !== "";
  return typeof (match.pattern as Pattern | null | undefined)?.isMatch === "function";
}

const requirable: ReadonlySet<string> = new Set<keyof Requirements>(["scts", "logEntries", "times"]);

function checkRequired(name: string, number: number | undefined): void {
  if (!requirable.has(name))
    throw policyError("POLICY_REQUIREMENT_INVALID", { expected: "scts, logEntries or times", got: quote(name) });
  if (number === undefined) return;
  if (!Number.isInteger(number) || number < 0 || number > maxRequired) {
    throw policyError("POLICY_REQUIREMENT_INVALID", { checked: name, got: String(number) });
  }
}
