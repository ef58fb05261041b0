import { findingOf, TrustError, type Finding, type Requirements } from "@countersign/core";
import type { Trust } from "@countersign/pipeline";
import { lintTrustRoots, requirements, type TrustRoot } from "@countersign/sigstore";
import { exitCodes } from "../../exit.ts";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import { readEachTrust } from "../../trust-look.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { TrustLookOptions } from "../../trust-options.ts";

/** `countersign trust check`: 1 if good signatures would be refused or counts can be cheated; warnings alone are 0. */
export async function trustCheckCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as TrustLookOptions;
  const { sources, findings } = await examine(operands, options, terminal);
  const hasFailed = findings.some(({ level }) => level === "fail");
  const verdict = hasFailed ? "failed" : "passed";
  if (options.json === true)
    terminal.out(formatJson({ schema: "countersign.trust-check/v1", verdict, sources, findings }));
  if (options.quiet !== true || hasFailed) terminal.err(textOf(findings, terminal));
  return hasFailed ? exitCodes.untrusted : 0;
}

interface Examined {
  readonly sources: Trust["sources"];
  readonly findings: readonly Finding[];
}

/** A root that cannot be read is a finding, as all that is wrong with it; a file that is not there is wrong usage. */
async function examine(operands: readonly string[], options: TrustLookOptions, terminal: Terminal): Promise<Examined> {
  try {
    const trusts = await readEachTrust(operands, options, terminal);
    const roots = trusts.flatMap((trust) => trust.roots);
    const need = needOf(options, roots, trusts[0]?.require);
    const lint = lintTrustRoots(roots, { nowMs: terminal.now().getTime(), need });
    const told = new Set(lint.map(({ message }) => message));
    const ages = trusts.flatMap((trust) => trust.findings).filter(({ message }) => !told.has(message));
    return { sources: trusts.flatMap((trust) => trust.sources), findings: [...lint, ...ages] };
  } catch (error) {
    if (!(error instanceof TrustError) || (error.kind !== "malformed" && error.kind !== "untrusted")) throw error;
    return { sources: [], findings: [findingOf(error)] };
  }
}

/** What a verdict with these roots asks for by default, unless other numbers are given. */
function needOf(
  { scts, logEntries, times }: TrustLookOptions,
  roots: readonly TrustRoot[],
  named: Partial<Requirements> | undefined,
): Requirements {
  const isKeyless = roots.some(({ authorities }) => authorities.length > 0);
  const usual = { ...(isKeyless ? requirements.certificate : requirements.key), ...named };
  return {
    scts: scts ?? usual.scts,
    logEntries: logEntries ?? usual.logEntries,
    times: times ?? usual.times,
  };
}

function textOf(findings: readonly Finding[], terminal: Terminal): string {
  if (findings.length === 0) return `${terminal.style("green", "nothing found")}\n`;
  const lines = findings.flatMap(({ level, code, message, fix }) => {
    const word = level === "fail" ? terminal.style("red", "error:") : terminal.style("yellow", "warning:");
    return [`countersign: ${word} ${plain(message)} [${code}]`, `countersign: hint: ${fix}`];
  });
  return `${lines.join("\n")}\n`;
}
