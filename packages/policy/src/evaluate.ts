import { checkVerified, findingOf, type Claims, type Finding, type Verified } from "@countersign/core";
import { policyError } from "./errors.ts";
import { checkPolicy, type Policy } from "./policy.ts";
import { formatRule, formatSigner, predicateProblem, signerProblem } from "./require.ts";

/** The answer, and the rule and claim that gave it. */
export interface Decision {
  readonly verdict: "allowed" | "refused" | "unknown";
  /** The rule that was met, only when allowed. */
  readonly rule?: string;
  /** Which of the given claims met it, counted from 0, only when allowed. */
  readonly claim?: number;
  readonly reason: string;
  readonly findings: readonly Finding[];
}

/**
 * Decides whether any of `claims` comes from a signer that `policy` names and is of the predicate type that it asks for.
 * Takes only what a verifier vouched for: a copy is refused (CORE_NOT_VERIFIED).
 * Does not check numbers of logs and times: the verifier refused before there were claims.
 */
export function evaluate(claims: readonly Verified<Claims>[], policy: Policy): Decision {
  checkPolicy(policy);
  if (claims.length === 0) return refusal([findingOf(policyError("POLICY_NO_CLAIMS"))]);
  const findings: Finding[] = [];
  for (const [index, claim] of claims.entries()) {
    const { signer, statement } = checkVerified(claim);
    const other = predicateProblem(statement?.predicateType, policy);
    if (other !== undefined) {
      findings.push(findingOf(other));
      continue;
    }
    for (const rule of policy.signers) {
      const problem = signerProblem(signer, rule);
      if (problem === undefined)
        return {
          verdict: "allowed",
          rule: formatRule(rule),
          claim: index,
          reason: `signed by ${formatSigner(signer)}`,
          findings: [],
        };
      findings.push(findingOf(problem));
    }
  }
  return refusal(findings);
}

function refusal(findings: readonly Finding[]): Decision {
  return { verdict: "refused", reason: findings[0]?.message ?? "nothing was proved", findings };
}
