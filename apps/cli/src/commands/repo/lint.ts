import { lintRepository, type LintFinding } from "@countersign/tuf";
import { exitCodes } from "../../exit.ts";
import { formatJson } from "../../render-json.ts";
import { inRepository } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo lint`: 1 if clients refuse something or are not protected; warnings alone are 0. */
export async function repoLintCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoOptions;
  const findings = await inRepository(options, (workspace) => lintRepository(workspace, terminal.now()));
  const hasFailed = findings.some(({ level }) => level === "fail");
  const verdict = hasFailed ? "failed" : "passed";
  if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-lint/v1", verdict, findings }));
  if (options.quiet !== true || hasFailed) terminal.err(textOf(findings, terminal));
  return hasFailed ? exitCodes.untrusted : 0;
}

function textOf(findings: readonly LintFinding[], terminal: Terminal): string {
  if (findings.length === 0) return `${terminal.style("green", "nothing found")}\n`;
  const lines = findings.flatMap(({ level, code, message, fix }) => {
    const word = level === "fail" ? terminal.style("red", "error:") : terminal.style("yellow", "warning:");
    return [`countersign: ${word} ${message} [${code}]`, `countersign: hint: ${fix}`];
  });
  return `${lines.join("\n")}\n`;
}
