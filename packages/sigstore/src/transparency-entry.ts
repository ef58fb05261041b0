import { base64, readObject, type Json, type JsonObject, type ObjectReader, type ShapeError } from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/** The most log entries in a bundle. */
export const maxLogEntries: number = 32;
/** The most hashes in an inclusion proof: a tree has fewer than 2^63 leaves. */
export const maxProofHashes: number = 63;

/** An inclusion proof as it came. `treeSize` and `rootHash` are what the bundle says; only the checkpoint's count. */
export interface InclusionProof {
  /** Position in the tree (Rekor v1: in its shard). */
  readonly logIndex: bigint;
  readonly treeSize: bigint;
  readonly rootHash: Uint8Array;
  readonly hashes: readonly Uint8Array[];
  /** Signed note; absent only in bundles of version 0.1. */
  readonly checkpoint?: string;
}

/** One entry of a transparency log (protobuf-specs sigstore_rekor.proto `TransparencyLogEntry`), unverified. */
export interface LogEntry {
  /** Rekor v1: the global index, over all shards. */
  readonly logIndex: bigint;
  /** 32 bytes, or the 4 of a checkpoint key id. */
  readonly logId: Uint8Array;
  readonly kind: string;
  readonly version: string;
  /** Seconds since 1970, 0 if absent; a time only with a verified promise. */
  readonly integratedTime: bigint;
  /** Signed entry timestamp (Rekor v1). */
  readonly promise?: Uint8Array;
  readonly proof?: InclusionProof;
  /** The canonicalized entry whose hash is the leaf. */
  readonly body: Uint8Array;
}

/**
 * Reads a `TransparencyLogEntry` and proves its form and that it carries what bundles of `version` must:
 * a promise in 0.1, an inclusion proof with checkpoint later. Absent numbers are 0, as in protobuf JSON.
 * Verifies nothing. Throws what `error` makes, and SIGSTORE_BUNDLE_PROOF_MISSING.
 */
export function parseLogEntry(value: Json, version: "0.1" | "0.2" | "0.3", error: ShapeError): LogEntry {
  const reader = readObject(value, "tlogEntries[]", error);
  const logIndex = readCount(reader, "logIndex", error);
  const logId = readLogId(reader, error);
  const kindVersion = reader.object("kindVersion");
  const [kind, kindVersionText] = [kindVersion.string("kind"), kindVersion.string("version")];
  kindVersion.refuseUnknown();
  const integratedTime = readCount(reader, "integratedTime", error);
  const promise = readPromise(reader, error);
  const proofReader = reader.optionalObject("inclusionProof");
  const proof = proofReader === undefined ? undefined : readProof(proofReader, error);
  const body = reader.bytes("canonicalizedBody");
  if (body.length === 0) throw error({ checked: "canonicalizedBody", got: "nothing" });
  reader.refuseUnknown();
  const entry = { logIndex, logId, kind, version: kindVersionText, integratedTime, body };
  return checkEvidence({ ...entry, ...(promise && { promise }), ...(proof && { proof }) }, version);
}

/** The entry as protobuf JSON: 64-bit numbers as strings, zero time and absent parts left out. */
export function formatLogEntry(entry: LogEntry): JsonObject {
  return {
    logIndex: `${entry.logIndex}`,
    logId: { keyId: base64(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    ...(entry.integratedTime === 0n ? {} : { integratedTime: `${entry.integratedTime}` }),
    ...(entry.promise && { inclusionPromise: { signedEntryTimestamp: base64(entry.promise) } }),
    ...(entry.proof && { inclusionProof: formatProof(entry.proof) }),
    canonicalizedBody: base64(entry.body),
  };
}

function checkEvidence(entry: LogEntry, version: "0.1" | "0.2" | "0.3"): LogEntry {
  if (version === "0.1") {
    if (entry.promise === undefined)
      throw sigstoreError("SIGSTORE_BUNDLE_PROOF_MISSING", { expected: "an inclusion promise in version 0.1" });
    return entry;
  }
  if (entry.proof === undefined)
    throw sigstoreError("SIGSTORE_BUNDLE_PROOF_MISSING", { expected: "an inclusion proof" });
  if (entry.proof.checkpoint === undefined) {
    throw sigstoreError("SIGSTORE_BUNDLE_PROOF_MISSING", { expected: "a checkpoint in the inclusion proof" });
  }
  return entry;
}

function readLogId(reader: ObjectReader, error: ShapeError): Uint8Array {
  const logId = reader.object("logId");
  const keyId = logId.bytes("keyId");
  logId.refuseUnknown();
  if (keyId.length !== 32 && keyId.length !== 4)
    throw error({ checked: "logId.keyId", expected: "32 or 4 bytes", got: `${keyId.length}` });
  return keyId;
}

function readPromise(reader: ObjectReader, error: ShapeError): Uint8Array | undefined {
  const promise = reader.optionalObject("inclusionPromise");
  if (promise === undefined) return undefined;
  const bytes = promise.bytes("signedEntryTimestamp");
  promise.refuseUnknown();
  if (bytes.length === 0) throw error({ checked: "inclusionPromise.signedEntryTimestamp", got: "nothing" });
  return bytes;
}

function readProof(reader: ObjectReader, error: ShapeError): InclusionProof {
  const logIndex = readCount(reader, "logIndex", error);
  const treeSize = readCount(reader, "treeSize", error);
  const rootHash = reader.bytes("rootHash");
  const hashes = reader.optionalBytesArray("hashes", maxProofHashes)?.map((each) => readHash(each, error)) ?? [];
  const checkpointReader = reader.optionalObject("checkpoint");
  const checkpoint = checkpointReader?.string("envelope");
  checkpointReader?.refuseUnknown();
  reader.refuseUnknown();
  if (rootHash.length !== 32)
    throw error({ checked: "inclusionProof.rootHash", expected: "32 bytes", got: `${rootHash.length}` });
  return { logIndex, treeSize, rootHash, hashes, ...(checkpoint === undefined ? {} : { checkpoint }) };
}

function readHash(hash: Uint8Array, error: ShapeError): Uint8Array {
  if (hash.length !== 32)
    throw error({ checked: "inclusionProof.hashes[]", expected: "32 bytes", got: `${hash.length}` });
  return hash;
}

function readCount(reader: ObjectReader, name: string, error: ShapeError): bigint {
  const count = reader.optionalInteger(name) ?? 0n;
  if (count < 0n) throw error({ checked: name, expected: "not negative", got: `${count}` });
  return count;
}

function formatProof(proof: InclusionProof): JsonObject {
  return {
    logIndex: `${proof.logIndex}`,
    rootHash: base64(proof.rootHash),
    treeSize: `${proof.treeSize}`,
    hashes: proof.hashes.map((each) => base64(each)),
    ...(proof.checkpoint === undefined ? {} : { checkpoint: { envelope: proof.checkpoint } }),
  };
}
