import { canonical, dsseBody001, hashedRekordBody001, intotoBody002, kindVersionOf } from "./entry.ts";
import type { EntryJson, SignedDigest, SignedEnvelope } from "./entry.ts";
import { makeKeyPair, sha256, signWith } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";
import { checkpointText, formatSignedNote, signNoteText } from "./note.ts";
import type { CheckpointOptions, ProofOptions } from "./rekor.ts";
import { makeTree } from "./tree.ts";
import type { Tree } from "./tree.ts";
import type { TrustedLog } from "./trusted-root.ts";

/** An entry as Rekor v1 keeps it. */
export interface StoredEntry {
  readonly body: Uint8Array;
  /** Seconds. */
  readonly integratedTime: number;
}

/** What a SET covers (Rekor v1), and how to deviate. */
export interface SetRequest extends StoredEntry {
  /** The global index. */
  readonly logIndex: number;
  readonly logId?: Uint8Array;
  readonly key?: KeyPair;
}

/** How to deviate in an entry. */
export interface V1Options extends ProofOptions {
  /** Seconds; the clock's by default. */
  readonly integratedTime?: number;
  /** Leaves the promise out. */
  readonly withoutPromise?: boolean;
}

/** How to make a Rekor v1 log. */
export interface V1LogOptions {
  /** Name on the checkpoint's signature line; the origin is this and the tree id. */
  readonly name: string;
  readonly start: Date;
  readonly now: () => Date;
  readonly baseUrl?: string;
  readonly treeId?: string;
  /** Entries of earlier, inactive shards: the global index is this plus the index in the shard. */
  readonly earlierEntries?: number;
  readonly key?: KeyPair;
  readonly operator?: string;
  readonly store?: { readonly load: () => readonly StoredEntry[]; readonly save: (entry: StoredEntry) => void };
}

/** A Rekor v1 log: promises (SET), its own dialect of checkpoints, indices that count over all shards. */
export interface RekorV1Log {
  readonly name: string;
  readonly treeId: string;
  readonly key: KeyPair;
  readonly logId: Uint8Array;
  readonly earlierEntries: number;
  readonly trusted: TrustedLog;
  readonly tree: Tree;
  readonly entries: readonly StoredEntry[];
  /** Appends any body, unchecked, and proves it. */
  readonly append: (body: Uint8Array, o?: V1Options) => EntryJson;
  /** Appends an entry of one of the three kinds, unchecked, and proves it. */
  readonly entryFor: (signed: V1Signed, o?: V1Options) => EntryJson;
  /** Proves an entry by its index in the shard. */
  readonly prove: (index: number, o?: V1Options) => EntryJson;
  /** Index in the shard of the entry with this body. */
  readonly indexOf: (body: Uint8Array) => number | undefined;
  readonly uuid: (index: number) => string;
  /** The signed entry timestamp over whatever is said here. */
  readonly setFor: (request: SetRequest) => Uint8Array;
  readonly checkpoint: (o?: CheckpointOptions) => string;
}

/** What Rekor v1 logs. */
export type V1Signed =
  | {
      readonly kind: "hashedrekord";
      readonly signed: Omit<SignedDigest, "verifier"> & Pick<SignedEnvelope, "verifier">;
    }
  | { readonly kind: "dsse" | "intoto"; readonly signed: SignedEnvelope };

/** A Rekor v1 log, known to no trust root until a caller puts it there. */
export function makeV1Log(o: V1LogOptions): RekorV1Log {
  const key = o.key ?? makeKeyPair("p256");
  const own: Own = {
    name: o.name,
    treeId: o.treeId ?? "1193050959916656506",
    key,
    logId: sha256(key.spki),
    earlierEntries: o.earlierEntries ?? 4_163_431,
    tree: makeTree(),
    entries: [],
    now: o.now,
  };
  const positions = new Map<string, number>();
  const insert = (entry: StoredEntry): number => {
    own.entries.push(entry);
    const index = own.tree.append(entry.body);
    positions.set(hex(own.tree.leafHash(index)), index);
    return index;
  };
  for (const entry of o.store?.load() ?? []) insert(entry);
  const append = (body: Uint8Array, how: V1Options = {}): EntryJson => {
    const entry = { body, integratedTime: how.integratedTime ?? Math.floor(o.now().getTime() / 1000) };
    const index = insert(entry);
    o.store?.save(entry);
    return prove(own, index, how);
  };
  const operator = o.operator === undefined ? {} : { operator: o.operator };
  const baseUrl = o.baseUrl ?? `http://${o.name}`;
  return {
    ...own,
    trusted: { baseUrl, key, logId: own.logId, validFor: { start: o.start }, ...operator },
    append,
    entryFor: (signed, how) => append(bodyOf(signed), how),
    prove: (index, how = {}) => prove(own, index, how),
    indexOf: (body) => positions.get(hex(sha256(Uint8Array.of(0), body))),
    uuid: (index) => BigInt(own.treeId).toString(16).padStart(16, "0") + hex(own.tree.leafHash(index)),
    setFor: (request) => setFor(own, request),
    checkpoint: (how = {}) => signCheckpoint(own, how),
  };
}

/** The body of an entry of one of the three kinds. */
export function bodyOf(entry: V1Signed): Uint8Array {
  switch (entry.kind) {
    case "hashedrekord":
      return hashedRekordBody001(entry.signed);
    case "dsse":
      return dsseBody001(entry.signed);
    case "intoto":
      return intotoBody002(entry.signed);
  }
}

interface Own {
  readonly name: string;
  readonly treeId: string;
  readonly key: KeyPair;
  readonly logId: Uint8Array;
  readonly earlierEntries: number;
  readonly tree: Tree;
  readonly entries: StoredEntry[];
  readonly now: () => Date;
}

function prove(own: Own, index: number, o: V1Options): EntryJson {
  const treeSize = o.treeSize ?? own.tree.size();
  const { body, integratedTime } = own.entries[index] ?? { body: new Uint8Array(0), integratedTime: 0 };
  const logIndex = own.earlierEntries + index;
  const root = own.tree.root(treeSize);
  const promise = { signedEntryTimestamp: base64(setFor(own, { body, integratedTime, logIndex })) };
  return {
    logIndex: String(logIndex),
    logId: { keyId: base64(own.logId) },
    kindVersion: kindVersionOf(body),
    integratedTime: String(integratedTime),
    ...(o.withoutPromise === true ? {} : { inclusionPromise: promise }),
    inclusionProof: {
      logIndex: String(index),
      rootHash: base64(root),
      treeSize: String(treeSize),
      hashes: own.tree.inclusion(index, treeSize).map(base64),
      checkpoint: { envelope: signCheckpoint(own, { size: treeSize, root, ...o.checkpoint }) },
    },
    canonicalizedBody: base64(body),
  };
}

function setFor(own: Own, request: SetRequest): Uint8Array {
  const { integratedTime, logIndex } = request;
  const logID = hex(request.logId ?? own.logId);
  const message = canonical({ body: base64(request.body), integratedTime, logID, logIndex });
  return signWith(request.key ?? own.key, message, "sha256");
}

function signCheckpoint(own: Own, o: CheckpointOptions): string {
  const text = checkpointText({
    origin: o.origin ?? `${own.name} - ${own.treeId}`,
    size: o.size ?? own.tree.size(),
    root: o.root ?? own.tree.root(),
    extensions: o.extensions ?? [`Timestamp: ${own.now().getTime()}000000`],
  });
  const signed = signNoteText(text, o.name ?? own.name, o.key ?? own.key);
  const line = { ...signed, keyHint: o.keyHint ?? signed.keyHint };
  const others = [...(o.witnesses ?? []).map((witness) => witness.cosign(text)), ...(o.extraLines?.(text) ?? [])];
  if (o.ownLine === "absent") return formatSignedNote(text, others);
  return formatSignedNote(text, o.ownLine === "last" ? [...others, line] : [line, ...others]);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
