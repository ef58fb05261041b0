import {
  checkVerified,
  findingOf,
  type Claims,
  type Finding,
  type SignedBy,
  type TrustError,
  type Verified,
} from "@countersign/core";
import { policyError } from "./errors.ts";
import { checkPolicy, type Policy, type SignerRule } from "./policy.ts";
import { denialOf, formatRule, formatSigner, predicateProblem, signerKey, signerProblem } from "./require.ts";

/** The answer, and the rule and claim that gave it. */
export interface Decision {
  readonly verdict: "allowed" | "refused" | "unknown";
  /** The rule that was met, only when allowed. */
  readonly rule?: string;
  /** Which of the given claims met it first, counted from 0, only when allowed. */
  readonly claim?: number;
  /** All that were counted, where more than one signer was asked for. */
  readonly claims?: readonly number[];
  readonly reason: string;
  readonly findings: readonly Finding[];
}

/**
 * Decides whether enough distinct signers whom `policy` names made `claims` of the predicate type that it asks for.
 * Takes only what a verifier vouched for: a copy is refused (CORE_NOT_VERIFIED).
 * Does not check numbers of logs and times: the verifier refused before there were claims.
 */
export function evaluate(claims: readonly Verified<Claims>[], policy: Policy): Decision {
  checkPolicy(policy);
  if (claims.length === 0) return refusal([findingOf(policyError("POLICY_NO_CLAIMS"))]);
  const findings: Finding[] = [];
  const met = new Map<string, Met>();
  for (const [index, claim] of claims.entries()) {
    const outcome = judge(checkVerified(claim), policy);
    if (Array.isArray(outcome)) findings.push(...outcome.map(findingOf));
    else if (!isCounted(outcome, met)) met.set(outcome.who, { ...outcome, index });
  }
  const { threshold = 1 } = policy;
  const counted = [...met.values()].slice(0, threshold);
  if (counted.length === threshold) return allowance(counted);
  if (met.size === 0) return refusal(findings);
  const few = policyError("POLICY_TOO_FEW_SIGNERS", { expected: String(threshold), got: `${met.size}` });
  return refusal([findingOf(few), ...findings]);
}

interface Fit {
  readonly who: string;
  readonly rule: SignerRule;
  readonly signer: SignedBy;
}

interface Met extends Fit {
  readonly index: number;
}

/** One signer is not two by a second certificate, nor one key by signing both alone and in a certificate. */
function isCounted({ who, signer }: Fit, met: ReadonlyMap<string, Met>): boolean {
  return met.has(who) || [...met.values()].some((other) => other.signer.keyid === signer.keyid);
}

/** The rule that a claim fits, or why it fits none. */
function judge(claim: Claims, policy: Policy): Fit | TrustError[] {
  const { signer, statement } = claim;
  const against = denialOf(claim, policy.deny) ?? predicateProblem(statement?.predicateType, policy);
  if (against !== undefined) return [against];
  const problems: TrustError[] = [];
  for (const rule of policy.signers) {
    const problem = signerProblem(signer, rule);
    if (problem === undefined) return { who: signerKey(signer), rule, signer };
    problems.push(problem);
  }
  return problems;
}

function allowance(counted: readonly Met[]): Decision {
  return {
    verdict: "allowed",
    rule: [...new Set(counted.map(({ rule }) => formatRule(rule)))].join("; "),
    claim: counted[0]?.index ?? 0,
    ...(counted.length > 1 && { claims: counted.map(({ index }) => index) }),
    reason: `signed by ${counted.map(({ signer }) => formatSigner(signer)).join(" and ")}`,
    findings: [],
  };
}

/** What could not be told is not the same as a no: somebody may still find out. It stands first, as the reason of its verdict. */
function refusal(found: readonly Finding[]): Decision {
  const open = found.filter(({ level }) => level === "unknown");
  const findings = [...open, ...found.filter(({ level }) => level !== "unknown")];
  const verdict = open.length > 0 ? "unknown" : "refused";
  return { verdict, reason: findings[0]?.message ?? "nothing was proved", findings };
}
