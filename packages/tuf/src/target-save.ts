import { digestBytes, hex, quote, TrustError, type Digest } from "@countersign/core";
import { tufError } from "./errors.ts";
import { waitForLock, type LockWait, type Locks } from "./lock.ts";
import { absent, openTarget, type TransferOptions } from "./target-fetch.ts";
import { checkTarget, isWrongBytes, type WantedTarget } from "./target-check.ts";
import { partPrefix, type Naming } from "./target-name.ts";
import { emptyPart, fillPart, openPart, readTag, tagTemporary, writeTag, type Part } from "./target-part.ts";
import { checkFree, isInPlace, makeTargetPlace, type TargetPlace } from "./target-place.ts";
import type { Disk } from "./disk.ts";
import type { Fetcher } from "./fetch.ts";

/** Where targets are saved, and on what. */
export interface TargetFolder {
  readonly directory: string;
  readonly disk: Disk;
  readonly naming: Naming;
  readonly owner: PartOwner;
}

/**
 * Who may write a part: two writers could each verify what they wrote, and have each other's bytes in the file. `shared`:
 * whoever holds a lock in that directory, so that a later process goes on where an earlier one was ended. `alone`: this call,
 * by a name that nobody else has; then nothing is continued.
 */
export type PartOwner =
  | {
      readonly kind: "shared";
      /** Exists, and is the same for all processes that share parts. */
      readonly lockDirectory: string;
      /** Of that directory: keeps apart what different lock directories guard. */
      readonly id: string;
      readonly locks: Locks;
      readonly sleep: LockWait["sleep"];
      readonly maxWaitMs: number;
    }
  | {
      readonly kind: "alone";
      /** Gives another name each time. */
      readonly newId: () => string;
    };

/** A target under its final name. */
export interface SavedTarget {
  readonly path: string;
  /** How many of its bytes were there before, verified again: all of them if it was in its place, some if a download went on. */
  readonly reusedBytes: number;
}

/** How many locks share the targets of a lock directory: their files stay, so they must be few. */
export const partLocks = 64;

/**
 * Saves a target below a folder. Under its final name it is never seen before length and all hashes were right and it was
 * synced; until then it is a part beside it, which a later call continues. What is in place already is hashed again and kept. A
 * mirror that gave wrong bytes is left, for the next one. Rejects with TUF_TARGET_*, TUF_DISK_*, TUF_LOCK_FAILED and as
 * `Fetcher.target` does.
 */
export async function saveTarget(
  fetcher: Fetcher,
  wanted: WantedTarget,
  folder: TargetFolder,
  options: TransferOptions = {},
): Promise<SavedTarget> {
  // Also refuses a target without hashes, of which there is nothing to check.
  checkTarget(wanted);
  const place = await makeTargetPlace(folder.disk, folder.directory, wanted.name, folder.naming);
  const reused = { path: place.path, reusedBytes: wanted.length };
  if (await isInPlace(folder.disk, place, wanted)) return reused;
  return owning(folder.owner, wanted, options.signal, async () => {
    // Another process may just have saved it.
    if (await isInPlace(folder.disk, place, wanted)) return reused;
    const part = await openPart(folder.disk, partPath(place, wanted, folder.owner), wanted);
    return finishing(folder, part, () => download({ fetcher, wanted, folder, place, part }, options));
  });
}

interface Download {
  readonly fetcher: Fetcher;
  readonly wanted: WantedTarget;
  readonly folder: TargetFolder;
  readonly place: TargetPlace;
  readonly part: Part;
}

function partPath({ parent }: TargetPlace, { digests }: WantedTarget, owner: PartOwner): string {
  const id = owner.kind === "alone" ? owner.newId() : owner.id;
  return `${parent}/${partPrefix}${hex(digestBytes(digests[0] as Digest)).slice(0, 64)}-${id}.part`;
}

async function owning<T>(
  owner: PartOwner,
  { digests, name }: WantedTarget,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  if (owner.kind === "alone") return work();
  const stripe = (digestBytes(digests[0] as Digest)[0] as number) % partLocks;
  const lock = await waitForLock(owner.locks, `${owner.lockDirectory}/${stripe}`, {
    sleep: owner.sleep,
    maxWaitMs: owner.maxWaitMs,
    busy: (detail) => tufError("TUF_TARGET_BUSY", { checked: quote(name), got: detail }),
    aborted: () => tufError("TUF_FETCH_ABORTED", quote(name)),
    ...(signal && { signal }),
  });
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** Closes the part after the work; one that nobody can continue is removed. */
async function finishing<T>({ disk, owner }: TargetFolder, part: Part, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await part.file.close().catch(() => {});
    if (owner.kind === "alone") await removePart(disk, part).catch(() => {});
    throw error;
  }
}

async function removePart(disk: Disk, part: Part): Promise<void> {
  for (const path of [part.path, part.tagPath, tagTemporary(part)]) await disk.remove(path);
}

async function download(job: Download, options: TransferOptions): Promise<SavedTarget> {
  const { wanted, part } = job;
  const before = part.check.size;
  let problem: TrustError | undefined;
  let [fromMirror, reusedBytes] = [0, before];
  options.onProgress?.(before);
  for (;;) {
    const round = await downloadOnce(job, fromMirror, options);
    if (round === "done") return { path: await putInPlace(job), reusedBytes };
    if (round === "none") throw problem ?? absent(wanted);
    // What an earlier run left may be to blame: this mirror gets another chance without it.
    problem ??= round.problem;
    if (!round.isContinued) fromMirror = round.mirror + 1;
    reusedBytes = 0;
    await emptyPart(part, wanted);
  }
}

type Round = "done" | "none" | { readonly problem: TrustError; readonly mirror: number; readonly isContinued: boolean };

async function downloadOnce(job: Download, fromMirror: number, options: TransferOptions): Promise<Round> {
  const { fetcher, wanted, folder, part } = job;
  const { signal, onProgress = () => {} } = options;
  const start = part.check.size;
  let found: Awaited<ReturnType<typeof openTarget>>;
  try {
    if (start < wanted.length || wanted.length === 0) {
      const validator = start > 0 ? await readTag(folder.disk, part) : undefined;
      const tag = validator === undefined ? {} : { validator };
      found = await openTarget(fetcher, wanted, { start, fromMirror, ...tag, ...(signal && { signal }) });
      if (found === undefined) return "none";
      if (found.start !== start) await emptyPart(part, wanted);
      if (found.validator !== validator || found.start === 0) await writeTag(folder.disk, part, found.validator);
      await fillPart(part, found.body, onProgress);
    }
    part.check.finish();
    return "done";
  } catch (error) {
    // It may not have come to reading: then the request is still open.
    await found?.body[Symbol.asyncIterator]().return?.();
    if (!(error instanceof TrustError) || !isWrongBytes(error)) throw error;
    const isContinued = start > 0 && found?.start !== 0;
    return { problem: error, mirror: found?.mirror ?? fromMirror, isContinued };
  }
}

/** Durable first, visible then. */
async function putInPlace({ folder: { disk, directory, naming }, place, part, wanted }: Download): Promise<string> {
  await part.file.sync();
  await part.file.close();
  // Looked at once more: what is there may have changed while the bytes came.
  await makeTargetPlace(disk, directory, wanted.name, naming);
  await checkFree(disk, place);
  // Before the last step: after it nobody comes back to tidy up.
  for (const path of [part.tagPath, tagTemporary(part)]) await disk.remove(path);
  await disk.syncDirectory(place.parent);
  await disk.rename(part.path, place.path);
  await disk.syncDirectory(place.parent);
  return place.path;
}
