import { quote } from "@countersign/core";
import { formatDraft, parseDraft, typeOf, maxDraftBytes, type Draft } from "./author-draft.ts";
import { formatSettings, maxSettingsBytes, parseSettings, type Settings } from "./author-settings.ts";
import { versionsIn } from "./author-snapshot.ts";
import { closing, makeDirectories, replaceFile, type Disk } from "./disk.ts";
import { tufError } from "./errors.ts";

/** A metadata file that readers see. */
export interface Published {
  readonly draft: Draft;
  readonly bytes: Uint8Array;
}

/**
 * An author's folder: `repository.json`, `staged/` with the next versions, `files/` with target files that wait, by their
 * SHA-256, and `public/`, which is served. What was read once is remembered, so one at a time may use the folder.
 */
export interface Workspace {
  readonly disk: Disk;
  readonly directory: string;
  readonly settings: Settings;
  /** The newest version of a role that readers see; undefined if there is none. */
  published(role: string): Promise<Published | undefined>;
  /** The bytes of `published`, without parsing them. */
  publishedBytes(role: string): Promise<Uint8Array | undefined>;
  /** The next version of a role, if there is one in the making. */
  staged(role: string): Promise<Draft | undefined>;
  /** Names of roles with a next version, sorted. */
  stagedRoles(): Promise<readonly string[]>;
  stage(role: string, draft: Draft): Promise<void>;
  unstage(role: string): Promise<void>;
}

/** The names of things in a workspace. */
export const layout = {
  settings: "repository.json",
  staged: "staged",
  files: "files",
  public: "public",
  metadata: "public/metadata",
  targets: "public/targets",
} as const;

/** Makes an empty workspace. Throws TUF_WORKSPACE_EXISTS where there is one. */
export async function createWorkspace(disk: Disk, directory: string, settings: Settings): Promise<Workspace> {
  const path = `${directory}/${layout.settings}`;
  if ((await disk.stat(path)) !== undefined) throw tufError("TUF_WORKSPACE_EXISTS", { checked: quote(directory) });
  for (const name of [layout.staged, layout.files]) await makeDirectories(disk, `${directory}/${name}`);
  await replaceFile(disk, { path, temporary: `${path}.tmp`, bytes: formatSettings(settings) });
  return workspaceOf(disk, directory, settings);
}

/** Opens a workspace. Throws TUF_WORKSPACE_MISSING and TUF_WORKSPACE_MALFORMED; looks at no metadata yet. */
export async function openWorkspace(disk: Disk, directory: string): Promise<Workspace> {
  const bytes = await readFile(disk, `${directory}/${layout.settings}`, maxSettingsBytes);
  if (bytes === undefined) throw tufError("TUF_WORKSPACE_MISSING", { checked: quote(directory) });
  return workspaceOf(disk, directory, parseSettings(bytes));
}

/** A whole file; undefined if there is none. Throws TUF_WORKSPACE_MALFORMED for one that is longer. */
export async function readFile(disk: Disk, path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  const entry = await disk.stat(path);
  const file = entry?.kind === "file" ? await disk.open(path) : undefined;
  if (entry === undefined || file === undefined) return undefined;
  return closing(file, async () => {
    const buffer = new Uint8Array(Math.min(entry.size, maxBytes) + 1);
    const read = await file.read(buffer, 0);
    if (read < buffer.length) return buffer.subarray(0, read);
    throw tufError("TUF_WORKSPACE_MALFORMED", {
      checked: quote(path),
      expected: `at most ${maxBytes} bytes, unchanged`,
    });
  });
}

/** The file of a role: its name is escaped, so that it stays one file of one folder. */
export function fileOfRole(role: string): string {
  return `${encodeURIComponent(role)}.json`;
}

/** The name of a published file: with its version, but for the timestamp and where snapshots are not consistent. */
export function publicName(role: string, version: number, isConsistent: boolean): string {
  const isVersioned = role === "root" || (isConsistent && role !== "timestamp");
  return isVersioned ? `${version}.${fileOfRole(role)}` : fileOfRole(role);
}

/** Whether files carry versions and hashes in their names, as root says. */
export function isConsistent(root: Draft | undefined): boolean {
  return root?.signed["consistent_snapshot"] === true;
}

function workspaceOf(disk: Disk, directory: string, settings: Settings): Workspace {
  const files = new Map<string, Promise<Uint8Array | undefined>>();
  const known = new Map<string, Promise<Published | undefined>>();
  const drafts = new Map<string, Promise<Draft | undefined>>();
  const pathOf = (role: string): string => `${directory}/${layout.staged}/${fileOfRole(role)}`;
  const workspace: Workspace = {
    disk,
    directory,
    settings,
    publishedBytes: (role) => remembered(files, role, () => readPublished(workspace, role)),
    published: (role) =>
      remembered(known, role, async () => {
        const bytes = await workspace.publishedBytes(role);
        return bytes === undefined ? undefined : { bytes, draft: checkType(parseDraft(bytes), role) };
      }),
    staged: (role) =>
      remembered(drafts, role, async () => {
        const bytes = await readFile(disk, pathOf(role), maxDraftBytes);
        return bytes === undefined ? undefined : checkType(parseDraft(bytes), role);
      }),
    stagedRoles: () => listStaged(disk, directory),
    stage: async (role, draft) => {
      const path = pathOf(role);
      await replaceFile(disk, { path, temporary: `${path}.tmp`, bytes: formatDraft(checkType(draft, role)) });
      drafts.set(role, Promise.resolve(draft));
    },
    unstage: async (role) => {
      await disk.remove(pathOf(role));
      drafts.delete(role);
      known.delete(role);
      files.delete(role);
    },
  };
  return workspace;
}

function remembered<T>(memory: Map<string, Promise<T>>, role: string, read: () => Promise<T>): Promise<T> {
  const found = memory.get(role) ?? read();
  memory.set(role, found);
  return found;
}

async function listStaged(disk: Disk, directory: string): Promise<readonly string[]> {
  const names = await disk.list(`${directory}/${layout.staged}`);
  return names.flatMap(rolesOfFile).toSorted();
}

/** Files with names that no role's has are not ours, such as those that a file manager leaves. */
function rolesOfFile(name: string): readonly string[] {
  try {
    const role = decodeURIComponent(name.replace(/\.json$/, ""));
    return fileOfRole(role) === name && !name.startsWith("._") ? [role] : [];
  } catch {
    return [];
  }
}

/** A file that lies under another role's name would be signed by that role's keys. */
function checkType(draft: Draft, role: string): Draft {
  const expected = role === "root" || role === "timestamp" || role === "snapshot" ? role : "targets";
  const got = typeOf(draft);
  if (got === expected) return draft;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: `role ${quote(role)}`, expected, got });
}

async function readPublished(workspace: Workspace, role: string): Promise<Uint8Array | undefined> {
  const { disk, directory } = workspace;
  const folder = `${directory}/${layout.metadata}`;
  const name = role === "root" ? await newestRoot(disk, folder) : await nameInUse(workspace, role);
  return name === undefined ? undefined : readFile(disk, `${folder}/${name}`, maxDraftBytes);
}

async function newestRoot(disk: Disk, folder: string): Promise<string | undefined> {
  const versions = (await disk.list(folder)).flatMap((name) => {
    const [, version] = /^([1-9][0-9]{0,14})\.root\.json$/.exec(name) ?? [];
    return version === undefined ? [] : [Number(version)];
  });
  return versions.length === 0 ? undefined : publicName("root", Math.max(...versions), true);
}

/** What a reader would ask for: the timestamp names the snapshot, which names all others. */
async function nameInUse(workspace: Workspace, role: string): Promise<string | undefined> {
  const root = await workspace.published("root");
  if (root === undefined) return undefined;
  if (role === "timestamp") return fileOfRole(role);
  const parent = await workspace.published(role === "snapshot" ? "timestamp" : "snapshot");
  const version = parent === undefined ? undefined : versionsIn(parent.draft).get(role);
  return version === undefined ? undefined : publicName(role, version, isConsistent(root.draft));
}

/** What will be seen once all that is staged is published. */
export async function currentDraft(workspace: Workspace, role: string): Promise<Draft | undefined> {
  return (await workspace.staged(role)) ?? (await workspace.published(role))?.draft;
}
