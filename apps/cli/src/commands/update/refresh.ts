import { interruptible } from "../../interrupt.ts";
import { checkSecondOpinion, openClient } from "../../update-client.ts";
import { settle, versionLines, type Effort } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateOptions } from "../../update-options.ts";

/** `countersign update refresh`: 0 all is fresh, 1 refused, 3 could not tell. */
export async function updateRefreshCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateOptions;
  const client = await openClient(options, terminal);
  const { updater } = client;
  const effort: Effort = { command: "update refresh", runs: () => ({ repository: updater.report }), targets: [] };
  return settle(effort, options, terminal, async () => {
    const report = await interruptible(() => updater.refresh());
    if (options.secondOpinion === true) await checkSecondOpinion(client, [], effort);
    return ["the metadata is the newest that the mirror has", ...versionLines(report)].join("\n");
  });
}
