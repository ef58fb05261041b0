import { equalBytes, quote, TrustError } from "@countersign/core";
import { namesOf } from "./author-delegation.ts";
import { expiryOf, formatDraft, objectAt, versionOf, type Draft } from "./author-draft.ts";
import { authoritiesOf, findDelegators, type Delegator } from "./author-graph.ts";
import { authorityOfRoot, signingStateOf, type Authority } from "./author-sign.ts";
import { isNamedFile } from "./author-snapshot.ts";
import type { Workspace } from "./author-workspace.ts";
import { isTopRole } from "./author-role.ts";
import { parseMetadata } from "./metadata.ts";
import type { TopRole } from "./role.ts";

/** A metadata file as readers will see it. */
export interface FinalFile {
  readonly draft: Draft;
  readonly bytes: Uint8Array;
}

/** What readers will see: for each role the next version if enough have signed it, or else the published one. */
export interface Final {
  readonly root: FinalFile | undefined;
  readonly isRootNew: boolean;
  /** The root that readers have today, if the next one is ready. */
  readonly rootBefore: FinalFile | undefined;
  /** Next versions that are ready, root not among them. */
  readonly ready: ReadonlyMap<string, FinalFile>;
  /** Names of roles whose next version still lacks signatures. */
  readonly unready: readonly string[];
  /** Names of roles that are staged as they are published: what an earlier run was cut off from clearing away. */
  readonly done: readonly string[];
  readonly delegators: readonly Delegator[];
  file(role: string): Promise<FinalFile | undefined>;
}

/** Works out which of the staged versions are ready. Root first, since it says who may sign the others. */
export async function findFinal(workspace: Workspace): Promise<Final> {
  const done = await findDone(workspace);
  const published = await workspace.published("root");
  const staged = done.includes("root") ? undefined : await workspace.staged("root");
  const isRootReady = staged !== undefined && isMet(staged, rootAuthorities(staged, published?.draft));
  const root = isRootReady ? fileOf(staged) : published;
  const names = (await workspace.stagedRoles()).filter((name) => name !== "root" && !done.includes(name));
  const ready = new Map<string, FinalFile>();
  for (const role of names.filter(isTopRole)) {
    const draft = await workspace.staged(role);
    if (draft !== undefined && root !== undefined && isMet(draft, [authorityOfRoot(root.draft, role)]))
      ready.set(role, fileOf(draft));
  }
  const file = async (role: string): Promise<FinalFile | undefined> =>
    role === "root" ? root : (ready.get(role) ?? workspace.published(role));
  const delegators = await settleDelegated(workspace, { names, ready, file });
  return {
    root,
    isRootNew: isRootReady,
    rootBefore: isRootReady ? published : undefined,
    ready,
    unready: [...names, ...(staged !== undefined && !isRootReady ? ["root"] : [])].filter((name) => !ready.has(name)),
    delegators,
    done,
    file,
  };
}

async function findDone(workspace: Workspace): Promise<readonly string[]> {
  const done: string[] = [];
  for (const role of await workspace.stagedRoles()) {
    const [draft, bytes] = [await workspace.staged(role), await workspace.publishedBytes(role)];
    if (draft !== undefined && bytes !== undefined && equalBytes(formatDraft(draft), bytes)) done.push(role);
  }
  return done;
}

interface Settling {
  /** What is staged. */
  readonly names: readonly string[];
  readonly ready: Map<string, FinalFile>;
  readonly file: Final["file"];
}

/**
 * Adds delegated roles that all their delegators accept. Delegators become ready or not themselves, so this goes on until nothing
 * changes; a role that a delegator does not accept which became ready later is taken out for good.
 */
async function settleDelegated(workspace: Workspace, { names, ready, file }: Settling): Promise<readonly Delegator[]> {
  const open = new Set(names.filter((name) => !isTopRole(name)));
  for (;;) {
    const delegators = await findDelegators(workspace, async (role) => (await file(role))?.draft);
    let isStable = true;
    for (const role of open) {
      const draft = await workspace.staged(role);
      const authorities = authoritiesOf(role, delegators);
      const isAccepted = draft !== undefined && authorities.length > 0 && isMet(draft, authorities);
      if (isAccepted === ready.has(role)) continue;
      isStable = false;
      if (draft !== undefined && isAccepted) ready.set(role, fileOf(draft));
      else {
        open.delete(role);
        ready.delete(role);
      }
    }
    if (isStable) return delegators;
  }
}

function rootAuthorities(next: Draft, before: Draft | undefined): readonly Authority[] {
  return [next, ...(before === undefined ? [] : [before])].map((root) => authorityOfRoot(root, "root"));
}

function isMet(draft: Draft, authorities: readonly Authority[]): boolean {
  return authorities.every((authority) => signingStateOf(draft, authority).isMet);
}

function fileOf(draft: Draft): FinalFile {
  return { draft, bytes: formatDraft(draft) };
}

/**
 * Everything for which a reader would refuse what will be there, as sentences; none if all is well. Looks at signatures of
 * top-level roles and of roles that change or whose delegator changes, at versions, expiry, and at what timestamp and snapshot name.
 */
export async function findProblems(workspace: Workspace, final: Final, now: Date): Promise<readonly string[]> {
  const { root } = final;
  if (root === undefined) return ["there is no root that enough keys have signed"];
  const problems = [...(await rootProblems(workspace, root, now))];
  for (const role of ["timestamp", "snapshot", "targets"] as const)
    problems.push(...(await topProblems(workspace, final, role, now)));
  for (const [role, { bytes }] of [...final.ready, ["root", root] as const])
    problems.push(...formProblems(role, bytes));
  if (problems.length > 0) return problems;
  return [...(await namingProblems(final)), ...(await delegationProblems(workspace, final, now))];
}

/** Asks the reader that clients use: what somebody else staged may have any form. */
function formProblems(role: string, bytes: Uint8Array): readonly string[] {
  try {
    parseMetadata(bytes);
    return [];
  } catch (error) {
    if (error instanceof TrustError) return [`role ${quote(role)}: ${error.message}`];
    throw error;
  }
}

async function rootProblems(workspace: Workspace, root: FinalFile, now: Date): Promise<readonly string[]> {
  const published = await workspace.published("root");
  const [version, before] = [versionOf(root.draft), published === undefined ? 0 : versionOf(published.draft)];
  const isNext = published?.draft === root.draft || version === before + 1;
  return [
    ...(isNext ? [] : [`root has version ${version}, and ${before} is published`]),
    ...expiryProblems("root", root.draft, now),
  ];
}

async function topProblems(workspace: Workspace, final: Final, role: TopRole, now: Date): Promise<readonly string[]> {
  const file = await final.file(role);
  if (file === undefined || final.root === undefined) return [`there is no ${role} that enough keys have signed`];
  const authority = authorityOfRoot(final.root.draft, role);
  return [
    ...(isMet(file.draft, [authority]) ? [] : [unsigned(role, file.draft, authority)]),
    ...(await versionProblems(workspace, final, role)),
    ...expiryProblems(role, file.draft, now),
  ];
}

async function versionProblems(workspace: Workspace, final: Final, role: string): Promise<readonly string[]> {
  const [next, published] = [final.ready.get(role), await workspace.published(role)];
  if (next === undefined || published === undefined) return [];
  const [version, before] = [versionOf(next.draft), versionOf(published.draft)];
  return version > before ? [] : [`role ${quote(role)} has version ${version}, and ${before} is published`];
}

function expiryProblems(role: string, draft: Draft, now: Date): readonly string[] {
  return expiryOf(draft) > now.getTime() ? [] : [`role ${quote(role)} ${versionOf(draft)} has expired`];
}

function unsigned(role: string, draft: Draft, authority: Authority): string {
  const { signed, threshold } = signingStateOf(draft, authority);
  return `role ${quote(role)} ${versionOf(draft)} has ${signed.length} of ${threshold} signatures that ${authority.source} asks for`;
}

/** Timestamp names snapshot, snapshot names all that is delegated to. */
async function namingProblems(final: Final): Promise<readonly string[]> {
  const [timestamp, snapshot] = [await final.file("timestamp"), await final.file("snapshot")];
  if (timestamp === undefined || snapshot === undefined) return [];
  const problems: string[] = [];
  const named = objectAt(timestamp.draft.signed, "meta");
  if (!isNamedFile(objectAt(named, "snapshot.json"), snapshot.draft, snapshot.bytes))
    problems.push("the timestamp names another snapshot: make it again");
  const meta = objectAt(snapshot.draft.signed, "meta");
  for (const [role, file] of [...final.ready, ["targets", await final.file("targets")] as const]) {
    if (role === "timestamp" || role === "snapshot" || file === undefined) continue;
    const isNamed =
      Object.hasOwn(meta, fileNameOf(role)) && isNamedFile(objectAt(meta, fileNameOf(role)), file.draft, file.bytes);
    if (!isNamed) problems.push(`the snapshot names another ${quote(role)}: make it again`);
  }
  for (const { name, delegated } of final.delegators) {
    const absent = namesOf(delegated).filter((role) => !Object.hasOwn(meta, fileNameOf(role)));
    if (absent.length > 0)
      problems.push(`${quote(name)} delegates to ${listed(absent)}, which the snapshot does not name`);
  }
  return problems;
}

/** As snapshot spells it, which is not as the file is named. */
function fileNameOf(role: string): string {
  return `${role}.json`;
}

function listed(names: readonly string[]): string {
  const shown = names
    .slice(0, 3)
    .map((name) => quote(name))
    .join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

async function delegationProblems(workspace: Workspace, final: Final, now: Date): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { name, draft, delegated } of final.delegators) {
    const isDelegatorNew = final.ready.has(name);
    for (const role of namesOf(delegated)) {
      if (!isDelegatorNew && !final.ready.has(role)) continue;
      const file = await final.file(role);
      if (file === undefined) continue;
      const [authority] = authoritiesOf(role, [{ name, draft, delegated }]);
      if (authority !== undefined && !isMet(file.draft, [authority]))
        problems.push(unsigned(role, file.draft, authority));
      problems.push(...expiryProblems(role, file.draft, now));
      problems.push(...(await versionProblems(workspace, final, role)));
    }
  }
  return [...new Set(problems)];
}

/** In which order readers can be led to a new root. */
export type RootOrder = "root-first" | "root-last";

/**
 * How a new root and all else are put in place so that readers at no moment find an invalid repository. Root last, if the new
 * files are signed as the old root asks too; root first, if the old files are also signed as the new root asks. Undefined if
 * neither holds: then keys were exchanged all at once.
 */
export async function findOrder(workspace: Workspace, final: Final, now: Date): Promise<RootOrder | undefined> {
  const { root, rootBefore } = final;
  if (root === undefined || rootBefore === undefined) return "root-first";
  if (await isAccepted(rootBefore.draft, (role) => final.file(role))) return "root-last";
  const published = (role: string): Promise<FinalFile | undefined> => workspace.published(role);
  if (await isAccepted(root.draft, published)) return "root-first";
  // Readers find nothing valid today either.
  const isValidToday = (await isAccepted(rootBefore.draft, published)) && !(await isExpired(workspace, now));
  return isValidToday ? undefined : "root-first";
}

async function isAccepted(root: Draft, file: (role: string) => Promise<FinalFile | undefined>): Promise<boolean> {
  for (const role of ["timestamp", "snapshot", "targets"] as const) {
    const found = await file(role);
    if (found === undefined || !isMet(found.draft, [authorityOfRoot(root, role)])) return false;
  }
  return true;
}

async function isExpired(workspace: Workspace, now: Date): Promise<boolean> {
  for (const role of ["root", "timestamp", "snapshot", "targets"]) {
    const published = await workspace.published(role);
    if (published === undefined || expiryOf(published.draft) <= now.getTime()) return true;
  }
  return false;
}
