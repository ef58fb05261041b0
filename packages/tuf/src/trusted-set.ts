import { quote, TrustError, type Check } from "@countersign/core";
import { runCheck } from "./check.ts";
import { tufError, tufErrors } from "./errors.ts";
import { findWrongDigest, type MetaFile } from "./file-info.ts";
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from "./metadata.ts";
import {
  checkThreshold,
  judgeSignatures,
  type IdentityCheck,
  type RoleTrust,
  type SignatureResult,
} from "./threshold.ts";
import { formatInstant } from "./time.ts";
import type { Metadata, Root, Snapshot, Targets, Timestamp } from "./metadata.ts";
import type { TopRole } from "./role.ts";

/*
 * The client workflow of the specification (1.0.34 §5.2 to §5.6) without disk, network and clock: bytes in, trusted metadata
 * out. Each state holds what the next step needs, so that steps in the wrong order do not compile.
 */

/** A trusted root, and the one time by which everything in a run is judged (§5.1). */
export interface RootSet {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
  readonly root: Root;
  /** Who is asked about Sigstore identities (TAP 18); without it they count for nothing. */
  readonly identityCheck?: IdentityCheck;
}

export interface TimestampSet extends RootSet {
  readonly timestamp: Timestamp;
}

export interface SnapshotSet extends TimestampSet {
  readonly snapshot: Snapshot;
}

/**
 * Starts from root metadata that the caller got in a safe way (§5.2). Proves that it is well formed and signed by its own keys.
 * Does not look at its expiry: it will be updated first. Throws TUF_THRESHOLD and the errors of `parseRoot`.
 */
export function acceptAnchor(bytes: Uint8Array, base: Omit<RootSet, "root">, checks: Check[] = []): RootSet {
  const root = parseChecked("root", bytes, parseRoot, checks);
  checkSigned(root, trustIn(root, "root"), base, checks);
  return { ...base, root };
}

/**
 * The next version of root (§5.3.4 to §5.3.7). Proves that the trusted root and the new one itself have it signed, and that its
 * version is exactly one higher. Does not look at its expiry, which only matters of the last one.
 * Throws TUF_THRESHOLD, TUF_ROOT_VERSION and the errors of `parseRoot`.
 */
export function acceptNextRoot<T extends RootSet>(set: T, bytes: Uint8Array, checks: Check[] = []): T {
  const root = parseChecked("root", bytes, parseRoot, checks);
  checkSigned(root, { ...trustIn(set.root, "root"), name: `root, by root version ${set.root.version}` }, set, checks);
  checkSigned(root, trustIn(root, "root"), set, checks);
  runCheck(checks, "version", () => {
    const expected = set.root.version + 1;
    if (root.version === expected) return `version ${root.version} follows ${set.root.version}`;
    throw tufError("TUF_ROOT_VERSION", { expected: String(expected), got: String(root.version) });
  });
  return { ...set, root };
}

/** Proves that the root, after which no newer one is known, has not expired (§5.3.10). Throws TUF_EXPIRED. */
export function checkRootFresh<T extends RootSet>(set: T, checks: Check[] = []): T {
  checkFresh("root", set.root, set, checks);
  return set;
}

/**
 * Root metadata from earlier, of which the steps that led to it are lost. Proves that it is not newer than the one that the
 * network led to and signed by that one's own keys: then somebody holds the newer ones back. Throws TUF_ROLLBACK.
 */
export function checkNoNewerRoot(set: RootSet, stored: Root): void {
  if (stored.version <= set.root.version) return;
  const results = judgeSignatures(stored, trustIn(set.root, "root"), set.identityCheck);
  const good = results.filter(({ result }) => result === "good").length;
  if (good >= trustIn(set.root, "root").role.threshold) checkNotLower("root", set.root.version, stored.version);
}

/**
 * Whether a key that spoke for timestamp or snapshot does so no more: then stored metadata of both is forgotten, so that a
 * repository recovers from version numbers that a thief of the key raised (§5.3.11).
 */
export function isFastForwardRecovery(before: Root, after: Root): boolean {
  return (["timestamp", "snapshot"] as const).some((name) => {
    const kept = materialOf(after, name);
    return [...materialOf(before, name)].some((material) => !kept.has(material));
  });
}

/**
 * Timestamp metadata from earlier, to compare with (§5.4.3). Proves who signed it, under today's root, and nothing more: it may
 * have expired. Throws TUF_THRESHOLD and the errors of `parseTimestamp`.
 */
export function recallTimestamp(set: RootSet, bytes: Uint8Array, checks: Check[] = []): Timestamp {
  const timestamp = parseChecked("timestamp", bytes, parseTimestamp, checks);
  checkSigned(timestamp, trustIn(set.root, "timestamp"), set, checks);
  return timestamp;
}

/**
 * Timestamp metadata just fetched (§5.4). Proves who signed it, that neither its version nor that of the snapshot is lower than
 * before, and that it has not expired. If its version is the one from before, that one comes back, whatever is in the new one.
 * Throws TUF_THRESHOLD, TUF_ROLLBACK, TUF_EXPIRED and the errors of `parseTimestamp`.
 */
export function acceptTimestamp<T extends RootSet>(
  set: T,
  bytes: Uint8Array,
  known?: Timestamp,
  checks: Check[] = [],
): T & TimestampSet {
  const fetched = recallTimestamp(set, bytes, checks);
  if (known !== undefined) checkTimestampRollback(fetched, known, checks);
  const timestamp = known?.version === fetched.version ? known : fetched;
  checkFresh("timestamp", timestamp, set, checks);
  return { ...set, timestamp };
}

function checkTimestampRollback(fetched: Timestamp, known: Timestamp, checks: Check[]): void {
  runCheck(checks, "rollback", () => {
    checkNotLower("timestamp", fetched.version, known.version);
    // Of two with one version the known one is kept, so that there is nothing to compare.
    if (fetched.version > known.version)
      checkNotLower("snapshot.json in timestamp", fetched.snapshot.version, known.snapshot.version);
    return `not lower than version ${known.version}, snapshot ${known.snapshot.version}`;
  });
}

/**
 * Snapshot metadata from earlier, to compare with (§5.5.5). Proves who signed it, under today's root, and nothing more.
 * Throws TUF_THRESHOLD and the errors of `parseSnapshot`.
 */
export function recallSnapshot(set: RootSet, bytes: Uint8Array, checks: Check[] = []): Snapshot {
  const snapshot = parseChecked("snapshot", bytes, parseSnapshot, checks);
  checkSigned(snapshot, trustIn(set.root, "snapshot"), set, checks);
  return snapshot;
}

/**
 * Snapshot metadata, fetched or from earlier (§5.5). Proves that it is the file of which timestamp speaks (length, hashes,
 * version), who signed it, that no file in it has a lower version than before or is gone, and that it has not expired.
 * Throws TUF_LENGTH, TUF_HASH, TUF_THRESHOLD, TUF_VERSION, TUF_ROLLBACK, TUF_EXPIRED and the errors of `parseSnapshot`.
 */
export function acceptSnapshot<T extends TimestampSet>(
  set: T,
  bytes: Uint8Array,
  known?: Snapshot,
  checks: Check[] = [],
): T & SnapshotSet {
  const listed = set.timestamp.snapshot;
  checkListed("snapshot", bytes, listed, checks);
  const snapshot = recallSnapshot(set, bytes, checks);
  checkVersion("snapshot", snapshot, listed, checks);
  if (known !== undefined) {
    runCheck(checks, "rollback", () => {
      for (const [name, { version }] of known.meta) checkStillListed(name, version, snapshot);
      return `none of ${known.meta.size} files is lower than before or gone`;
    });
  }
  checkFresh("snapshot", snapshot, set, checks);
  return { ...set, snapshot };
}

/** Whether a snapshot from earlier is the file of which timestamp speaks now. */
export function isSnapshotCurrent({ timestamp }: TimestampSet, snapshot: Snapshot, bytes: Uint8Array): boolean {
  const { version, length, digests } = timestamp.snapshot;
  const isAsListed = snapshot.version === version && (length === undefined || length === bytes.length);
  return isAsListed && findWrongDigest(bytes, digests) === undefined;
}

/**
 * Goes on with a snapshot from earlier, which `recallSnapshot` gave for these bytes. Proves the same as `acceptSnapshot`: of
 * signatures nothing is left to prove, and a file cannot be older than itself. Throws TUF_LENGTH, TUF_HASH, TUF_VERSION, TUF_EXPIRED.
 */
export function keepSnapshot<T extends TimestampSet>(
  set: T,
  snapshot: Snapshot,
  bytes: Uint8Array,
  checks: Check[] = [],
): T & SnapshotSet {
  const listed = set.timestamp.snapshot;
  checkListed("snapshot", bytes, listed, checks);
  checkVersion("snapshot", snapshot, listed, checks);
  checkFresh("snapshot", snapshot, set, checks);
  return { ...set, snapshot };
}

function checkStillListed(name: string, version: number, snapshot: Snapshot): void {
  const listed = snapshot.meta.get(name);
  if (listed === undefined)
    throw tufError("TUF_ROLLBACK", {
      checked: `snapshot version ${snapshot.version}`,
      expected: quote(name),
      got: "nothing",
    });
  checkNotLower(`${quote(name)} in snapshot`, listed.version, version);
}

/** Targets metadata that its delegator's keys signed, and how each of these keys fared. */
export interface TrustedTargets extends Targets {
  readonly signed: readonly SignatureResult[];
}

/**
 * Targets metadata of the top-level role (`trustInTargets`) or of a delegated one, fetched or from earlier (§5.6). Proves that it
 * is the file of which snapshot speaks, who signed it by what its delegator says, and that it has not expired. Does not look at
 * delegations or targets. Throws TUF_ROLE_UNLISTED, TUF_LENGTH, TUF_HASH, TUF_THRESHOLD, TUF_VERSION, TUF_EXPIRED and the errors
 * of `parseTargets`.
 */
export function acceptTargets(
  set: SnapshotSet,
  bytes: Uint8Array,
  trust: RoleTrust,
  checks: Check[] = [],
): TrustedTargets {
  const listed = metaOfRole(set.snapshot, trust.name);
  checkListed(trust.name, bytes, listed, checks);
  const targets = parseChecked(trust.name, bytes, parseTargets, checks);
  const signed = checkSigned(targets, trust, set, checks);
  checkVersion(trust.name, targets, listed, checks);
  checkFresh(trust.name, targets, set, checks);
  return { ...targets, signed };
}

/** What snapshot says of a role's file. Throws TUF_ROLE_UNLISTED. */
export function metaOfRole(snapshot: Snapshot, role: string): MetaFile {
  const listed = snapshot.meta.get(`${role}.json`);
  if (listed !== undefined) return listed;
  throw tufError("TUF_ROLE_UNLISTED", {
    checked: `snapshot version ${snapshot.version}`,
    expected: quote(`${role}.json`),
  });
}

/** Whose word counts for the top-level targets role. */
export function trustInTargets({ root }: RootSet): RoleTrust {
  return trustIn(root, "targets");
}

function trustIn(root: Root, name: TopRole): RoleTrust {
  const role = root.roles.get(name);
  // parseRoot refuses a root without one of the four.
  return { name, role: role ?? { keyids: [], threshold: 1 }, keys: root.keys };
}

function materialOf(root: Root, name: TopRole): ReadonlySet<string> {
  const { role, keys } = trustIn(root, name);
  const uses = role.keyids.map((keyid) => ({ keyid, use: keys.get(keyid)?.use() }));
  return new Set(uses.map(({ keyid, use }) => (use === undefined || use.kind === "unusable" ? keyid : use.material)));
}

function parseChecked<T extends Metadata>(
  role: string,
  bytes: Uint8Array,
  parse: (bytes: Uint8Array) => T,
  checks: Check[],
): T {
  let parsed: T | undefined;
  runCheck(checks, "form", () => {
    parsed = naming(role, () => parse(bytes));
    return `${quote(role)} version ${parsed.version}, specification ${parsed.specVersion}, ${bytes.length} bytes`;
  });
  return parsed as T;
}

/** A parser says which member is wrong; in whose file, only its caller knows. */
function naming<T>(role: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    const entry = error instanceof TrustError ? tufErrors[error.code] : undefined;
    if (!(error instanceof TrustError) || entry === undefined) throw error;
    const { checked, ...rest } = error.detail;
    const where = checked === undefined ? quote(role) : `${quote(role)}, ${checked}`;
    throw new TrustError(error.code, entry, { checked: where, ...rest }, error.cause);
  }
}

function checkSigned(
  metadata: Metadata,
  trust: RoleTrust,
  { identityCheck }: Pick<RootSet, "identityCheck">,
  checks: Check[],
): readonly SignatureResult[] {
  let signed: readonly SignatureResult[] = [];
  runCheck(checks, "signatures", () => {
    signed = checkThreshold(metadata, trust, identityCheck);
    const count = signed.filter(({ result }) => result === "good").length;
    return `${count} of ${trust.role.keyids.length} keys for ${quote(trust.name)}, ${trust.role.threshold} needed`;
  });
  return signed;
}

function checkListed(role: string, bytes: Uint8Array, listed: MetaFile, checks: Check[]): void {
  runCheck(checks, "listed", () => {
    const { length, digests } = listed;
    const checked = `${quote(role)} version ${listed.version}`;
    if (length !== undefined && bytes.length !== length)
      throw tufError("TUF_LENGTH", { checked, expected: `${length} bytes`, got: String(bytes.length) });
    const wrong = findWrongDigest(bytes, digests);
    if (wrong !== undefined) throw tufError("TUF_HASH", { checked, ...wrong });
    return `length and ${digests.length} hashes as listed`;
  });
}

function checkVersion(role: string, { version }: Metadata, listed: MetaFile, checks: Check[]): void {
  runCheck(checks, "version", () => {
    if (version === listed.version) return `version ${version} as listed`;
    throw tufError("TUF_VERSION", { checked: quote(role), expected: String(listed.version), got: String(version) });
  });
}

function checkNotLower(checked: string, version: number, least: number): void {
  if (version >= least) return;
  throw tufError("TUF_ROLLBACK", { checked, expected: `version ${least} or higher`, got: String(version) });
}

function checkFresh(
  role: string,
  { version, expiresMs }: Metadata,
  { nowMs }: Pick<RootSet, "nowMs">,
  checks: Check[],
): void {
  runCheck(checks, "expiry", () => {
    if (expiresMs > nowMs) return `expires ${formatInstant(expiresMs)}, now ${formatInstant(nowMs)}`;
    throw tufError("TUF_EXPIRED", {
      checked: `${quote(role)} version ${version}`,
      expected: `an expiry after ${formatInstant(nowMs)}`,
      got: formatInstant(expiresMs),
    });
  });
}
