import { equalBytes, TrustError, type Check } from "@countersign/core";
import { tufError } from "./errors.ts";
import { maxMetadataBytes, maxRootBytes, maxTimestampBytes, parseRoot } from "./metadata.ts";
import { roleFile, rootHistoryFile } from "./store-file.ts";
import {
  acceptAnchor,
  acceptNextRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  checkNoNewerRoot,
  checkRootFresh,
  isFastForwardRecovery,
  isSnapshotCurrent,
  keepSnapshot,
  metaOfRole,
  recallSnapshot,
  recallTimestamp,
  trustInTargets,
  type RootSet,
  type SnapshotSet,
  type TimestampSet,
  type TrustedTargets,
} from "./trusted-set.ts";
import type { Fetcher } from "./fetch.ts";
import type { MetaFile } from "./file-info.ts";
import type { Metadata, Snapshot, Timestamp } from "./metadata.ts";
import type { RunLog, StepFile } from "./run-log.ts";
import type { StoreSession } from "./store.ts";
import type { RoleTrust } from "./threshold.ts";
import type { Writing } from "./writing.ts";

/** How many newer roots one run fetches at most unless told otherwise (specification 1.0.34 §5.3.3); the next run goes on from there. */
export const maxNewRoots: number = 1024;

/** One run of the client workflow, with the store in hand. */
export interface Run {
  readonly session: StoreSession;
  readonly fetch: Fetcher;
  readonly log: RunLog;
  /** Waited for before the session ends. */
  readonly writing: Writing;
  /** Default `maxNewRoots`. */
  readonly maxNewRoots?: number;
  readonly signal?: AbortSignal;
}

/** All that a run made trusted. */
export interface Trust {
  readonly set: SnapshotSet;
  readonly targets: TrustedTargets;
}

/**
 * The client workflow from the anchor to the top-level targets (§5.2 to §5.6.6). What the store has is verified as if it came from
 * the network; what does not hold is fetched. Each file begins to be written as soon as it is trusted.
 */
export async function refreshTrust(run: Run, anchor: Uint8Array, base: Omit<RootSet, "root">): Promise<Trust> {
  const rootSet = await refreshRoot(run, anchor, base);
  const timestampSet = await refreshTimestamp(run, rootSet);
  const set = await refreshSnapshot(run, timestampSet);
  return { set, targets: await loadTargets(run, set, trustInTargets(set)) };
}

/** §5.3. */
async function refreshRoot(run: Run, anchor: Uint8Array, base: Omit<RootSet, "root">): Promise<RootSet> {
  let set = stepSet(run, { role: "root", file: "root.json", from: "anchor" }, (checks) =>
    acceptAnchor(anchor, base, checks),
  );
  let bytes = anchor;
  // Those in the store were counted when they were new: else a client would never get past the last of them.
  for (let count = 0; count < (run.maxNewRoots ?? maxNewRoots);) {
    const next = await nextRoot(run, set);
    if (next === undefined) break;
    if (next.isNew) {
      count++;
      await writeRoot(run.session, { before: set, after: next.set, bytes: next.bytes });
    }
    ({ set, bytes } = next);
  }
  await writeLatestRoot(run, set, bytes);
  stepSet(run, { role: "root", file: "root.json", from: "store" }, (checks) => checkRootFresh(set, checks));
  return set;
}

interface NextRoot {
  readonly set: RootSet;
  readonly bytes: Uint8Array;
  /** Whether it came from the network. */
  readonly isNew: boolean;
}

async function nextRoot(run: Run, set: RootSet): Promise<NextRoot | undefined> {
  const version = set.root.version + 1;
  const accept = (bytes: Uint8Array, checks: Check[]): RootSet => acceptNextRoot(set, bytes, checks);
  const stored = { role: "root", file: rootHistoryFile(version), maxBytes: maxRootBytes };
  const kept = await readChecked(run, { ...stored, accept: rootOf(accept) });
  if (kept !== undefined) return { set: { ...set, root: kept.value }, bytes: kept.bytes, isNew: false };
  const asked = { role: "root", file: `${version}.root.json`, maxBytes: maxRootBytes };
  const fetched = await fetchChecked(run, { ...asked, accept: rootOf(accept) });
  return fetched && { set: { ...set, root: fetched.value }, bytes: fetched.bytes, isNew: true };
}

function rootOf(accept: (bytes: Uint8Array, checks: Check[]) => RootSet): Asked<RootSet["root"]>["accept"] {
  return (bytes, checks) => accept(bytes, checks).root;
}

async function writeRoot(session: StoreSession, change: RootChange): Promise<void> {
  const { after, bytes } = change;
  await forgetRotated(session, change);
  await session.write(rootHistoryFile(after.root.version), bytes);
  // Trust never begins with this one: the anchor and the roots above lead to it.
  await session.cache(roleFile("root"), bytes);
}

interface RootChange {
  readonly before: Pick<RootSet, "root">;
  readonly after: RootSet;
  readonly bytes: Uint8Array;
}

/** What the new root says can be forgotten goes before that root is written: after a crash nobody would know any more (§5.3.11). */
async function forgetRotated(session: StoreSession, { before, after }: RootChange): Promise<void> {
  if (!isFastForwardRecovery(before.root, after.root)) return;
  await session.remove(roleFile("timestamp"));
  await session.remove(roleFile("snapshot"));
}

/** The latest root may have come with the program, past those that the store knows. */
async function writeLatestRoot({ session, writing }: Run, after: RootSet, bytes: Uint8Array): Promise<void> {
  const stored = await readStored(session, roleFile("root"), maxRootBytes);
  if (stored === undefined) {
    writing.begun(session.cache(roleFile("root"), bytes));
    return;
  }
  if (equalBytes(stored, bytes)) return;
  const root = orNothing(() => parseRoot(stored));
  if (root !== undefined) {
    checkNoNewerRoot(after, root);
    await forgetRotated(session, { before: { root }, after, bytes });
  }
  // Waited for: a timestamp that this root speaks for, beside the old root, would be forgotten by the next run.
  await session.cache(roleFile("root"), bytes);
}

/** §5.4. */
async function refreshTimestamp(run: Run, set: RootSet): Promise<TimestampSet> {
  const known = await readChecked(run, {
    role: "timestamp",
    file: roleFile("timestamp"),
    maxBytes: maxTimestampBytes,
    outcome: "compared",
    accept: (bytes, checks) => recallTimestamp(set, bytes, checks),
  });
  const fetched = await fetchNeeded<Timestamp>(run, {
    role: "timestamp",
    file: "timestamp.json",
    maxBytes: maxTimestampBytes,
    accept: (bytes, checks) => acceptTimestamp(set, bytes, known?.value, checks).timestamp,
  });
  if (fetched.value !== known?.value) run.writing.begun(run.session.write(roleFile("timestamp"), fetched.bytes));
  return { ...set, timestamp: fetched.value };
}

/** §5.5. */
async function refreshSnapshot(run: Run, set: TimestampSet): Promise<SnapshotSet> {
  const listed = set.timestamp.snapshot;
  const stored = { role: "snapshot", file: roleFile("snapshot"), maxBytes: maxMetadataBytes };
  const recall = (bytes: Uint8Array, checks: Check[]): Snapshot => recallSnapshot(set, bytes, checks);
  const known = await readChecked(run, { ...stored, outcome: "compared", accept: recall });
  const isCurrent = known !== undefined && isSnapshotCurrent(set, known.value, known.bytes);
  if (isCurrent) {
    return stepSet(run, { ...stored, from: "store" }, (checks) => keepSnapshot(set, known.value, known.bytes, checks));
  }
  const fetched = await fetchNeeded<Snapshot>(run, {
    role: "snapshot",
    ...fileOf("snapshot", listed, set),
    accept: (bytes, checks) => acceptSnapshot(set, bytes, known?.value, checks).snapshot,
  });
  run.writing.begun(run.session.write(roleFile("snapshot"), fetched.bytes));
  return { ...set, snapshot: fetched.value };
}

/**
 * Targets metadata of a role, from the store or fetched; verified by what this delegator says of the role, and no other
 * (§5.6). Rejects as `acceptTargets`, and with TUF_METADATA_ABSENT.
 */
export async function loadTargets(run: Run, set: SnapshotSet, trust: RoleTrust): Promise<TrustedTargets> {
  const listed = metaOfRole(set.snapshot, trust.name);
  const accept = (bytes: Uint8Array, checks: Check[]): TrustedTargets => acceptTargets(set, bytes, trust, checks);
  const stored = { role: trust.name, file: roleFile(trust.name), maxBytes: maxMetadataBytes };
  const known = await readChecked(run, { ...stored, accept });
  if (known !== undefined) return known.value;
  const fetched = await fetchNeeded<TrustedTargets>(run, {
    role: trust.name,
    ...fileOf(trust.name, listed, set),
    accept,
  });
  // What snapshot binds can be fetched again.
  run.writing.begun(run.session.cache(roleFile(trust.name), fetched.bytes));
  return fetched.value;
}

/** A role's file in the repository, and how long it may be. */
function fileOf(
  role: string,
  listed: MetaFile,
  { root }: RootSet,
): { readonly file: string; readonly maxBytes: number } {
  const file = root.consistentSnapshot ? `${listed.version}.${role}.json` : `${role}.json`;
  return { file, maxBytes: Math.min(listed.length ?? maxMetadataBytes, maxMetadataBytes) };
}

/** One metadata file that is asked for, and what must hold of it. */
interface Asked<T> {
  readonly role: string;
  readonly file: string;
  readonly maxBytes: number;
  /** `trusted` unless given. */
  readonly outcome?: "compared";
  readonly accept: (bytes: Uint8Array, checks: Check[]) => T;
}

interface Checked<T> {
  readonly value: T;
  readonly bytes: Uint8Array;
}

/** What the store has, if it holds; else nothing, for the network may know better. */
async function readChecked<T extends Metadata>(run: Run, asked: Asked<T>): Promise<Checked<T> | undefined> {
  const { role, file, maxBytes, outcome, accept } = asked;
  const bytes = await readStored(run.session, file, maxBytes);
  if (bytes === undefined) return undefined;
  return orNothing(() => {
    const value = run.log.step({ role, file, from: "store", ...(outcome && { outcome }) }, (checks) =>
      accept(bytes, checks),
    );
    return { value, bytes };
  });
}

async function readStored(session: StoreSession, file: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await session.read(file, maxBytes);
  } catch (error) {
    if (error instanceof TrustError && error.code === "TUF_STORE_DAMAGED") return undefined;
    throw error;
  }
}

/** What the network has; nothing if it says that there is none. The bytes that come back are those that were accepted. */
async function fetchChecked<T extends Metadata>(run: Run, asked: Asked<T>): Promise<Checked<T> | undefined> {
  const { role, file, maxBytes } = asked;
  let last: Checked<T> | undefined;
  const accept = (bytes: Uint8Array): void => {
    const value = run.log.step({ role, file, from: "network" }, (checks) => asked.accept(bytes, checks));
    last = { value, bytes };
  };
  const bytes = await run.fetch.metadata(file, { maxBytes, accept, ...(run.signal && { signal: run.signal }) });
  if (bytes === undefined) {
    run.log.absent({ role, file, from: "network" });
    return undefined;
  }
  // Not every fetcher may ask.
  if (last?.bytes !== bytes) accept(bytes);
  return last;
}

async function fetchNeeded<T extends Metadata>(run: Run, asked: Asked<T>): Promise<Checked<T>> {
  const fetched = await fetchChecked(run, asked);
  if (fetched !== undefined) return fetched;
  throw tufError("TUF_METADATA_ABSENT", { checked: asked.role, expected: asked.file });
}

/** A step whose outcome is a state, not a file. */
function stepSet<T extends RootSet>(run: Run, file: StepFile, accept: (checks: Check[]) => T): T {
  let set: T | undefined;
  run.log.step(file, (checks) => {
    set = accept(checks);
    return "snapshot" in set ? (set.snapshot as Snapshot) : set.root;
  });
  return set as T;
}

function orNothing<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}
