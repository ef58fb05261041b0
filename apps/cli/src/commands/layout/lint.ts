import { quote } from "@countersign/core";
import { lintLayout, type LintFinding } from "@countersign/in-toto";
import { cliError } from "../../errors.ts";
import { readMetadata } from "../../evidence.ts";
import { exitCodes } from "../../exit.ts";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout lint`: 1 if the layout cannot be met or does not protect as it seems to; warnings alone are 0. */
export async function layoutLintCommand(
  operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const [path = ""] = operands;
  const metadata = readMetadata(path);
  if (metadata.type !== "layout") throw cliError("CLI_LAYOUT_NEEDED", { checked: quote(path), got: metadata.type });
  const findings = lintLayout(metadata.layout, { now: terminal.now() });
  const hasFailed = findings.some(({ level }) => level === "fail");
  if (options.json === true)
    terminal.out(
      formatJson({ schema: "countersign.layout-lint/v1", path, verdict: hasFailed ? "failed" : "passed", findings }),
    );
  if (options.quiet !== true || hasFailed) terminal.err(textOf(path, findings, terminal));
  return hasFailed ? exitCodes.untrusted : 0;
}

function textOf(path: string, findings: readonly LintFinding[], terminal: Terminal): string {
  const lines = findings.flatMap(({ level, code, message, fix }) => {
    const word = level === "fail" ? terminal.style("red", "error:") : terminal.style("yellow", "warning:");
    return [`countersign: ${word} ${message} [${code}]`, `countersign: hint: ${fix}`];
  });
  const head = findings.length === 0 ? [`${terminal.style("green", "nothing found:")} ${plain(path)}`] : [];
  return [...head, ...lines, ""].join("\n");
}
