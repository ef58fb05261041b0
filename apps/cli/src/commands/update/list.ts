import { interruptible } from "../../interrupt.ts";
import { whole } from "../../render-text.ts";
import { openClient } from "../../update-client.ts";
import { reportTarget, settle, type TargetReport } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateOptions } from "../../update-options.ts";

/** `countersign update list`: the names on standard output, one a line. */
export async function updateListCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateOptions;
  const { updater } = await openClient(options, terminal);
  const targets: TargetReport[] = [];
  const effort = { command: "update list", runs: () => ({ repository: updater.report }), targets };
  return settle(effort, options, terminal, async () => {
    const found = await interruptible(async () => updater.targets(await updater.names()));
    for (const target of found) if (target !== undefined) targets.push(reportTarget(target, "listed"));
    if (options.json !== true) for (const target of targets) terminal.out(`${lineOf(target, options)}\n`);
    return `${targets.length} ${targets.length === 1 ? "target" : "targets"}`;
  });
}

function lineOf({ name, length, digests = [], custom }: TargetReport, { verbose }: OutputOptions): string {
  if (verbose !== true) return whole(name);
  const more = custom === undefined ? "" : `\t${whole(JSON.stringify(custom))}`;
  return `${whole(name)}\t${length}\t${digests.join(" ")}${more}`;
}
