import { quote } from "@countersign/core";
import { editRole } from "./author.ts";
import { namesOf } from "./author-delegation.ts";
import { expiryOf } from "./author-draft.ts";
import { findDelegators, type Delegator } from "./author-graph.ts";
import { checkDays, formatSettings } from "./author-settings.ts";
import { currentDraft, layout, type Workspace } from "./author-workspace.ts";
import { replaceFile } from "./disk.ts";
import { tufError } from "./errors.ts";
import { parseRoot, parseTargets } from "./metadata.ts";

/** Which roles get a next version though nothing but their expiry changes. */
export interface Renewal {
  /** These; a prefix of bins stands for all of them. Unless given, root and every targets role. */
  readonly roles?: readonly string[];
  /** Only those that expire within so many days; unless given, all. */
  readonly withinDays?: number;
}

const dayMs = 86_400_000;

/**
 * Stages the next version of roles as they are, with a new expiry, so that they can be signed anew: what was signed of a version
 * in the making is signed no more. Snapshot and timestamp are made from the others, and not here. Returns the roles.
 * Throws TUF_ROLE_UNKNOWN.
 */
export async function renewRoles(workspace: Workspace, renewal: Renewal, now: Date): Promise<readonly string[]> {
  const delegators = await findDelegators(workspace, (role) => currentDraft(workspace, role));
  const renewable = new Set(["root", "targets", ...delegators.flatMap(({ delegated }) => namesOf(delegated))]);
  const roles = renewal.roles?.flatMap((role) => membersOf(role, renewable, delegators)) ?? [...renewable];
  const latestMs = renewal.withinDays === undefined ? Infinity : now.getTime() + renewal.withinDays * dayMs;
  const renewed: string[] = [];
  for (const role of new Set(roles)) {
    const expiresMs = await expiryInUse(workspace, role);
    if (expiresMs === undefined || expiresMs > latestMs) continue;
    await editRole(workspace, role, now);
    renewed.push(role);
  }
  return renewed;
}

function membersOf(role: string, renewable: ReadonlySet<string>, delegators: readonly Delegator[]): readonly string[] {
  if (renewable.has(role)) return [role];
  const binned = delegators.find(({ delegated }) => delegated.bins?.prefix === role);
  if (binned !== undefined) return namesOf(binned.delegated);
  throw tufError("TUF_ROLE_UNKNOWN", { expected: "root, targets or a role that is delegated to", got: quote(role) });
}

/** Of the version in the making, or else of the published one, which is only indexed: bins may be many. */
async function expiryInUse(workspace: Workspace, role: string): Promise<number | undefined> {
  const staged = await workspace.staged(role);
  if (staged !== undefined) return expiryOf(staged);
  const bytes = await workspace.publishedBytes(role);
  return bytes && (role === "root" ? parseRoot(bytes) : parseTargets(bytes)).expiresMs;
}

/** The workspace, in which versions of roles that are made from now on last so many days. Throws TUF_WORKSPACE_MALFORMED for a number out of range. */
export function withValidDays(workspace: Workspace, days: ReadonlyMap<string, number>): Workspace {
  for (const [role, number] of days) checkDays(number, role);
  return { ...workspace, settings: { validDays: new Map([...workspace.settings.validDays, ...days]) } };
}

/** Keeps the settings of a workspace for later commands. */
export async function saveSettings({ disk, directory, settings }: Workspace): Promise<void> {
  const path = `${directory}/${layout.settings}`;
  await replaceFile(disk, { path, temporary: `${path}.tmp`, bytes: formatSettings(settings) });
}
