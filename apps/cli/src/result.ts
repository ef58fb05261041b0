import type { ListOutcome } from "@countersign/pipeline/node";
import type { Finding } from "@countersign/core";
import type { Report } from "@countersign/pipeline";

/** What one of several artifacts came to. Every rendering of many reports is made from these. */
export interface Result {
  readonly name: string;
  readonly verdict: Report["decision"]["verdict"];
  readonly reason: string;
  /** The first reason against it, and what to do. */
  readonly code?: string;
  readonly fix?: string;
  /** The whole report, if it came to one. */
  readonly report?: Report;
}

/** How many came to what. */
export interface Summary {
  readonly total: number;
  readonly allowed: number;
  readonly refused: number;
  readonly unknown: number;
}

/** The result of a list's outcome. */
export function resultOf(name: string, outcome: ListOutcome): Result {
  return "report" in outcome ? resultOfReport(name, outcome.report) : resultOfFinding(name, outcome.failure);
}

/** The result of a report. */
export function resultOfReport(name: string, report: Report): Result {
  const { verdict, reason, code } = report.decision;
  const against = report.findings.find((finding) => finding.code === code);
  return { name, verdict, reason, ...(code && { code }), ...(against && { fix: against.fix }), report };
}

/** The result of what stands against an artifact for which there is no report. */
export function resultOfFinding(name: string, { level, code, message, fix }: Finding): Result {
  return { name, verdict: level === "unknown" ? "unknown" : "refused", reason: message, code, fix };
}

/** Counts results. */
export function makeCounter(): { readonly add: (result: Result) => void; readonly summary: () => Summary } {
  const counts = { allowed: 0, refused: 0, unknown: 0 };
  return {
    add: ({ verdict }) => void counts[verdict]++,
    summary: () => ({ total: counts.allowed + counts.refused + counts.unknown, ...counts }),
  };
}

/** 1 if any was refused, else 3 if any could not be told, or there was nothing to tell; else 0. */
export function exitCodeOfSummary({ total, refused, unknown }: Summary): 0 | 1 | 3 {
  if (refused > 0) return 1;
  return unknown > 0 || total === 0 ? 3 : 0;
}
