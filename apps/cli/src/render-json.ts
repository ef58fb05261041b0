import type { Report } from "@countersign/pipeline";
import { withoutLogCommands, type TrustError } from "@countersign/core";
import { commandTable } from "./command.ts";

/** The report as one JSON object and a line end. */
export function formatReportJson(report: Report): string {
  return formatJson(report);
}

/**
 * Any value of ours as one JSON object and a line end; whole numbers of any size become decimal strings. Characters
 * that cannot be seen, or that steer a terminal, are written as escapes, which mean the same to every reader of JSON.
 */
export function formatJson(value: unknown, layout: "indented" | "one-line" = "indented"): string {
  const space = layout === "indented" ? 2 : 0;
  const text = JSON.stringify(
    value,
    (_, inner: unknown) => (typeof inner === "bigint" ? inner.toString() : inner),
    space,
  );
  return `${visible(text)}\n`;
}

/** All but the line feeds and spaces between the members: JSON.stringify itself escapes only what is below U+0020. */
const invisible = /(?!\n)\p{C}|(?! )\p{Z}|\p{Default_Ignorable_Code_Point}/gu;

/** The text with `\\uXXXX` for every character that cannot be seen or that steers a terminal or a CI system, all but line feeds and spaces. */
export function visible(raw: string): string {
  const text = withoutLogCommands(raw);
  return printable.test(text) ? text : text.replace(invisible, escaped);
}

const printable = /^[ -~\n]*$/;

function escaped(char: string): string {
  return Array.from({ length: char.length }, (_, at) => `\\u${char.charCodeAt(at).toString(16).padStart(4, "0")}`).join(
    "",
  );
}

/**
 * What `--json` prints when there is no report: a `countersign.failure/v1`. Its `decision`, `evidence` and `findings`
 * have the shape they have in a report, so that one reader can look at both.
 */
export function formatFailureJson(
  { code, kind, message, fix }: TrustError,
  argv: readonly string[],
  at: Date,
  exitCode: number,
): string {
  return formatJson({
    schema: "countersign.failure/v1",
    command: commandIn(argv),
    error: { code, kind, message, fix },
    decision: { verdict: exitCode === 1 ? "refused" : "unknown", reason: message },
    evidence: [],
    findings: [{ level: kind === "unavailable" ? "unknown" : "fail", code, message, fix }],
    exitCode,
    at: at.toISOString(),
  });
}

/** The command that the words of a command line begin with, options between them left out; the first word if it is none. */
export function commandIn(argv: readonly string[]): string {
  const words = argv.filter((word) => !word.startsWith("-"));
  const paths = new Set(commandTable.map(({ path }) => path));
  const lengths = [3, 2, 1].filter((count) => count <= words.length);
  const known = lengths.map((count) => words.slice(0, count).join(" ")).find((path) => paths.has(path));
  return known ?? words[0] ?? "";
}
