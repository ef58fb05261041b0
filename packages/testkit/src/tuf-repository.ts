import { createHash } from "node:crypto";
import { tufError, type FetchedTarget, type Fetcher } from "@countersign/tuf";
import { makeTufKey, signTuf, type TufKey } from "./tuf-key.ts";
import type { LooseObject } from "./json.ts";

/** When the tests of TUF take place. */
export const tufNow: Date = new Date("2030-01-01T00:00:00Z");
/** An expiry that is not there yet. */
export const tufExpiry = "2031-01-01T00:00:00Z";

/** A role: what its file says, and who signs it, which need not be who should. */
export interface TufRole {
  signed: LooseObject;
  signers: TufKey[];
}

/** A TUF repository in memory whose every part can be changed before it is published. */
export interface TufRepository {
  readonly root: TufRole;
  readonly timestamp: TufRole;
  readonly snapshot: TufRole;
  /** Top-level targets and delegated roles, by name. */
  readonly roles: Map<string, TufRole>;
  /** Contents of targets by name. */
  readonly content: Map<string, Uint8Array>;
  /** What is published: metadata by file name, targets by address. */
  readonly metadata: Map<string, Uint8Array>;
  readonly targets: Map<string, Uint8Array>;
  /** File names that were asked for, in order. */
  readonly requests: string[];
  /** Whether snapshot and timestamp give lengths and hashes. */
  hasHashes: boolean;
}

/** A repository with one key a role, no targets and nothing published. */
export function makeTufRepository(): TufRepository {
  const keys = { root: makeTufKey(), timestamp: makeTufKey(), snapshot: makeTufKey(), targets: makeTufKey() };
  const listed = Object.values(keys);
  const role = (key: TufKey): LooseObject => ({ keyids: [key.keyid], threshold: 1 });
  const root: LooseObject = {
    ...head("root"),
    consistent_snapshot: true,
    keys: Object.fromEntries(listed.map(({ keyid, json }) => [keyid, structuredClone(json) as LooseObject])),
    roles: {
      root: role(keys.root),
      timestamp: role(keys.timestamp),
      snapshot: role(keys.snapshot),
      targets: role(keys.targets),
    },
  };
  return {
    root: { signed: root, signers: [keys.root] },
    timestamp: {
      signed: { ...head("timestamp"), meta: { "snapshot.json": { version: 1 } } },
      signers: [keys.timestamp],
    },
    snapshot: { signed: { ...head("snapshot"), meta: {} }, signers: [keys.snapshot] },
    roles: new Map([["targets", { signed: { ...head("targets"), targets: {} }, signers: [keys.targets] }]]),
    content: new Map(),
    metadata: new Map(),
    targets: new Map(),
    requests: [],
    hasHashes: true,
  };
}

function head(type: string): LooseObject {
  return { _type: type, spec_version: "1.0.34", version: 0, expires: tufExpiry };
}

/** The role of that name; it must be there. */
export function tufRole(repository: TufRepository, name: string): TufRole {
  const role = repository.roles.get(name);
  if (role === undefined) throw new Error(`no role ${name}`);
  return role;
}

/** Lists a target in a role. Takes effect when the role is published. */
export function addTufTarget(repository: TufRepository, name: string, content: string, role: string = "targets"): void {
  const bytes = new TextEncoder().encode(content);
  repository.content.set(name, bytes);
  setMember(tufRole(repository, role).signed["targets"] as LooseObject, name, {
    length: bytes.length,
    hashes: hashesOf(bytes),
  });
}

/** What a delegation says beside name and keys. */
export interface TufDelegation {
  readonly paths?: readonly string[];
  readonly path_hash_prefixes?: readonly string[];
  readonly terminating?: boolean;
  readonly threshold?: number;
  /** Who is listed for the role; a new key signs unless given. */
  readonly keys?: readonly TufKey[];
}

/** Delegates from a role to another, which is made if it is not there. */
export function delegateTuf(
  repository: TufRepository,
  from: string,
  name: string,
  options: TufDelegation = {},
): TufRole {
  const keys = options.keys ?? [makeTufKey()];
  const delegations = delegationsOf(tufRole(repository, from));
  const { paths = options.path_hash_prefixes === undefined ? ["*"] : undefined, path_hash_prefixes } = options;
  (delegations["roles"] as unknown[]).push({
    name,
    keyids: keys.map(({ keyid }) => keyid),
    threshold: options.threshold ?? 1,
    terminating: options.terminating ?? false,
    ...(paths && { paths: [...paths] }),
    ...(path_hash_prefixes && { path_hash_prefixes: [...path_hash_prefixes] }),
  });
  listKeys(delegations, keys);
  const role = repository.roles.get(name) ?? { signed: { ...head("targets"), targets: {} }, signers: [...keys] };
  repository.roles.set(name, role);
  return role;
}

/** Delegates to 2^bits bins with computed names, all of them empty (TAP 15). */
export function delegateTufBins(repository: TufRepository, from: string, bits: number, prefix: string): void {
  const key = makeTufKey();
  const parent = tufRole(repository, from);
  const succinct = { keyids: [key.keyid], threshold: 1, bit_length: bits, name_prefix: prefix };
  parent.signed["delegations"] = { keys: { [key.keyid]: key.json as LooseObject }, succinct_roles: succinct };
  for (let bin = 0; bin < 2 ** bits; bin++) {
    const name = `${prefix}-${bin.toString(16).padStart(Math.ceil(bits / 4), "0")}`;
    repository.roles.set(name, { signed: { ...head("targets"), targets: {} }, signers: [key] });
  }
}

function delegationsOf(role: TufRole): LooseObject {
  role.signed["delegations"] ??= { keys: {}, roles: [] };
  return role.signed["delegations"] as LooseObject;
}

function listKeys(delegations: LooseObject, keys: readonly TufKey[]): void {
  for (const { keyid, json } of keys) setMember(delegations["keys"] as LooseObject, keyid, json as LooseObject);
}

/** An assignment to `__proto__` would set the prototype. */
function setMember(object: LooseObject, name: string, value: LooseObject): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** Signs and publishes the next version of root. */
export async function publishTufRoot(repository: TufRepository): Promise<void> {
  const { root } = repository;
  root.signed["version"] = (root.signed["version"] as number) + 1;
  repository.metadata.set(`${root.signed["version"]}.root.json`, await signTuf(root.signed, root.signers));
}

/** Publishes the next version of these roles (all unless named), of snapshot and timestamp, and the targets. */
export async function publishTuf(repository: TufRepository, ...names: readonly string[]): Promise<void> {
  if (repository.root.signed["version"] === 0) await publishTufRoot(repository);
  const chosen = names.length === 0 ? [...repository.roles.keys()] : names;
  for (const name of chosen) await publishTufRole(repository, name);
  await publishTufSnapshot(repository);
  for (const [name, bytes] of repository.content) publishContent(repository, name, bytes);
}

/** Publishes the next version of one role of targets, and lists it in snapshot, which is not published. */
export async function publishTufRole(repository: TufRepository, name: string): Promise<void> {
  const role = tufRole(repository, name);
  role.signed["version"] = (role.signed["version"] as number) + 1;
  await putTufRole(repository, name);
}

/** Publishes a role as it is, and lists it in snapshot, which is not published. */
export async function putTufRole(repository: TufRepository, name: string): Promise<void> {
  const { signed, signers } = tufRole(repository, name);
  const bytes = await signTuf(signed, signers);
  put(repository, `${name}.json`, signed["version"] as number, bytes);
  setMember(repository.snapshot.signed["meta"] as LooseObject, `${name}.json`, metaOf(repository, signed, bytes));
}

/** Publishes the next version of snapshot and timestamp. */
export async function publishTufSnapshot(repository: TufRepository): Promise<void> {
  const { snapshot } = repository;
  snapshot.signed["version"] = (snapshot.signed["version"] as number) + 1;
  await putTufSnapshot(repository);
  await publishTufTimestamp(repository);
}

/** Publishes snapshot as it is, and lists it in timestamp, which is not published. */
export async function putTufSnapshot(repository: TufRepository): Promise<void> {
  const { snapshot, timestamp } = repository;
  const bytes = await signTuf(snapshot.signed, snapshot.signers);
  put(repository, "snapshot.json", snapshot.signed["version"] as number, bytes);
  timestamp.signed["meta"] = { "snapshot.json": metaOf(repository, snapshot.signed, bytes) };
}

/** Publishes the next version of timestamp. */
export async function publishTufTimestamp(repository: TufRepository): Promise<void> {
  repository.timestamp.signed["version"] = (repository.timestamp.signed["version"] as number) + 1;
  await putTufTimestamp(repository);
}

/** Publishes timestamp as it is. */
export async function putTufTimestamp({ timestamp, metadata }: TufRepository): Promise<void> {
  metadata.set("timestamp.json", await signTuf(timestamp.signed, timestamp.signers));
}

function put({ root, metadata }: TufRepository, file: string, version: number, bytes: Uint8Array): void {
  metadata.set(root.signed["consistent_snapshot"] === true ? `${version}.${file}` : file, bytes);
}

function metaOf({ hasHashes }: TufRepository, signed: LooseObject, bytes: Uint8Array): LooseObject {
  const version = signed["version"] as number;
  return hasHashes ? { version, length: bytes.length, hashes: hashesOf(bytes) } : { version };
}

function publishContent({ root, targets }: TufRepository, name: string, bytes: Uint8Array): void {
  const slash = name.lastIndexOf("/") + 1;
  const prefix = root.signed["consistent_snapshot"] === true ? `${hashesOf(bytes).sha256}.` : "";
  targets.set(`${name.slice(0, slash)}${prefix}${name.slice(slash)}`, bytes);
}

/** As metadata lists it. */
export function hashesOf(bytes: Uint8Array): { readonly sha256: string } {
  return { sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Gives what is published at the moment, and notes what was asked for. */
export function tufFetcher(repository: TufRepository): Fetcher {
  return {
    async metadata(name, { maxBytes, accept }) {
      repository.requests.push(name);
      const bytes = repository.metadata.get(name);
      if (bytes !== undefined && bytes.length > maxBytes) throw tufError("TUF_FETCH_TOO_LARGE", { checked: name });
      if (bytes !== undefined) accept?.(bytes);
      return bytes;
    },
    async target(path): Promise<FetchedTarget | undefined> {
      const bytes = repository.targets.get(path);
      return bytes && { start: 0, mirror: 0, body: chunksOf(bytes) };
    },
  };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
