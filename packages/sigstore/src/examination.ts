import { type Artifact, type Certificate, type Requirements } from "@countersign/core";
import type { SignatureKey } from "./signature-key.ts";
import type { WitnessPolicy } from "@countersign/tlog";
import type { Bundle } from "./bundle.ts";
import type { Checklist } from "./checklist.ts";
import { sigstoreError } from "./errors.ts";
import type { Expected } from "./log-entry.ts";
import type { TrustRoot } from "./trust-root.ts";

/** One bundle on its way through the checks. */
export interface Run {
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly trust: TrustRoot;
  /** Whether a key of the caller's judges, instead of a certificate. */
  readonly isKeyed: boolean;
  readonly nowMs: number;
  readonly need: Requirements;
  readonly list: Checklist;
  readonly witnesses?: WitnessPolicy;
}

/** Whose signature it is said to be; nothing of it is proved yet. */
export interface Material {
  readonly leaf?: Certificate;
  readonly key: SignatureKey;
  readonly verifier: Expected["verifier"];
}

/** How many of something were proved, and how many it takes. */
export interface Count {
  readonly name: string;
  readonly skipped: string;
  readonly need: number;
  readonly got: number;
  readonly code: "SIGSTORE_TOO_FEW_LOG_ENTRIES" | "SIGSTORE_TOO_FEW_TIMES" | "SIGSTORE_TOO_FEW_SCTS";
}

/** Notes whether enough distinct parties stood up; the refusal names why the ones beside them did not count. */
export function countCheck(list: Checklist, count: Count): void {
  list.run(count.name, () => {
    if (count.got >= count.need) return { value: count.got, detail: `${count.got} distinct, ${count.need} needed` };
    // The reader wants to know why the only timestamp did not count, not that there was none.
    const skipped = list.skipped(count.skipped);
    throw skipped ?? sigstoreError(count.code, { expected: String(count.need), got: String(count.got) });
  });
}

/** An operator's name as a member that is left out where there is none. */
export function operatorOf(operator: string | undefined): { operator?: string } {
  return operator === undefined ? {} : { operator };
}
