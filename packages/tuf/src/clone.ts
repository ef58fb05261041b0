import { attempt, equalBytes, TrustError, type Check } from "@countersign/core";
import { authorityOfRoot, signingStateOf } from "./author-sign.ts";
import { parseDraft } from "./author-draft.ts";
import { readFile } from "./author-workspace.ts";
import { makeDirectories, replaceFile, type Disk } from "./disk.ts";
import { tufError } from "./errors.ts";
import { escapeSegment } from "./http-address.ts";
import { makeMemoryStore } from "./memory-store.ts";
import { maxMetadataBytes, maxRootBytes, parseRoot } from "./metadata.ts";
import { loadTargets, refreshTrust, type Run, type Trust } from "./refresh.ts";
import { makeRunLog, type RunStep } from "./run-log.ts";
import { targetAddresses } from "./target.ts";
import { targetSegments } from "./target-name.ts";
import { saveTarget, type TargetFolder } from "./target-save.ts";
import { acceptAnchor, acceptNextRoot, type RootSet, type TrustedTargets } from "./trusted-set.ts";
import type { Fetcher } from "./fetch.ts";
import type { RoleTrust } from "./threshold.ts";
import { makeWriting } from "./writing.ts";

/** What is copied, and to where. */
export interface ClonePlan {
  /** Root metadata that is trusted; its own older and newer versions are copied too. */
  readonly root: Uint8Array;
  readonly fetcher: Fetcher;
  readonly disk: Disk;
  /** Where `metadata` goes. */
  readonly directory: string;
  /** Where target files go. */
  readonly targets: TargetFolder;
  readonly now: Date;
  /** The most roles that are copied; default `maxCloneRoles`. */
  readonly maxRoles?: number;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: RunStep) => void;
  /** Told of each target file that is in place, with the bytes that were there before. */
  readonly onTarget?: (name: string, length: number, reusedBytes: number) => void;
}

/** What is there now. */
export interface Clone {
  readonly versions: {
    readonly root: number;
    readonly timestamp: number;
    readonly snapshot: number;
    readonly targets: number;
  };
  /** The oldest version of root that clients of the copy can start from. */
  readonly oldestRoot: number;
  readonly roles: number;
  readonly targets: number;
  /** Bytes of target files. */
  readonly bytes: number;
  /** Names of targets that were passed over, since no file here can have them. */
  readonly skipped: readonly string[];
}

/** The most roles that are copied unless told otherwise. */
export const maxCloneRoles = 100_000;
/** How many target files are fetched at once. */
const maxDownloads = 4;

/**
 * Copies a whole repository as a client walks it, each file verified before it is written: all versions of root, all metadata that
 * is delegated to, all target files. What is there already is kept, and a download that was cut off goes on. Target files come
 * first and the timestamp last, so that readers of the copy find the old state or the new one. Targets with names that no file
 * here can have are passed over: else any role that lists one could keep the copy from ever being made.
 * Rejects as `Updater.refresh` does, with TUF_CLONE_ROLES, TUF_TARGET_* and TUF_DISK_*.
 */
export async function cloneRepository(plan: ClonePlan): Promise<Clone> {
  const folder = `${plan.directory}/metadata`;
  const files = new Map<string, Uint8Array>();
  const kept = keeping(plan, folder, files);
  return makeMemoryStore().open(async (session) => {
    const log = makeRunLog(plan.onStep);
    const run: Run = { session, fetch: kept, log, writing: makeWriting(), ...(plan.signal && { signal: plan.signal }) };
    const base = { nowMs: plan.now.getTime() };
    const older = await walkOlderRoots(run, plan.root, base);
    const trust = await refreshTrust(run, plan.root, base);
    const roles = await loadAll(run, trust, plan.maxRoles ?? maxCloneRoles);
    const { targets, bytes, skipped } = await copyTargets(plan, roles, trust.set.root.consistentSnapshot);
    files.set(`${parseRoot(plan.root).version}.root.json`, plan.root);
    for (const [name, root] of older) files.set(name, root);
    await writeMetadata(plan.disk, folder, files);
    const { root, timestamp, snapshot } = trust.set;
    return {
      versions: {
        root: root.version,
        timestamp: timestamp.version,
        snapshot: snapshot.version,
        targets: trust.targets.version,
      },
      oldestRoot: parseRoot(plan.root).version - older.size,
      roles: roles.length,
      targets,
      bytes,
      skipped,
    };
  });
}

/** Files with a version in their name are taken from the copy if they hold; what was accepted is put down. */
function keeping({ fetcher, disk }: ClonePlan, folder: string, files: Map<string, Uint8Array>): Fetcher {
  return {
    ...fetcher,
    metadata: async (name, options) => {
      const kept = /^\d+\./.test(name) ? await readKept(disk, `${folder}/${escapeSegment(name)}`, options) : undefined;
      const bytes = kept ?? (await fetcher.metadata(name, options));
      if (bytes !== undefined) files.set(name, bytes);
      return bytes;
    },
  };
}

async function readKept(
  disk: Disk,
  path: string,
  options: Parameters<Fetcher["metadata"]>[1],
): Promise<Uint8Array | undefined> {
  try {
    const bytes = await readFile(disk, path, Math.min(options.maxBytes, maxMetadataBytes));
    if (bytes !== undefined) options.accept?.(bytes);
    return bytes;
  } catch (error) {
    if (error instanceof TrustError && error.kind !== "unavailable") return undefined;
    throw error;
  }
}

/** Roots before the one that is trusted, if each leads to the next: clients of the copy may know no other. */
async function walkOlderRoots(
  run: Run,
  anchor: Uint8Array,
  base: Omit<RootSet, "root">,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { version } = parseRoot(anchor);
  let found = new Map<string, Uint8Array>();
  let set: RootSet | undefined;
  for (let each = 1; each < version; each++) {
    const name = `${each}.root.json`;
    const bytes = await run.fetch.metadata(name, { maxBytes: maxRootBytes, ...(run.signal && { signal: run.signal }) });
    set = bytes && follow(set, bytes, base);
    if (bytes === undefined || set === undefined) found = new Map();
    else found.set(name, bytes);
  }
  const isChain = set !== undefined && follow(set, anchor, base) !== undefined;
  return isChain ? found : new Map();
}

function follow(set: RootSet | undefined, bytes: Uint8Array, base: Omit<RootSet, "root">): RootSet | undefined {
  const checks: Check[] = [];
  try {
    return set === undefined ? acceptAnchor(bytes, base, checks) : acceptNextRoot(set, bytes, checks);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** Every role that is delegated to, each verified by what each of its delegators says. */
async function loadAll(run: Run, { set, targets }: Trust, maxRoles: number): Promise<readonly TrustedTargets[]> {
  const loaded: TrustedTargets[] = [targets];
  const seen = new Set<string>();
  for (const { delegations } of loaded) {
    if (delegations === undefined) continue;
    for (const trust of trustsIn(delegations)) {
      const isNew = !seen.has(trust.name);
      seen.add(trust.name);
      if (seen.size > maxRoles) throw tufError("TUF_CLONE_ROLES", { expected: `at most ${maxRoles}` });
      const each = await loadTargets(run, set, trust);
      // A list is gone through to its end, also what was added on the way.
      if (isNew) loaded.push(each);
    }
  }
  return loaded;
}

function* trustsIn({ keys, roles, succinct }: NonNullable<TrustedTargets["delegations"]>): Generator<RoleTrust> {
  for (const role of roles) yield { name: role.name, role, keys };
  if (succinct === undefined) return;
  const digits = Math.ceil(succinct.bitLength / 4);
  for (let number = 0; number < 2 ** succinct.bitLength; number++)
    yield { name: `${succinct.namePrefix}-${number.toString(16).padStart(digits, "0")}`, role: succinct, keys };
}

async function copyTargets(
  plan: ClonePlan,
  roles: readonly TrustedTargets[],
  isConsistent: boolean,
): Promise<Pick<Clone, "targets" | "bytes" | "skipped">> {
  const { signal } = plan;
  const total = { targets: 0, bytes: 0 };
  const skipped = new Set<string>();
  const queue = wantedIn(roles, isConsistent);
  const lane = async (): Promise<void> => {
    for (const { path, name, length, digests } of queue) {
      if (attempt(() => targetSegments(name, plan.targets.naming)) === undefined) {
        skipped.add(path);
        continue;
      }
      // Under each of its names, since clients may ask for any of them.
      const wanted = { name, length, digests, addresses: [name] };
      const saved = await saveTarget(plan.fetcher, wanted, plan.targets, signal === undefined ? {} : { signal });
      plan.onTarget?.(name, length, saved.reusedBytes);
      total.targets++;
      total.bytes += length;
    }
  };
  await Promise.all(Array.from({ length: maxDownloads }, lane));
  return { ...total, skipped: [...skipped] };
}

interface Wanted {
  /** As the metadata has it. */
  readonly path: string;
  /** With a hash in it where snapshots are consistent. */
  readonly name: string;
  readonly length: number;
  readonly digests: Parameters<typeof targetAddresses>[1];
}

function* wantedIn(roles: readonly TrustedTargets[], isConsistent: boolean): Generator<Wanted> {
  const seen = new Set<string>();
  for (const { targets } of roles) {
    for (const path of targets.names()) {
      const file = targets.get(path);
      if (file === undefined) continue;
      for (const name of targetAddresses(path, file.digests, isConsistent ? "consistent" : "plain")) {
        if (seen.has(name)) continue;
        seen.add(name);
        yield { path, name, length: file.length, digests: file.digests };
      }
    }
  }
}

/** Root before the timestamp, unless the new timestamp is one that readers of the copy's root accept too. */
async function writeMetadata(disk: Disk, folder: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await makeDirectories(disk, folder);
  const names = [...files.keys()];
  const roots = names
    .filter((name) => /^[0-9]+\.root\.json$/.test(name))
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  const rest = names.filter((name) => !roots.includes(name) && !isTop(name));
  const tops = ["targets.json", "snapshot.json"].flatMap((end) =>
    names.filter((name) => isTop(name) && name.endsWith(end)),
  );
  const isRootLast = await isAcceptedBefore(disk, folder, roots, files);
  const order = isRootLast ? ["timestamp.json", ...roots] : [...roots, "timestamp.json"];
  for (const name of [...rest, ...tops, ...order]) {
    const [path, bytes] = [`${folder}/${escapeSegment(name)}`, files.get(name)];
    if (bytes === undefined) continue;
    const there = await readFile(disk, path, maxMetadataBytes);
    if (there !== undefined && equalBytes(there, bytes)) continue;
    await replaceFile(disk, { path, temporary: `${folder}/.${escapeSegment(name)}.tmp`, bytes });
  }
}

function isTop(name: string): boolean {
  return /^(?:\d+\.)?(?:targets|snapshot)\.json$/.test(name) || name === "timestamp.json";
}

async function isAcceptedBefore(
  disk: Disk,
  folder: string,
  roots: readonly string[],
  files: ReadonlyMap<string, Uint8Array>,
): Promise<boolean> {
  const present = new Set(await disk.list(folder));
  const newest = roots.filter((name) => present.has(name)).at(-1);
  const root = newest === undefined ? undefined : files.get(newest);
  const timestamp = files.get("timestamp.json");
  if (root === undefined || timestamp === undefined) return false;
  return signingStateOf(parseDraft(timestamp), authorityOfRoot(parseDraft(root), "timestamp")).isMet;
}
