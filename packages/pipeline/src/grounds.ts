import { attempt, type Certificate, type Requirements, type Verifier } from "@countersign/core";
import { checkIssued, mergeTrustRoots, type Bundle, type TrustRoot } from "@countersign/sigstore";
import type { Trust } from "./trust.ts";

/** What one bundle is judged by. */
export interface Grounds {
  readonly root: TrustRoot;
  /** Numbers that differ from the defaults. */
  readonly require: Partial<Requirements>;
}

/**
 * What an instance does without is done without only for the certificates of an authority whose own root names no log:
 * beside it may stand the root of another instance, which keeps one, and managed keys are nobody's certificates.
 * Then nobody but such roots counts. Proves of the certificate that they issued it, not that it stood at any time.
 */
export function groundsOf(bundle: Bundle, trust: Trust, key: Verifier | undefined): Grounds {
  const usual = { root: trust.root, require: {} };
  if (trust.require === undefined || key !== undefined || bundle.material.kind !== "certificate") return usual;
  const root = mergeTrustRoots(trust.roots.filter(keepsNoLog));
  return isIssuedBy(root, bundle.material.chain[0]) ? { root, require: trust.require } : usual;
}

function isIssuedBy({ authorities }: TrustRoot, leaf: Certificate | undefined): boolean {
  return leaf !== undefined && attempt(() => checkIssued(leaf, authorities, [])) !== undefined;
}

/** A log that was passed over is one all the same. */
function keepsNoLog({ logs, ctLogs, warnings }: TrustRoot): boolean {
  const isSkipped = warnings.some(({ code }) => code === "SIGSTORE_TRUST_ROOT_LOG_SKIPPED");
  return logs.length === 0 && ctLogs.length === 0 && !isSkipped;
}
