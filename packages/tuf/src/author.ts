import { quote, type Signer } from "@countersign/core";
import { binOf, binNames, pathHash, type Bins } from "./author-bins.ts";
import {
  delegatedBy,
  withBins,
  withDelegatedKeys,
  withDelegation,
  withoutDelegation,
  type Delegation,
} from "./author-delegation.ts";
import { changed, formatTime, isObject, nextVersion, type Draft } from "./author-draft.ts";
import { findDelegators, findSignatories, type Delegator } from "./author-graph.ts";
import { makeRoot, makeTargets } from "./author-init.ts";
import { isTopRole, withTopRole, type RoleKeys } from "./author-role.ts";
import { expiryFor, type Settings } from "./author-settings.ts";
import { mergeSignatures, signDraft } from "./author-sign.ts";
import { withTargets, type TargetEntry } from "./author-target.ts";
import { createWorkspace, currentDraft, type Workspace } from "./author-workspace.ts";
import { tufError } from "./errors.ts";
import type { Disk } from "./disk.ts";
import type { TopRole } from "./role.ts";

/** What a new repository is made of. */
export interface InitPlan {
  readonly roles: Readonly<Record<TopRole, RoleKeys>>;
  readonly settings: Settings;
  readonly consistentSnapshot: boolean;
  readonly now: Date;
}

/** Makes a workspace with a first root and a first, empty targets role staged, unsigned. Throws as `createWorkspace` and `makeRoot`. */
export async function initRepository(disk: Disk, directory: string, plan: InitPlan): Promise<Workspace> {
  const { settings, now } = plan;
  const root = makeRoot({ ...plan, expires: expiryFor(settings, "root", now) });
  const workspace = await createWorkspace(disk, directory, settings);
  await workspace.stage("root", root);
  await workspace.stage("targets", makeTargets(expiryFor(settings, "targets", now)));
  return workspace;
}

/**
 * Stages a change of one role: of the version in the making, or else of a new one after the published. What was signed of it
 * is signed no more. Throws TUF_ROLE_UNKNOWN where there is neither, and what `change` throws.
 */
export async function editRole(
  workspace: Workspace,
  role: string,
  now: Date,
  change: (draft: Draft) => Draft = (draft) => draft,
): Promise<Draft> {
  const expires = expiryFor(workspace.settings, role, now);
  const staged = await workspace.staged(role);
  const published = staged === undefined ? (await workspace.published(role))?.draft : undefined;
  if (staged === undefined && published === undefined) throw tufError("TUF_ROLE_UNKNOWN", { got: quote(role) });
  const next =
    staged === undefined ? nextVersion(published as Draft, expires) : changed(staged, { expires: formatTime(expires) });
  const draft = change(next);
  await workspace.stage(role, draft);
  return draft;
}

/** Changes to targets, by path; `undefined` removes one. */
export type TargetChanges = ReadonlyMap<string, TargetEntry | undefined>;

/** Stages changes of targets in a role, or in its bins if it has any. Returns the roles that changed, each with its paths. */
export async function editTargets(
  workspace: Workspace,
  role: string,
  changes: TargetChanges,
  now: Date,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const draft = await currentDraft(workspace, role);
  if (draft === undefined || (isTopRole(role) && role !== "targets"))
    throw tufError("TUF_ROLE_UNKNOWN", { got: quote(role) });
  const binFor = binFinder(draft);
  const byRole = Map.groupBy(changes.keys(), (path) => binFor(path) ?? role);
  for (const [name, paths] of byRole) {
    const own = new Map(paths.map((path) => [path, changes.get(path)]));
    await editRole(workspace, name, now, (each) => withTargets(each, own));
  }
  return byRole;
}

/** Tells the bin of a path where all that a role delegates it delegates by hash. */
function binFinder(draft: Draft): (path: string) => string | undefined {
  const { bins, roles } = delegatedBy(draft);
  if (bins !== undefined) return (path) => binOf(bins, path);
  const prefixes = new Map<string, string>();
  for (const { name, json } of roles) {
    const list = json["path_hash_prefixes"];
    if (!Array.isArray(list)) return () => undefined;
    for (const prefix of list) if (!prefixes.has(String(prefix))) prefixes.set(String(prefix), name);
  }
  const lengths = [...new Set([...prefixes.keys()].map((prefix) => prefix.length))];
  return (path) =>
    lengths.map((length) => prefixes.get(pathHash(path).slice(0, length))).find((name) => name !== undefined);
}

/** Stages a delegation, and a first version of the role if it is new. Throws as `withDelegation`. */
export async function delegate(workspace: Workspace, from: string, delegation: Delegation, now: Date): Promise<void> {
  await editRole(workspace, from, now, (draft) => withDelegation(draft, delegation));
  await stageIfNew(workspace, delegation.name, now);
}

/** Stages the end of a delegation. What the role lists is no more found; its file stays named in the snapshot, as clients demand. */
export async function undelegate(workspace: Workspace, from: string, name: string, now: Date): Promise<void> {
  await editRole(workspace, from, now, (draft) => withoutDelegation(draft, name));
  if ((await workspace.published(name)) === undefined) await workspace.unstage(name);
}

/** How bins are made. */
export interface BinPlan extends RoleKeys {
  readonly bins: Bins;
  /** `explicit` for clients that do not know TAP 15. */
  readonly form: "succinct" | "explicit";
}

/** Stages bins below a role and moves its targets into them. Throws as `withBins`. */
export async function makeBins(workspace: Workspace, from: string, plan: BinPlan, now: Date): Promise<void> {
  const draft = await currentDraft(workspace, from);
  const targets = isObject(draft?.signed["targets"]) ? draft.signed["targets"] : {};
  await editRole(workspace, from, now, (each) => changed(withBins(each, plan.bins, plan, plan.form), { targets: {} }));
  const byBin = Map.groupBy(Object.entries(targets), ([path]) => binOf(plan.bins, path));
  for (const name of binNames(plan.bins)) {
    await stageIfNew(workspace, name, now);
    const moved = byBin.get(name) ?? [];
    if (moved.length === 0) continue;
    await editRole(workspace, name, now, (each) =>
      changed(each, { targets: { ...asObject(each.signed["targets"]), ...Object.fromEntries(moved) } }),
    );
  }
}

async function stageIfNew(workspace: Workspace, role: string, now: Date): Promise<void> {
  if ((await currentDraft(workspace, role)) !== undefined) return;
  await workspace.stage(role, makeTargets(expiryFor(workspace.settings, role, now)));
}

function asObject(value: unknown): Readonly<Record<string, never>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, never>>) : {};
}

/** Whose keys change: a top-level role's, or those by which a delegator knows a delegated role. */
export interface Rotation extends RoleKeys {
  readonly role: string;
  /** The delegator, where there are several. */
  readonly from?: string;
}

/**
 * Stages other keys for a role: in the next root, or in the next version of its delegator. Of bins all have the same keys.
 * Throws TUF_ROLE_UNKNOWN, TUF_ROLE_AMBIGUOUS, TUF_THRESHOLD_UNMEETABLE.
 */
export async function rotateKeys(workspace: Workspace, rotation: Rotation, now: Date): Promise<void> {
  const { role } = rotation;
  if (isTopRole(role)) {
    await editRole(workspace, "root", now, (root) => changed(root, withTopRole(root.signed, role, rotation)));
    return;
  }
  const { name } = await delegatorOf(workspace, role, rotation.from);
  await editRole(workspace, name, now, (draft) => withDelegatedKeys(draft, role, rotation));
}

/** The one role that delegates to `role`; of several the one that is named. Throws TUF_ROLE_UNKNOWN, TUF_ROLE_AMBIGUOUS. */
export async function delegatorOf(workspace: Workspace, role: string, from?: string): Promise<Delegator> {
  const all = await findDelegators(workspace, (name) => currentDraft(workspace, name));
  const fitting = all.filter(({ name, delegated }) => {
    const isFound = delegated.roles.some((each) => each.name === role) || isBinOf(delegated.bins, role);
    return isFound && (from === undefined || from === name);
  });
  const [only] = fitting;
  if (only === undefined) throw tufError("TUF_ROLE_UNKNOWN", { got: quote(role) });
  if (fitting.length === 1) return only;
  throw tufError("TUF_ROLE_AMBIGUOUS", { got: fitting.map(({ name }) => quote(name)).join(", ") });
}

function isBinOf(bins: Bins | undefined, role: string): boolean {
  return bins !== undefined && (role === bins.prefix || role.startsWith(`${bins.prefix}-`));
}

/** One role that was signed, and under which ids. */
export interface SignedRole {
  readonly role: string;
  readonly keyids: readonly string[];
}

/** What is to be signed with. */
export interface Signing {
  readonly signers: readonly Signer[];
  /** Only these roles; all that are staged unless given. */
  readonly roles?: readonly string[];
}

/** Signs what is staged with every key that may. Roles that none of the keys may sign are left as they are. Throws as `signDraft`. */
export async function signStaged(workspace: Workspace, { signers, roles }: Signing): Promise<readonly SignedRole[]> {
  const signed: SignedRole[] = [];
  const delegators = await findDelegators(workspace, (name) => currentDraft(workspace, name));
  for (const role of await workspace.stagedRoles()) {
    const draft = await workspace.staged(role);
    if (draft === undefined || roles?.includes(role) === false) continue;
    const { must, also } = await findSignatories(workspace, role, delegators);
    const made = await signDraft(draft, signers, [...must, ...also]);
    if (made.keyids.length === 0) continue;
    await workspace.stage(role, made.draft);
    signed.push({ role, keyids: made.keyids });
  }
  return signed;
}

/** Takes over signatures that somebody else made of what is staged. Throws TUF_ROLE_UNKNOWN and as `mergeSignatures`. */
export async function mergeStaged(workspace: Workspace, role: string, other: Draft): Promise<SignedRole> {
  const draft = await workspace.staged(role);
  if (draft === undefined) throw tufError("TUF_ROLE_UNKNOWN", { checked: "what is staged", got: quote(role) });
  const delegators = await findDelegators(workspace, (name) => currentDraft(workspace, name));
  const { must, also } = await findSignatories(workspace, role, delegators);
  const merged = mergeSignatures(draft, other, [...must, ...also]);
  await workspace.stage(role, merged.draft);
  return { role, keyids: merged.keyids };
}
