import { findingOf, TrustError, type Finding } from "@countersign/core";
import type { SecondOpinion } from "@countersign/pipeline";
import type { RunReport, RunStep, TrustedTarget } from "@countersign/tuf";
import { exitCodes } from "./exit.ts";
import { formatJson } from "./render-json.ts";
import { formatFailureText, formatWarning, opinionLines, plain, row } from "./render-text.ts";
import type { OutputOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What a command about updates found out; the JSON that it prints. */
export interface UpdateReport {
  readonly schema: "countersign.update/v1";
  readonly command: string;
  readonly decision: {
    readonly verdict: "allowed" | "refused" | "unknown";
    readonly reason: string;
    readonly code?: string;
  };
  /** Each metadata file that was looked at, with every check, by repository where there are several. */
  readonly runs: Readonly<Record<string, RunReport>>;
  readonly targets: readonly TargetReport[];
  readonly findings: readonly Finding[];
  /** Only with --second-opinion; as in a report of `verify`. */
  readonly secondOpinion?: SecondOpinion;
  readonly exitCode: number;
  /** What this client was set up with; only `update status` tells. */
  readonly client?: ClientReport;
}

/** What the user once said to trust, and where it is kept. */
export interface ClientReport {
  readonly store: string;
  /** Digest of the root metadata from which trust begins. */
  readonly pinned: string;
  readonly mirrors: readonly { readonly metadataUrl: string; readonly targetsUrl?: string }[];
}

/** One target, in reports. */
export interface TargetReport {
  readonly name: string;
  readonly outcome: "listed" | "saved" | "kept" | "streamed" | "verified" | "absent" | "refused" | "unknown";
  readonly length?: number;
  readonly digests?: readonly string[];
  readonly custom?: unknown;
  readonly rolePath?: readonly string[];
  readonly version?: number;
  readonly expires?: string;
  readonly signers?: readonly unknown[];
  readonly path?: string;
  /** How many bytes were there from before. */
  readonly reusedBytes?: number;
  /** Those that agreed. */
  readonly repositories?: readonly string[];
  readonly claims?: unknown;
}

/** What a command was able to do before it ended, well or not. */
export interface Effort {
  readonly command: string;
  /** One a repository; the one without a map is called `repository`. */
  readonly runs: () => Readonly<Record<string, RunReport>>;
  readonly targets: TargetReport[];
  readonly client?: ClientReport;
  /** Set once somebody else was asked. */
  secondOpinion?: SecondOpinion;
}

/** What metadata says of a target. */
export function reportTarget(target: TrustedTarget, outcome: TargetReport["outcome"]): TargetReport {
  const { name, length, digests, custom, rolePath, version, expires, signers } = target;
  const listed = { name, outcome, length, digests, rolePath, version, expires, signers };
  return custom === undefined ? listed : { ...listed, custom };
}

/**
 * Runs a command about updates: prints its report as JSON if wanted, whether it succeeds or fails, and words on standard error.
 * Returns the exit code. Passes on what is no TrustError.
 */
export async function settle(
  effort: Effort,
  options: OutputOptions,
  terminal: Terminal,
  work: () => Promise<string>,
): Promise<number> {
  let report: UpdateReport;
  try {
    const reason = await work();
    report = reportOf(effort, { verdict: "allowed", reason }, []);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    // Wrong usage is told before anything was looked at.
    if (error.kind === "usage" && Object.values(effort.runs()).every(({ steps }) => steps.length === 0)) throw error;
    const { message: reason, code, kind } = error;
    const verdict = kind === "untrusted" || kind === "malformed" ? "refused" : "unknown";
    report = { ...reportOf(effort, { verdict, reason, code }, [findingOf(error)]), exitCode: exitCodes[kind] };
    terminal.err(formatFailureText(error, terminal));
  }
  if (options.json === true) terminal.out(formatJson(report));
  sayMore(report, options, terminal);
  return report.exitCode;
}

function reportOf(effort: Effort, decision: UpdateReport["decision"], findings: readonly Finding[]): UpdateReport {
  const { command, targets, client, secondOpinion } = effort;
  const runs = effort.runs();
  const warnings = Object.values(runs).flatMap((run) => run.findings);
  const all = [...findings, ...warnings];
  return {
    schema: "countersign.update/v1",
    command,
    decision,
    runs,
    targets,
    findings: all,
    ...(secondOpinion && { secondOpinion }),
    exitCode: 0,
    ...(client && { client }),
  };
}

function sayMore({ runs, decision, secondOpinion }: UpdateReport, options: OutputOptions, terminal: Terminal): void {
  for (const { findings } of Object.values(runs))
    for (const { message, code } of findings) terminal.err(formatWarning(message, code, terminal));
  if (options.quiet === true) return;
  if (decision.verdict === "allowed" && decision.reason !== "")
    terminal.err(`${terminal.style("green", "allowed:")} ${decision.reason}\n`);
  for (const line of opinionLines(secondOpinion, terminal, "outcome")) terminal.err(`${line}\n`);
  if (options.verbose !== true && decision.verdict === "allowed") return;
  for (const [name, { steps }] of Object.entries(runs)) terminal.err(formatSteps(name, steps, terminal, options));
}

/** The metadata files of a run: all of them with every check, or those that were refused. */
function formatSteps(name: string, steps: readonly RunStep[], terminal: Terminal, options: OutputOptions): string {
  const shown =
    options.verbose === true ? steps : steps.filter(({ outcome, from }) => outcome === "refused" && from !== "store");
  const lines = shown.flatMap(({ role, file, from, version, expires, outcome, checks }) => [
    `  ${plain(name)}: ${plain(role)} ${outcome}${version === undefined ? "" : `, version ${version}`}, ${plain(file)} from the ${from}${expires === undefined ? "" : `, expires ${plain(expires)}`}`,
    ...checks.map((check) => {
      const colour = check.result === "passed" ? "green" : check.result === "failed" ? "red" : "dim";
      return `    ${terminal.style(colour, check.result.padEnd(7))} ${check.name}${check.detail === undefined ? "" : `: ${check.detail}`}`;
    }),
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

/** The trusted versions of the last steps of a run, one line each. */
export function versionLines({ steps }: RunReport): readonly string[] {
  const last = new Map<string, RunStep>();
  for (const step of steps) if (step.outcome === "trusted") last.set(step.role, step);
  return [...last.values()].map(({ role, version, expires }) =>
    row(plain(role), `version ${version}, expires ${expires}`),
  );
}
