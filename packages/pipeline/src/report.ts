import { TrustError, type Check, type Claims, type Digest, type Finding, type Verified } from "@countersign/core";
import type { ProvenanceMarks } from "./provenance.ts";
import type { SecondOpinion } from "./second-opinion.ts";
import type { TrustSource } from "./trust.ts";

/** What one piece of evidence came to. */
export interface EvidenceReport {
  readonly source: string;
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
  /** Present exactly when every check held. */
  readonly claims?: Verified<Claims>;
  /** For SLSA provenance v1: which of its fields somebody else than the signer stands for. */
  readonly provenance?: ProvenanceMarks;
}

/** The whole answer. This JSON is the interface; text is a view of it. */
export interface Report {
  readonly schema: "countersign.report/v1";
  readonly artifact: { readonly name: string; readonly digests: readonly Digest[] };
  readonly decision: {
    readonly verdict: "allowed" | "refused" | "unknown";
    /** The rule that was met. */
    readonly rule?: string;
    readonly reason: string;
    /** The code of the first reason against it. */
    readonly code?: string;
  };
  readonly evidence: readonly EvidenceReport[];
  /** What stands against the artifact, and warnings. */
  readonly findings: readonly Finding[];
  readonly trust: { readonly sources: readonly TrustSource[] };
  /** What an independent implementation says; only where one was asked. */
  readonly secondOpinion?: SecondOpinion;
  /** The time of the run, ISO 8601 UTC. */
  readonly at: string;
}

/** 0 allowed, 1 refused, 3 could not be told. */
export function exitCodeOf(report: Report): 0 | 1 | 3 {
  return ({ allowed: 0, refused: 1, unknown: 3 } as const)[report.decision.verdict];
}

/** 1 untrusted or malformed, 2 usage, 3 unavailable or a bug of ours. */
export function exitCodeOfError(error: unknown): 1 | 2 | 3 {
  if (!(error instanceof TrustError)) return 3;
  return ({ malformed: 1, untrusted: 1, usage: 2, unavailable: 3 } as const)[error.kind];
}
