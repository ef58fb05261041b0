import { renewRoles, saveSettings, withValidDays } from "@countersign/tuf";
import { plain } from "../../render-text.ts";
import { daysByRole, inRepository, reportStaged, wholeNumber } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoRenewOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** How soon a role must expire to be renewed without being named, in days. */
const soonDays = 30;

/** `countersign repo renew`: stages next versions of roles that would expire, and remembers how long versions last. */
export async function repoRenewCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoRenewOptions;
  const days = daysByRole(options.expires);
  const withinDays = options.within === undefined ? undefined : wholeNumber(options.within, "--within");
  // These two have their next versions soon enough, and are made from the others.
  const named = [...operands, ...[...days.keys()].filter((role) => role !== "snapshot" && role !== "timestamp")];
  const isAll = operands.length + days.size === 0;
  const renewal = {
    ...(isAll ? { withinDays: withinDays ?? soonDays } : { roles: named }),
    ...(withinDays !== undefined && { withinDays }),
  };
  return inRepository(options, async (workspace) => {
    const changed = withValidDays(workspace, days);
    const renewed = await renewRoles(changed, renewal, terminal.now());
    if (days.size > 0) await saveSettings(changed);
    if (options.quiet !== true) terminal.err(lineOf(renewed, renewal));
    await reportStaged(changed, { schema: "countersign.repo-renew/v1", renewed }, options, terminal);
    return 0;
  });
}

const maxNames = 20;

function lineOf(renewed: readonly string[], { withinDays }: { readonly withinDays?: number }): string {
  const shown = renewed.slice(0, maxNames).map(plain).join(", ");
  if (renewed.length > maxNames) return `renewed: ${shown} and ${renewed.length - maxNames} more\n`;
  if (renewed.length > 0) return `renewed: ${shown}\n`;
  return withinDays === undefined ? "nothing to renew\n" : `nothing expires within ${withinDays} days\n`;
}
