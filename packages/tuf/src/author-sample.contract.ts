import { generateSigner, hash, hex, utf8, type Signer } from "@countersign/core";
import { DiskState, makeSimulatedDisk } from "@countersign/testkit";
import { editTargets, initRepository, signStaged } from "./author.ts";
import { formatSignerKey } from "./author-key.ts";
import { publish, type Publication } from "./author-publish.ts";
import { refreshOnlineRoles } from "./author-refresh.ts";
import { defaultValidDays } from "./author-settings.ts";
import { layout, openWorkspace, type Workspace } from "./author-workspace.ts";
import type { RoleKeys } from "./author-role.ts";
import type { TargetEntry } from "./author-target.ts";
import type { Disk } from "./disk.ts";
import type { TopRole } from "./role.ts";

/** When tests happen. */
export const testNow: Date = new Date("2026-06-01T12:00:00Z");
/** Where the author's folder is on a simulated disk. */
export const folder = "/repo";

/** Keys of a repository, one a role unless a test says otherwise. */
export interface Staff {
  readonly root: readonly Signer[];
  readonly targets: readonly Signer[];
  readonly snapshot: readonly Signer[];
  readonly timestamp: readonly Signer[];
}

/** New keys, one a role. */
export function hireStaff(): Staff {
  const one = (): readonly Signer[] => [generateSigner("ed25519")];
  return { root: one(), targets: one(), snapshot: one(), timestamp: one() };
}

/** All keys. */
export function everybody(staff: Staff): readonly Signer[] {
  return Object.values(staff).flat();
}

/** A role that these signers fill. */
export function roleOf(signers: readonly Signer[], threshold = 1): RoleKeys {
  return { keys: signers.map(formatSignerKey), threshold };
}

/** A state of a disk with an empty folder for a repository. */
export function emptyState(): DiskState {
  const state = new DiskState();
  for (const path of ["/", folder]) state.addDirectory(path);
  return state;
}

/** A new repository on that disk, nothing signed yet. */
export function init(disk: Disk, staff: Staff, consistentSnapshot = true): Promise<Workspace> {
  const roles = Object.fromEntries(
    Object.entries(staff).map(([role, signers]) => [role, roleOf(signers as readonly Signer[])]),
  );
  const settings = { validDays: defaultValidDays };
  return initRepository(disk, folder, {
    roles: roles as Record<TopRole, RoleKeys>,
    settings,
    consistentSnapshot,
    now: testNow,
  });
}

/** What metadata says of that content. */
export function entryOf(content: string): TargetEntry {
  const bytes = utf8(content);
  return { length: bytes.length, hashes: { sha256: hex(hash("sha256", bytes)) } };
}

/** Adds targets as `takeFiles` would: their files wait in the workspace. */
export async function add(
  workspace: Workspace,
  files: Readonly<Record<string, string>>,
  role = "targets",
): Promise<void> {
  const changes = new Map<string, TargetEntry>();
  for (const [path, content] of Object.entries(files)) {
    const entry = entryOf(content);
    await wait(workspace, content, entry);
    changes.set(path, entry);
  }
  await editTargets(workspace, role, changes, testNow);
}

async function wait({ disk, directory }: Workspace, content: string, { hashes }: TargetEntry): Promise<void> {
  const path = `${directory}/${layout.files}/${hashes["sha256"] ?? ""}`;
  await disk.remove(path);
  const file = await disk.create(path);
  await file.write(utf8(content), 0);
  await file.sync();
  await file.close();
  await disk.syncDirectory(`${directory}/${layout.files}`);
}

/** Signs all that is staged, with a new snapshot and timestamp, and publishes it. */
export async function release(workspace: Workspace, signers: readonly Signer[], now = testNow): Promise<Publication> {
  await signStaged(workspace, { signers });
  await refreshOnlineRoles(workspace, signers, now);
  return publish(workspace, { now });
}

/** A repository with one published target, and the state of its disk. */
export async function published(
  staff: Staff,
  files: Readonly<Record<string, string>> = { "app.tgz": "one" },
): Promise<{ readonly state: DiskState; readonly workspace: Workspace }> {
  const { disk, state } = makeSimulatedDisk(emptyState());
  const workspace = await init(disk, staff);
  await add(workspace, files);
  await release(workspace, everybody(staff));
  return { state, workspace: await openWorkspace(disk, folder) };
}
