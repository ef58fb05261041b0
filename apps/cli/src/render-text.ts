import type { Check, EvidenceReport, Report, SecondOpinion } from "@countersign/pipeline";
import { quote, withoutLogCommands, type Claims, type Finding, type TrustError } from "@countersign/core";
import type { Style, Terminal } from "./terminal.ts";

/** How much of a report people get to see. */
export type Detail = "outcome" | "every-check";

/** The report in words, for standard error. Everything that came from outside is escaped. */
export function formatReportText(report: Report, terminal: Terminal, detail: Detail): string {
  const lines = report.decision.verdict === "allowed" ? allowedLines(report, terminal) : refusedLines(report, terminal);
  const checks = report.evidence.flatMap((evidence) => evidenceLines(evidence, terminal, detail));
  const opinions = opinionLines(report.secondOpinion, terminal, detail);
  return [...lines, ...opinions, ...checks, ...findingLines(report, terminal), ""].join("\n");
}

/** What another implementation says, and our guards beside it: those that failed, or all. */
export function opinionLines(opinion: SecondOpinion | undefined, terminal: Terminal, detail: Detail): string[] {
  if (opinion === undefined) return [];
  const guards = opinion.evidence.flatMap((each) => each.guards);
  const shown = detail === "every-check" ? guards : guards.filter(({ result }) => result === "failed");
  const words = { agree: "agrees", disagree: "disagrees", unable: "cannot tell" } as const;
  return [
    row("opinion", `${plain(opinion.by)} ${words[opinion.outcome]}: ${opinion.reason}`),
    ...(shown.length === 0 ? [] : ["  what it does not look at, looked at here:"]),
    ...shown.map((check) => checkLine(check, terminal)),
  ];
}

/** A new signature in words: who signed, and where it can be seen. */
export function formatSignedText(report: Report, bundlePath: string, terminal: Terminal): string {
  const claims = claimsOf(report);
  const place = bundlePath === "-" ? "standard output" : plain(bundlePath);
  const head = `${terminal.style("green", "signed:")} ${plain(report.artifact.name)} into ${place}`;
  return [head, ...claims.flatMap(claimLines), ""].join("\n");
}

/** A failure in words: what is wrong, and one action to take. */
export function formatFailureText(failure: TrustError, terminal: Terminal): string {
  return `${errorLine(`${failure.message} [${failure.code}]`, terminal)}\n${hintLine(failure.fix)}\n`;
}

/** A remark that stops nothing. */
export function formatNote(text: string, terminal: Terminal): string {
  return `countersign: ${terminal.style("yellow", "note:")} ${text}\n`;
}

/** Something wrong that stops nothing. */
export function formatWarning(message: string, code: string, terminal: Terminal): string {
  return `countersign: ${terminal.style("yellow", "warning:")} ${message} [${code}]\n`;
}

/** A hostile string, escaped but without quotes: a file name as it is shown in running text. */
export function plain(hostile: string): string {
  return quote(hostile).slice(1, -1).replaceAll('\\"', '"').replaceAll("\\\\", "\\");
}

/** As `plain`, never cut: for standard output, where a name or a path is the answer itself. */
export function whole(hostile: string): string {
  // A command can stand across two pieces.
  return withoutLogCommands((hostile.match(/[^]{1,100}/gu) ?? []).map(plain).join(""));
}

/** A path as a POSIX shell takes it. Control characters are escaped for the eye, so such a path cannot be pasted. */
export function shellQuoted(path: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(path) ? path : `'${whole(path).replaceAll("'", "'\\''")}'`;
}

function errorLine(text: string, terminal: Terminal): string {
  return `countersign: ${terminal.style("red", "error:")} ${text}`;
}

function hintLine(text: string): string {
  return `countersign: hint: ${text}`;
}

function allowedLines(report: Report, terminal: Terminal): string[] {
  const claims = claimsOf(report);
  const head = `${terminal.style("green", "allowed:")} ${plain(report.artifact.name)}`;
  return [head, ...claims.flatMap(claimLines), ...report.evidence.flatMap(markLines), ...trustLines(report)];
}

/** The claims of all evidence that held. */
export function claimsOf(report: Report): Claims[] {
  return report.evidence.flatMap((evidence) => (evidence.claims === undefined ? [] : [evidence.claims]));
}

/** Who signed, when and where it can be seen, and what was attested. */
export function claimLines(claims: Claims): string[] {
  return [
    ...signerLines(claims),
    ...(claims.statement === undefined ? [] : [row("predicate", quote(claims.statement.predicateType))]),
    ...claims.times.map((time) => row("time", `${time.time} by ${quote(time.authority)} (${time.source})`)),
    ...claims.logs.map((log) =>
      row("log", `${quote(log.origin)}${log.index === undefined ? "" : ` at index ${log.index}`} (${log.proof})`),
    ),
  ];
}

function signerLines(claims: Claims): string[] {
  const { signer } = claims;
  if (signer.kind === "key") return [row("key", `${signer.keyid} (${signer.algorithm})`)];
  return [row("identity", quote(signer.identity.value)), row("issuer", quote(signer.issuer))];
}

function markLines({ provenance }: EvidenceReport): string[] {
  if (provenance === undefined) return [];
  const { proved, stated } = provenance;
  return [row("fields", `${proved.length} of ${proved.length + stated.length} proved by the certificate`)];
}

function trustLines(report: Report): string[] {
  return report.trust.sources.map(({ source, ageDays }) => {
    return row(
      "trust",
      `${plain(source)}${ageDays === undefined ? "" : `, ${ageDays} ${ageDays === 1 ? "day" : "days"} old`}`,
    );
  });
}

function refusedLines(report: Report, terminal: Terminal): string[] {
  return [refusedLine({ name: report.artifact.name, ...report.decision }, terminal)];
}

/** What was not allowed, and the first reason. */
export function refusedLine(
  refused: Pick<Report["decision"], "verdict" | "reason" | "code"> & { readonly name: string },
  terminal: Terminal,
): string {
  const word = refused.verdict === "refused" ? "refused" : "could not tell";
  const code = refused.code === undefined ? "" : ` [${refused.code}]`;
  return errorLine(`${word}: ${plain(refused.name)}: ${refused.reason}${code}`, terminal);
}

const marks: Readonly<Record<Check["result"], { readonly sign: string; readonly style: Style }>> = {
  passed: { sign: "passed ", style: "green" },
  failed: { sign: "failed ", style: "red" },
  skipped: { sign: "skipped", style: "dim" },
};

/** The checks of one piece of evidence: those that failed, or all. */
export function evidenceLines(evidence: EvidenceReport, terminal: Terminal, detail: Detail): string[] {
  const shown =
    detail === "every-check" ? evidence.checks : evidence.checks.filter((check) => check.result === "failed");
  if (shown.length === 0) return [];
  return [`  ${plain(evidence.source)}:`, ...shown.map((check) => checkLine(check, terminal))];
}

function checkLine(check: Check, terminal: Terminal): string {
  const { sign, style } = marks[check.result];
  const code = check.code === undefined ? "" : ` [${check.code}]`;
  return `    ${terminal.style(style, sign)} ${check.name}${check.detail === "" ? "" : `: ${check.detail}`}${code}`;
}

/** Failures of an allowed report concern other evidence, so there they are only warnings. */
function findingLines(report: Report, terminal: Terminal): string[] {
  const findings = [...report.findings, ...report.evidence.flatMap((evidence) => evidence.findings)];
  const warnings = findings
    .filter((finding) => finding.level === "warn")
    .map((finding) => warningLine(finding, terminal));
  if (report.decision.verdict === "allowed") return [...new Set(warnings)];
  const causes = findings.filter((finding) => finding.level !== "warn");
  return [...new Set([...warnings, ...formatHints(causes)])];
}

/** What can be done about the first few findings. */
export function formatHints(causes: readonly Finding[]): readonly string[] {
  return causes.slice(0, maxHints).map((finding) => hintLine(finding.fix));
}

const maxHints = 3;

/** A finding that stops nothing. */
export function warningLine(finding: Finding, terminal: Terminal): string {
  return `countersign: ${terminal.style("yellow", "warning:")} ${finding.message} [${finding.code}]`;
}

/** One fact, in the column that all of them have. */
export function row(name: string, value: string): string {
  return `  ${name.padEnd(9)} ${value}`;
}
