import { equalBytes, quote, type TrustError } from "@countersign/core";
import { isObject, versionOf, type Draft, textIn } from "./author-draft.ts";
import { findFinal, findOrder, findProblems, type Final, type FinalFile, type RootOrder } from "./author-final.ts";
import { expiryFor } from "./author-settings.ts";
import { makeSnapshot, makeTimestamp } from "./author-snapshot.ts";
import { placeTargets } from "./author-place.ts";
import { isConsistent, layout, publicName, readFile, type Workspace } from "./author-workspace.ts";
import { makeDirectories, replaceFile } from "./disk.ts";
import { tufError } from "./errors.ts";
import { openGeneration, type Generations } from "./author-generation.ts";

/** Stages the next snapshot, unsigned: all roles whose next versions are ready, and the others as they are. */
export async function stageSnapshot(workspace: Workspace, now: Date): Promise<Draft> {
  const { ready } = await findFinal(workspace);
  const roles = [...ready].filter(([role]) => role !== "snapshot" && role !== "timestamp");
  const files = new Map(roles.map(([role, { draft, bytes }]) => [role, { version: versionOf(draft), bytes }]));
  const before = (await workspace.published("snapshot"))?.draft;
  const draft = makeSnapshot(files, { before, expires: expiryFor(workspace.settings, "snapshot", now) });
  await workspace.stage("snapshot", draft);
  return draft;
}

/** Stages the next timestamp, unsigned, over the snapshot that is ready, or else the published one. Throws TUF_ROLE_UNKNOWN if there is none. */
export async function stageTimestamp(workspace: Workspace, now: Date): Promise<Draft> {
  const snapshot = await (await findFinal(workspace)).file("snapshot");
  if (snapshot === undefined)
    throw tufError("TUF_ROLE_UNKNOWN", { checked: "a snapshot that enough keys have signed" });
  const before = (await workspace.published("timestamp"))?.draft;
  const expires = expiryFor(workspace.settings, "timestamp", now);
  const draft = makeTimestamp({ version: versionOf(snapshot.draft), bytes: snapshot.bytes }, { before, expires });
  await workspace.stage("timestamp", draft);
  return draft;
}

/** What publishing did. */
export interface Publication {
  /** Roles with the versions that readers see from now on, in the order in which they were put in place. */
  readonly roles: readonly { readonly role: string; readonly version: number }[];
  /** Target files that were put in place. */
  readonly targets: number;
  /** Roles that stay staged, since they lack signatures. */
  readonly unready: readonly string[];
}

/** How publishing reaches the disk. */
export interface PublishOptions {
  readonly now: Date;
  /** Needed only where snapshots are not consistent: then the whole of `public` is exchanged in one step. */
  readonly generations?: Generations;
}

/**
 * Puts in place all next versions that are ready: target files, delegated roles, targets, snapshot, and the timestamp last; root
 * before or after it, so that at every moment readers find a valid repository. If it is cut off, readers have the old
 * repository or the new one, and publishing again completes it.
 * Throws TUF_PUBLISH_INVALID if readers would refuse what would be there, TUF_PUBLISH_NOTHING, TUF_PUBLISH_GAP,
 * TUF_TARGET_FILE_MISSING and the errors of the disk.
 */
export async function publish(workspace: Workspace, options: PublishOptions): Promise<Publication> {
  const final = await findFinal(workspace);
  if (final.ready.size === 0 && !final.isRootNew) {
    if (final.done.length === 0) throw nothingToPublish(final);
    await tidy(workspace, final);
    return { roles: [], targets: 0, unready: final.unready };
  }
  const order = await checkPublishable(workspace, final, options.now);
  const isSwap = [final.root, final.rootBefore].some((root) => root !== undefined && !isConsistent(root.draft));
  const generation = isSwap ? await openGeneration(workspace, options.generations) : undefined;
  const folder = generation?.folder ?? `${workspace.directory}/${layout.public}`;
  const targets = await placeTargets(workspace, final, folder);
  const roles = await placeMetadata(workspace, { final, order, folder: `${folder}/metadata` });
  await generation?.commit();
  await tidy(workspace, final);
  return { roles, targets, unready: final.unready };
}

function nothingToPublish({ unready }: Final): TrustError {
  const checked = `signatures are missing of ${unready.map((role) => quote(role)).join(", ")}`;
  return tufError("TUF_PUBLISH_NOTHING", unready.length === 0 ? {} : { checked });
}

async function checkPublishable(workspace: Workspace, final: Final, now: Date): Promise<RootOrder> {
  const problems = await findProblems(workspace, final, now);
  if (problems.length > 0) throw tufError("TUF_PUBLISH_INVALID", problems.slice(0, maxProblemsShown).join("; "));
  const order = await findOrder(workspace, final, now);
  const isConsistentAlways = [final.root, final.rootBefore].every(
    (root) => root === undefined || isConsistent(root.draft),
  );
  if (order === undefined && isConsistentAlways) throw tufError("TUF_PUBLISH_GAP");
  return order ?? "root-first";
}

/** How many problems one message names. */
export const maxProblemsShown = 10;

interface Placing {
  readonly final: Final;
  readonly order: RootOrder;
  readonly folder: string;
}

async function placeMetadata(workspace: Workspace, placing: Placing): Promise<Publication["roles"]> {
  const { final, order, folder } = placing;
  await makeDirectories(workspace.disk, folder);
  const roots: readonly [string, FinalFile][] =
    final.isRootNew && final.root !== undefined ? [["root", final.root]] : [];
  const delegated = [...final.ready].filter(([role]) => !last.includes(role));
  const tops = last.flatMap((role): [string, FinalFile][] => {
    const file = final.ready.get(role);
    return file === undefined ? [] : [[role, file]];
  });
  const timestamp = tops.filter(([role]) => role === "timestamp");
  const before = [...delegated, ...tops.filter(([role]) => role !== "timestamp")];
  const all = order === "root-first" ? [...before, ...roots, ...timestamp] : [...before, ...timestamp, ...roots];
  for (const [role, file] of all) await placeFile(workspace, placing, role, file);
  return all.map(([role, { draft }]) => ({ role, version: versionOf(draft) }));
}

const last: readonly string[] = ["targets", "snapshot", "timestamp"];

async function placeFile(
  workspace: Workspace,
  { final, folder }: Placing,
  role: string,
  { draft, bytes }: FinalFile,
): Promise<void> {
  const version = versionOf(draft);
  const roots = [final.root, final.rootBefore].filter((root) => root !== undefined);
  const names = new Set(roots.map((root) => publicName(role, version, isConsistent(root.draft))));
  for (const name of names) {
    const path = `${folder}/${name}`;
    if (role === "root") await checkFree(workspace, path, bytes);
    await replaceFile(workspace.disk, { path, temporary: `${folder}/.${name}.tmp`, bytes });
  }
}

/** A version of root that somebody may have trusted is never replaced by another. */
async function checkFree(workspace: Workspace, path: string, bytes: Uint8Array): Promise<void> {
  const there = await readFile(workspace.disk, path, bytes.length + 1);
  if (there === undefined || equalBytes(there, bytes)) return;
  throw tufError("TUF_PUBLISH_INVALID", `${quote(path)} is there with other content`);
}

async function tidy(workspace: Workspace, final: Final): Promise<void> {
  for (const role of [...final.done, ...final.ready.keys(), ...(final.isRootNew ? ["root"] : [])])
    await workspace.unstage(role);
  const { disk, directory } = workspace;
  await disk.syncDirectory(`${directory}/${layout.staged}`);
  const needed = await filesStillNeeded(workspace);
  for (const name of await disk.list(`${directory}/${layout.files}`)) {
    if (!needed.has(name)) await disk.remove(`${directory}/${layout.files}/${name}`);
  }
}

/** SHA-256 of target files that roles list which are not published yet. */
async function filesStillNeeded(workspace: Workspace): Promise<ReadonlySet<string>> {
  const needed = new Set<string>();
  for (const role of await workspace.stagedRoles()) {
    const draft = await workspace.staged(role);
    for (const entry of Object.values(isObject(draft?.signed["targets"]) ? draft.signed["targets"] : {})) {
      const hashes = isObject(entry) ? entry["hashes"] : undefined;
      if (isObject(hashes)) needed.add(textIn(hashes["sha256"]));
    }
  }
  return needed;
}
