import { hashedRekordBody002, kindVersionOf } from "./entry.ts";
import type { EntryJson, SignedDigest } from "./entry.ts";
import { makeKeyPair } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";
import { checkpointText, formatSignedNote, noteKeyId, signNoteText } from "./note.ts";
import type { SignatureLine } from "./note.ts";
import { makeTree } from "./tree.ts";
import type { Tree } from "./tree.ts";
import type { TrustedLog } from "./trusted-root.ts";
import type { Witness } from "./witness.ts";

/** How to deviate from the checkpoint that an honest log would sign. */
export interface CheckpointOptions {
  /** Name on the log's signature line. */
  readonly name?: string;
  readonly origin?: string;
  readonly keyHint?: Uint8Array;
  readonly root?: Uint8Array;
  readonly size?: number | bigint | string;
  readonly extensions?: readonly string[];
  /** Signs with this key; its own key hint goes with it unless `keyHint` is given. */
  readonly key?: KeyPair;
  /** Cosigned by these instead of the log's own witnesses. */
  readonly witnesses?: readonly Witness[];
  /** Further signature lines, made from the signed text. */
  readonly extraLines?: (text: string) => readonly SignatureLine[];
  /** Where the log's own line stands; `absent` leaves it out. Default `first`. */
  readonly ownLine?: "first" | "last" | "absent";
}

/** How to deviate in an entry's proof. */
export interface ProofOptions {
  /** Proves in the tree of this many entries instead of the current one. */
  readonly treeSize?: number;
  readonly checkpoint?: CheckpointOptions;
}

/** Keeps a log's entries somewhere. */
export interface EntryStore {
  /** Bodies of the entries that were saved before, in order. */
  readonly load: () => readonly Uint8Array[];
  /** Called after each append, before anybody is told of the entry. */
  readonly save: (state: {
    readonly tree: Tree;
    readonly bodies: readonly Uint8Array[];
    readonly checkpoint: string;
  }) => void;
}

/** How to make a Rekor v2 log. */
export interface LogOptions {
  /** Name of the log: the checkpoint's origin and the host of `baseUrl`. */
  readonly origin: string;
  readonly start: Date;
  /** As the trust root states it; `http://` and the origin by default. */
  readonly baseUrl?: string;
  readonly key?: KeyPair;
  readonly operator?: string;
  readonly witnesses?: readonly Witness[];
  readonly store?: EntryStore;
}

/** A Rekor v2 log: a tiled Merkle tree with signed checkpoints, no timestamps and no promises. */
export interface RekorLog {
  readonly origin: string;
  readonly baseUrl: string;
  readonly key: KeyPair;
  readonly logId: Uint8Array;
  /** This log as a trust root states it. */
  readonly trusted: TrustedLog;
  readonly tree: Tree;
  /** Bodies in order of their index. */
  readonly bodies: readonly Uint8Array[];
  /** Appends any body, unchecked, and proves it. */
  readonly append: (body: Uint8Array, o?: ProofOptions) => EntryJson;
  /** Appends a hashedrekord 0.0.2 of this signature, unchecked, and proves it. */
  readonly entryFor: (signed: SignedDigest, o?: ProofOptions) => EntryJson;
  /** Proves an entry that is already in the log. */
  readonly prove: (index: number, o?: ProofOptions) => EntryJson;
  readonly indexOf: (body: Uint8Array) => number | undefined;
  readonly checkpoint: (o?: CheckpointOptions) => string;
}

/** A Rekor v2 log, known to no trust root until a caller puts it there. */
export function makeLog(o: LogOptions): RekorLog {
  const key = o.key ?? makeKeyPair("ed25519");
  const baseUrl = o.baseUrl ?? `http://${o.origin}`;
  const logId = noteKeyId(o.origin, key);
  const own: Own = { origin: o.origin, key, logId, tree: makeTree(), bodies: [], witnesses: o.witnesses ?? [] };
  const positions = new Map<string, number>();
  const insert = (body: Uint8Array): number => {
    own.bodies.push(body);
    const index = own.tree.append(body);
    positions.set(keyOf(body), index);
    return index;
  };
  for (const body of o.store?.load() ?? []) insert(body);
  const append = (body: Uint8Array, how: ProofOptions = {}): EntryJson => {
    const index = insert(body);
    if (o.store !== undefined)
      o.store.save({ tree: own.tree, bodies: own.bodies, checkpoint: signCheckpoint(own, {}) });
    return prove(own, index, how);
  };
  return {
    ...own,
    baseUrl,
    trusted: trustedLog({ ...o, baseUrl }, key, logId),
    append,
    entryFor: (signed, how) => append(hashedRekordBody002(signed), how),
    prove: (index, how = {}) => prove(own, index, how),
    indexOf: (body) => positions.get(keyOf(body)),
    checkpoint: (how = {}) => signCheckpoint(own, how),
  };
}

interface Own {
  readonly origin: string;
  readonly key: KeyPair;
  readonly logId: Uint8Array;
  readonly tree: Tree;
  readonly bodies: Uint8Array[];
  readonly witnesses: readonly Witness[];
}

function prove(own: Own, index: number, o: ProofOptions): EntryJson {
  const treeSize = o.treeSize ?? own.tree.size();
  const body = own.bodies[index] ?? new Uint8Array(0);
  const envelope = signCheckpoint(own, { size: treeSize, root: own.tree.root(treeSize), ...o.checkpoint });
  return {
    logIndex: String(index),
    logId: { keyId: base64(own.logId) },
    kindVersion: kindVersionOf(body),
    inclusionProof: {
      logIndex: String(index),
      rootHash: base64(own.tree.root(treeSize)),
      treeSize: String(treeSize),
      hashes: own.tree.inclusion(index, treeSize).map(base64),
      checkpoint: { envelope },
    },
    canonicalizedBody: base64(body),
  };
}

function signCheckpoint(own: Own, o: CheckpointOptions): string {
  const text = checkpointText({
    origin: o.origin ?? own.origin,
    size: o.size ?? own.tree.size(),
    root: o.root ?? own.tree.root(),
    extensions: o.extensions ?? [],
  });
  const signed = signNoteText(text, o.name ?? own.origin, o.key ?? own.key);
  const line = { ...signed, keyHint: o.keyHint ?? signed.keyHint };
  const others = (o.witnesses ?? own.witnesses).map((witness) => witness.cosign(text));
  others.push(...(o.extraLines?.(text) ?? []));
  if (o.ownLine === "absent") return formatSignedNote(text, others);
  return formatSignedNote(text, o.ownLine === "last" ? [...others, line] : [line, ...others]);
}

function trustedLog(o: LogOptions & { readonly baseUrl: string }, key: KeyPair, logId: Uint8Array): TrustedLog {
  const operator = o.operator === undefined ? {} : { operator: o.operator };
  return { baseUrl: o.baseUrl, key, logId, validFor: { start: o.start }, ...operator };
}

function keyOf(body: Uint8Array): string {
  return Buffer.from(body).toString("latin1");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
