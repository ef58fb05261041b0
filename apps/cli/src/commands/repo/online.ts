import {
  publish,
  refreshOnlineRoles,
  signStaged,
  stageSnapshot,
  stageTimestamp,
  type Publication,
  type Workspace,
} from "@countersign/tuf";
import { nodeGenerations } from "@countersign/tuf/node";
import { formatJson } from "../../render-json.ts";
import { plain } from "../../render-text.ts";
import { inRepository, openSigners, reportStaged } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoKeyOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo snapshot`. */
export function repoSnapshotCommand(
  _operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  return stageOnline("snapshot", stageSnapshot, options, terminal);
}

/** `countersign repo timestamp`. */
export function repoTimestampCommand(
  _operands: readonly string[],
  options: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  return stageOnline("timestamp", stageTimestamp, options, terminal);
}

async function stageOnline(
  role: "snapshot" | "timestamp",
  make: (workspace: Workspace, now: Date) => Promise<unknown>,
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoKeyOptions;
  const signers = await openSigners(options.key ?? [], options, terminal);
  return inRepository(options, async (workspace) => {
    await make(workspace, terminal.now());
    await signStaged(workspace, { signers, roles: [role] });
    await reportStaged(workspace, { schema: `countersign.repo-${role}/v1` }, options, terminal);
    return 0;
  });
}

/** `countersign repo publish`: 0 once readers see all that was ready. */
export async function repoPublishCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoKeyOptions;
  const signers = await openSigners(options.key ?? [], options, terminal);
  return inRepository(options, async (workspace) => {
    const now = terminal.now();
    if (signers.length > 0) await refreshOnlineRoles(workspace, signers, now);
    const done = await publish(workspace, { now, generations: nodeGenerations });
    if (options.json === true) terminal.out(formatJson({ schema: "countersign.repo-publish/v1", ...done }));
    if (options.quiet !== true) terminal.err(textOf(done, terminal));
    return 0;
  });
}

const maxRoles = 20;

function textOf({ roles, targets, unready }: Publication, terminal: Terminal): string {
  const shown =
    roles.length > maxRoles
      ? roles.filter(({ role }) => ["root", "targets", "snapshot", "timestamp"].includes(role))
      : roles;
  const rest = roles.length - shown.length;
  const names = [
    ...shown.map(({ role, version }) => `${plain(role)} ${version}`),
    ...(rest > 0 ? [`${rest} more roles`] : []),
  ];
  const files = `${targets} ${targets === 1 ? "file" : "files"}`;
  const left = unready.map((role) => `${terminal.style("yellow", "still staged:")} ${plain(role)}\n`).join("");
  return `${terminal.style("green", "published:")} ${names.join(", ")}; ${files}\n${left}`;
}
