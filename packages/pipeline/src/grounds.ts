import { attempt, equalBytes, type Certificate, type Requirements, type Verifier } from "@countersign/core";
import { checkIssued, mergeTrustRoots, type Bundle, type TrustRoot } from "@countersign/sigstore";
import type { Trust } from "./trust.ts";

/** What one bundle is judged by. */
export interface Grounds {
  readonly root: TrustRoot;
  /** Numbers that differ from the defaults. */
  readonly require: Partial<Requirements>;
}

/**
 * A certificate is judged by the roots of those who issued it: the logs of another instance, which may be open to anybody,
 * are watched by other people. What an instance does without is done without only for the certificates of an authority whose
 * own root names no log. Managed keys are nobody's certificates: any root's word counts, and nothing is done without.
 * Proves of the certificate that they issued it, not that it stood at any time.
 */
export function groundsOf(bundle: Bundle, trust: Trust, key: Verifier | undefined): Grounds {
  const leaf = bundle.material.kind === "certificate" && key === undefined ? bundle.material.chain[0] : undefined;
  if (leaf === undefined) return { root: trust.root, require: {} };
  if (trust.require !== undefined) {
    const root = mergeTrustRoots(trust.roots.filter(keepsNoLog));
    if (isIssuedBy(root, leaf)) return { root, require: trust.require };
  }
  return { root: rootFor(leaf, trust), require: {} };
}

/** All roots where nobody issued it: every check then says so. */
function rootFor(leaf: Certificate, { root, roots }: Trust): TrustRoot {
  if (roots.length < 2) return root;
  const named = roots.filter(({ authorities }) => authorities.some((each) => isNamed(each, leaf)));
  // Whether the only one that can have issued it did is what the chain's check finds out.
  const own = named.length < 2 ? named : named.filter((each) => isIssuedBy(each, leaf));
  return own.length === 0 ? root : mergeTrustRoots(own);
}

function isNamed({ chain: [issuer] }: TrustRoot["authorities"][number], leaf: Certificate): boolean {
  return issuer !== undefined && equalBytes(issuer.subject, leaf.issuer);
}

function isIssuedBy({ authorities }: TrustRoot, leaf: Certificate): boolean {
  return attempt(() => checkIssued(leaf, authorities, [])) !== undefined;
}

/** A log that was passed over is one all the same. */
function keepsNoLog({ logs, ctLogs, warnings }: TrustRoot): boolean {
  const isSkipped = warnings.some(({ code }) => code === "SIGSTORE_TRUST_ROOT_LOG_SKIPPED");
  return logs.length === 0 && ctLogs.length === 0 && !isSkipped;
}
