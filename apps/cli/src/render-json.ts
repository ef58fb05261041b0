import type { Report } from "@countersign/pipeline";
import type { TrustError } from "@countersign/core";
import { exitCodes } from "./exit.ts";

/** The report as one JSON object and a line end. */
export function formatReportJson(report: Report): string {
  return formatJson(report);
}

/** Any value of ours as one JSON object and a line end; whole numbers of any size become decimal strings. */
export function formatJson(value: unknown): string {
  return `${JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner), 2)}\n`;
}

/**
 * What `--json` prints when there is no report: a `countersign.failure/v1`. Its `decision`, `evidence` and `findings`
 * have the shape they have in a report, so that one reader can look at both.
 */
export function formatFailureJson(failure: TrustError, argv: readonly string[], at: Date): string {
  const { code, kind, message, fix } = failure;
  const exitCode = exitCodes[failure.kind];
  return formatJson({
    schema: "countersign.failure/v1",
    command: argv.find((word) => !word.startsWith("-")) ?? "",
    error: { code, kind, message, fix },
    decision: { verdict: exitCode === 1 ? "refused" : "unknown", reason: message },
    evidence: [],
    findings: [{ level: kind === "unavailable" ? "unknown" : "fail", code, message, fix }],
    exitCode,
    at: at.toISOString(),
  });
}
