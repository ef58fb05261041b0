import { makeDigestHasher, quote, type JsonObject } from "@countersign/core";
import { isObject, type Draft, textIn } from "./author-draft.ts";
import { isConsistent, layout, type Workspace } from "./author-workspace.ts";
import { closing, makeDirectories, parentOf, type Disk, type DiskFile } from "./disk.ts";
import { checkTargetPath } from "./author-target.ts";
import { tufError } from "./errors.ts";
import type { Final } from "./author-final.ts";

/** Size of the pieces in which target files are copied, in bytes. */
const chunkBytes: number = 1024 * 1024;

/** A target file that readers will ask for under a name. */
interface Wanted {
  /** Below the folder of targets. */
  readonly name: string;
  readonly length: number;
  readonly sha256: string | undefined;
}

/**
 * Puts the files of new entries in place, each under every name by which a reader may ask for it: one for each of its hashes
 * where snapshots are consistent (specification 1.0.34 §6.2.1). What is there already with that length stays. Returns how many
 * were put. Throws TUF_TARGET_FILE_MISSING.
 */
export async function placeTargets(workspace: Workspace, final: Final, folder: string): Promise<number> {
  const { disk, directory } = workspace;
  const roots = [final.root, final.rootBefore].filter((root) => root !== undefined);
  const forms = [...new Set(roots.map((root) => isConsistent(root.draft)))];
  const wanted: Wanted[] = [];
  for (const [role, { draft }] of final.ready) {
    const before = (await workspace.published(role))?.draft;
    for (const [path, entry] of newEntries(draft, before))
      for (const form of forms) wanted.push(...wantedOf(path, entry, form));
  }
  const touched = new Set<string>();
  let placed = 0;
  for (const file of wanted) {
    const path = `${folder}/targets/${file.name}`;
    if (await isThere(disk, path, file)) continue;
    await makeDirectories(disk, parentOf(path));
    await copyInto(disk, `${directory}/${layout.files}/${file.sha256 ?? ""}`, path, file);
    touched.add(parentOf(path));
    placed++;
  }
  for (const each of touched) await disk.syncDirectory(each);
  return placed;
}

function newEntries(draft: Draft, before: Draft | undefined): readonly (readonly [string, JsonObject])[] {
  const old = isObject(before?.signed["targets"]) ? before.signed["targets"] : {};
  const now = isObject(draft.signed["targets"]) ? draft.signed["targets"] : {};
  return Object.entries(now).flatMap(([path, entry]) => {
    const same = Object.hasOwn(old, path) ? old[path] : undefined;
    return isObject(entry) && JSON.stringify(same) !== JSON.stringify(entry) ? [[path, entry] as const] : [];
  });
}

/** Staged metadata may come from others, so names and hashes in it are looked at before they become paths. */
function wantedOf(path: string, entry: JsonObject, isConsistentForm: boolean): readonly Wanted[] {
  checkTargetPath(path);
  const hashes = isObject(entry["hashes"]) ? entry["hashes"] : {};
  const { sha256 } = hashes;
  const file = { length: Number(entry["length"]), sha256: typeof sha256 === "string" ? sha256 : undefined };
  const values = Object.values(hashes).map(textIn);
  if (values.some((value) => !/^[0-9a-f]+$/.test(value)))
    throw tufError("TUF_TARGET_ENTRY", { checked: quote(path), expected: "hashes in lower-case hex" });
  if (!isConsistentForm) return [{ ...file, name: path }];
  const slash = path.lastIndexOf("/") + 1;
  return Object.values(hashes).map((hash) => ({
    ...file,
    name: `${path.slice(0, slash)}${textIn(hash)}.${path.slice(slash)}`,
  }));
}

/** Under a name with a hash there is nothing else; under a plain name another version may lie, of the same length too. */
async function isThere(disk: Disk, path: string, { name, length, sha256 }: Wanted): Promise<boolean> {
  const entry = await disk.stat(path);
  const isNamedByHash = sha256 !== undefined && name.slice(name.lastIndexOf("/") + 1).startsWith(`${sha256}.`);
  return isNamedByHash && entry?.kind === "file" && entry.size === length;
}

/** Copies what waits, and looks once more that it is what was added: it may have lain there for weeks. */
async function copyInto(disk: Disk, from: string, to: string, wanted: Wanted): Promise<void> {
  const source = await disk.open(from);
  if (source === undefined) throw tufError("TUF_TARGET_FILE_MISSING", { checked: quote(wanted.name) });
  const temporary = `${parentOf(to)}/.${to.slice(to.lastIndexOf("/") + 1)}.tmp`;
  await disk.remove(temporary);
  await closing(source, async () => {
    const target = await disk.create(temporary);
    await closing(target, () => copyChecked(source, target, wanted));
  });
  await disk.rename(temporary, to);
}

async function copyChecked(source: DiskFile, target: DiskFile, { name, length, sha256 }: Wanted): Promise<void> {
  const hasher = makeDigestHasher("sha256");
  const buffer = new Uint8Array(Math.min(chunkBytes, length + 1));
  let at = 0;
  for (let read = await source.read(buffer, 0); read > 0 && at <= length; read = await source.read(buffer, at)) {
    hasher.update(buffer.subarray(0, read));
    await target.write(buffer.subarray(0, read), at);
    at += read;
  }
  const got = hasher.finish();
  if (at !== length || got !== `sha256:${sha256 ?? ""}`)
    throw tufError("TUF_TARGET_FILE_MISSING", { checked: quote(name), expected: `sha256:${sha256 ?? ""}`, got });
  await target.sync();
}
