import { delegatedBy, namesOf, rowOfDelegated, type Delegated } from "./author-delegation.ts";
import { authorityOfRoot, authorityOfRow, type Authority } from "./author-sign.ts";
import { isTopRole } from "./author-role.ts";
import { currentDraft, type Workspace } from "./author-workspace.ts";
import { textIn, type Draft } from "./author-draft.ts";

/** A targets role that delegates, with whom it delegates to. */
export interface Delegator {
  readonly name: string;
  readonly draft: Draft;
  readonly delegated: Delegated;
}

/** How the content of a role is looked up: what is staged, what is published, or what will be. */
export type DraftSource = (role: string) => Promise<Draft | undefined>;

/**
 * Every targets role that delegates, reached from `targets`, in the order of a client's search. Roles that cannot delegate
 * are told from their bytes, so that ten thousand bins need not be parsed.
 */
export async function findDelegators(workspace: Workspace, source: DraftSource): Promise<readonly Delegator[]> {
  const found: Delegator[] = [];
  const seen = new Set(["targets"]);
  const queue = ["targets"];
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    if (!(await mayDelegate(workspace, name))) continue;
    const draft = await source(name);
    if (draft === undefined) continue;
    const delegated = delegatedBy(draft);
    const names = namesOf(delegated);
    if (names.length > 0) found.push({ name, draft, delegated });
    for (const each of names.filter((next) => !seen.has(next))) {
      seen.add(each);
      queue.push(each);
    }
  }
  return found;
}

async function mayDelegate(workspace: Workspace, name: string): Promise<boolean> {
  const staged = await workspace.staged(name);
  if (staged?.signed["delegations"] !== undefined) return true;
  const bytes = await workspace.publishedBytes(name);
  if (bytes === undefined) return false;
  const text = latin1.decode(bytes);
  // An escape may hide the word.
  return text.includes('"delegations"') || text.includes("\\u");
}

const latin1 = new TextDecoder("latin1");

/** Who is to sign a role, and who could besides. */
export interface Signatories {
  /** Each of these must be met before the role can be published. */
  readonly must: readonly Authority[];
  /** The root that readers have today: signatures by its keys too let them pass from one root to the next without a gap. */
  readonly also: readonly Authority[];
}

/** Who may sign a role, given root and delegators as staged, or as published where nothing is staged. Empty if nobody. */
export async function findSignatories(
  workspace: Workspace,
  role: string,
  delegators: readonly Delegator[],
): Promise<Signatories> {
  if (!isTopRole(role)) return { must: authoritiesOf(role, delegators), also: [] };
  const [root, before] = [await currentDraft(workspace, "root"), (await workspace.published("root"))?.draft];
  if (root === undefined) return { must: [], also: [] };
  const own = authorityOfRoot(root, role);
  const isSame = before === undefined || before.signed["version"] === root.signed["version"];
  if (isSame) return { must: [own], also: [] };
  const old = authorityOfRoot(before, role);
  return role === "root" ? { must: [old, own], also: [] } : { must: [own], also: [old] };
}

/** Each delegator's word on who may sign a role. */
export function authoritiesOf(role: string, delegators: readonly Delegator[]): readonly Authority[] {
  return delegators.flatMap(({ name, draft, delegated }) => {
    const row = rowOfDelegated(delegated, role);
    return row === undefined ? [] : [authorityOfRow(`${name} ${textIn(draft.signed["version"])}`, row, delegated)];
  });
}
