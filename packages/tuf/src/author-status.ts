import { namesOf } from "./author-delegation.ts";
import { expiryOf, formatTime, versionOf } from "./author-draft.ts";
import { findFinal } from "./author-final.ts";
import { findDelegators, findSignatories } from "./author-graph.ts";
import { isTopRole } from "./author-role.ts";
import { signingStateOf, type Authority, type SigningState } from "./author-sign.ts";
import { currentDraft, type Workspace } from "./author-workspace.ts";
import { parseTargets } from "./metadata.ts";
import { topRoles } from "./role.ts";

/** How a role stands. */
export interface RoleStatus {
  readonly role: string;
  readonly published?: VersionStatus;
  readonly staged?: StagedStatus;
}

/** A version and how long it lasts. */
export interface VersionStatus {
  readonly version: number;
  /** RFC 3339, UTC. */
  readonly expires: string;
  /** Whole days that are left; negative if it has expired. */
  readonly expiresInDays: number;
}

/** The next version, and who has signed it. */
export interface StagedStatus extends VersionStatus {
  /** Whether all that must be met is met. */
  readonly isReady: boolean;
  readonly signing: readonly (SigningState & { readonly source: string; readonly isNeeded: boolean })[];
}

const dayMs = 86_400_000;

/** How every role stands: what is published and until when, what is staged and who still has to sign it. */
export async function statusOf(workspace: Workspace, now: Date): Promise<readonly RoleStatus[]> {
  const final = await findFinal(workspace);
  const delegators = await findDelegators(workspace, (role) => currentDraft(workspace, role));
  const delegated = delegators.flatMap((each) => namesOf(each.delegated));
  const names = new Set([...topRoles, ...delegated, ...(await workspace.stagedRoles())]);
  const rows: RoleStatus[] = [];
  for (const role of names) {
    const published = await publishedStatus(workspace, role, now);
    const staged = await stagedStatus(workspace, role, { delegators, unready: final.unready, now });
    rows.push({ role, ...(published === undefined ? {} : { published }), ...(staged === undefined ? {} : { staged }) });
  }
  return rows;
}

async function publishedStatus(workspace: Workspace, role: string, now: Date): Promise<VersionStatus | undefined> {
  const bytes = await workspace.publishedBytes(role);
  if (bytes === undefined) return undefined;
  if (!isTopRole(role)) {
    // Bins may be many and large: their targets are only indexed.
    const { version, expiresMs } = parseTargets(bytes);
    return versionStatus(version, expiresMs, now);
  }
  const published = await workspace.published(role);
  return published && versionStatus(versionOf(published.draft), expiryOf(published.draft), now);
}

function versionStatus(version: number, expiresMs: number, now: Date): VersionStatus {
  const expiresInDays = Math.floor((expiresMs - now.getTime()) / dayMs);
  return { version, expires: formatTime(new Date(expiresMs)), expiresInDays };
}

interface Seen {
  readonly delegators: Awaited<ReturnType<typeof findDelegators>>;
  readonly unready: readonly string[];
  readonly now: Date;
}

async function stagedStatus(workspace: Workspace, role: string, seen: Seen): Promise<StagedStatus | undefined> {
  const draft = await workspace.staged(role);
  if (draft === undefined) return undefined;
  const { must, also } = await findSignatories(workspace, role, seen.delegators);
  const look = (authority: Authority, isNeeded: boolean): StagedStatus["signing"][number] => {
    return { ...signingStateOf(draft, authority), source: authority.source, isNeeded };
  };
  const signing = [...must.map((each) => look(each, true)), ...also.map((each) => look(each, false))];
  return {
    ...versionStatus(versionOf(draft), expiryOf(draft), seen.now),
    isReady: !seen.unready.includes(role),
    signing,
  };
}
