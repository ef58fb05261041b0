import { TrustError } from "@countersign/core";
import { sleep } from "../../http.ts";
import { interruptible } from "../../interrupt.ts";
import { formatWarning } from "../../render-text.ts";
import { openClient, type UpdateClient } from "../../update-client.ts";
import { settle, versionLines } from "../../update-report.ts";
import type { OutputOptions } from "../../options.ts";
import type { Terminal } from "../../terminal.ts";
import type { UpdateWatchOptions } from "../../update-options.ts";

const defaultIntervalSeconds = 3600;

/**
 * `countersign update watch`: one JSON object or a few lines for each change, until Ctrl-C, or until the first change. A mirror that
 * cannot be reached is told and waited for; what is not to be trusted ends it.
 */
export async function updateWatchCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as UpdateWatchOptions;
  const client = await openClient(options, terminal);
  const effort = { command: "update watch", runs: () => ({ repository: client.updater.report }), targets: [] };
  return settle(effort, options, terminal, () => interruptible(() => watch(client, options, terminal)));
}

async function watch({ updater }: UpdateClient, options: UpdateWatchOptions, terminal: Terminal): Promise<string> {
  const pauseMs = Math.max(1, options.interval ?? defaultIntervalSeconds) * 1000;
  let before: string | undefined;
  for (;;) {
    const lines = await refresh(updater, terminal);
    const now = lines?.join("\n");
    if (now !== undefined && now !== before) {
      const isChange = before !== undefined;
      before = now;
      if (options.json === true)
        terminal.out(`${JSON.stringify({ changed: isChange, versions: versionsOf(updater.report) })}\n`);
      else terminal.out(`${isChange ? "changed" : "watching"}\n${now}\n`);
      if (isChange && options.untilChange === true) return "something changed";
    }
    await sleep(pauseMs);
  }
}

async function refresh(updater: UpdateClient["updater"], terminal: Terminal): Promise<readonly string[] | undefined> {
  try {
    return versionLines(await updater.refresh());
  } catch (error) {
    if (!(error instanceof TrustError) || error.kind !== "unavailable") throw error;
    terminal.err(formatWarning(error.message, error.code, terminal));
    return undefined;
  }
}

function versionsOf({ steps }: UpdateClient["updater"]["report"]): Readonly<Record<string, number>> {
  const trusted = steps.filter(({ outcome, version }) => outcome === "trusted" && version !== undefined);
  return Object.fromEntries(trusted.map(({ role, version }) => [role, version as number]));
}
