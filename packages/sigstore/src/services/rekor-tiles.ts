import { base64, quote, TrustError, type JsonObject } from "@countersign/core";
import {
  checkCheckpoint,
  checkEntryBundle,
  formatTilePath,
  fullWidth,
  noteKey,
  noteKeyId,
  openTree,
  proveInclusion,
  tileWidth,
  treeHashBytes,
  type SignedCheckpoint,
  type TileReader,
} from "@countersign/tlog";
import { sigstoreError } from "../errors.ts";
import { apiUrl, send, type Caller } from "../request.ts";
import type { Log } from "../trust-root.ts";

/** How long a checkpoint, tile or bundle of entries may take, in milliseconds. */
export const tileTimeoutMs = 20_000;
/** The largest bundle of entries: 256 of the longest, in bytes (C2SP tlog-tiles). */
export const maxEntryBundleBytes: number = 256 * (2 + 65_535);

/** How often a log is read: an entry that has just come may not be in a checkpoint yet, and partial tiles become full ones. */
const maxReads = 4;
/** The wait before the second reading, in milliseconds; that before the third is twice as long, and so on. */
const readWaitMs = 2000;

/** A log that is read. */
export interface ReadLog {
  /** Base URL, under which `/api/v2` is. */
  readonly url: string;
  /** Those that it may be. */
  readonly known: readonly Log[];
}

/**
 * The entry that a Rekor v2 log has at an index, as a `TransparencyLogEntry`, with a proof that is made from the log's
 * checkpoint and tiles (C2SP tlog-tiles). Proves that one of the known logs has signed the checkpoint and that the entry is in
 * its tree, not what the entry is about. Throws SIGSTORE_REKOR_DUPLICATE if the log cannot be read or shows another tree.
 */
export async function fetchEntry(caller: Caller, log: ReadLog, index: bigint): Promise<JsonObject> {
  for (let tries = 1; ; tries++) {
    try {
      return await proveEntry(caller, log, index);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      if (tries === maxReads || caller.signal?.aborted === true)
        throw sigstoreError("SIGSTORE_REKOR_DUPLICATE", { checked: `entry ${index}`, got: error.message }, error);
      await caller.sleep(readWaitMs * tries, caller.signal);
    }
  }
}

async function proveEntry(caller: Caller, log: ReadLog, index: bigint): Promise<JsonObject> {
  const read = (path: string, maxBytes: number): Promise<Uint8Array> => fetchFile(caller, apiUrl(log.url, `/api/v2/${path}`), maxBytes); // prettier-ignore
  const envelope = new TextDecoder().decode(await read("checkpoint", maxCheckpointBytes));
  const { checkpoint, logId } = checkSigned(envelope, log.known);
  const readTile: TileReader = (level, at, width) =>
    read(formatTilePath({ level, index: at, width }), width * treeHashBytes);
  const tree = await openTree(checkpoint, readTile);
  const { path } = await proveInclusion(tree, index, readTile);
  const bundle = index / BigInt(fullWidth);
  const width = tileWidth(tree.size, "entries", bundle);
  const bytes = await read(formatTilePath({ level: "entries", index: bundle, width }), maxEntryBundleBytes);
  const entries = await checkEntryBundle(tree, { index: bundle, bytes }, readTile);
  return {
    logIndex: `${index}`,
    logId: { keyId: base64(logId) },
    kindVersion: { kind: "hashedrekord", version: "0.0.2" },
    inclusionProof: {
      logIndex: `${index}`,
      rootHash: base64(tree.root),
      treeSize: `${tree.size}`,
      hashes: path.map(base64),
      checkpoint: { envelope },
    },
    canonicalizedBody: base64(entries[Number(index % BigInt(fullWidth))] as Uint8Array),
  };
}

/** The largest checkpoint with its cosignatures, in bytes. */
const maxCheckpointBytes = 64 * 1024;

interface Signed {
  readonly checkpoint: SignedCheckpoint;
  readonly logId: Uint8Array;
}

/** The first of the logs that has signed a checkpoint; if none has, the error of the last one. */
function checkSigned(envelope: string, known: readonly Log[]): Signed {
  let problem: unknown = sigstoreError("SIGSTORE_LOG_UNKNOWN", { got: quote(envelope.split("\n")[0] ?? "") });
  for (const { origin, verifier, logId } of known) {
    try {
      const checkpoint = checkCheckpoint(envelope, { name: origin, verifier, dialect: "c2sp" });
      const { type } = noteKey({ name: origin, verifier });
      // A trust root may give the four bytes only; a bundle has the whole id, as the log itself would have answered.
      return { checkpoint, logId: logId.length === 32 ? logId : noteKeyId(origin, type, verifier.spki) };
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}

async function fetchFile(caller: Caller, url: string, maxBytes: number): Promise<Uint8Array> {
  const { body } = await send(caller, { method: "GET", url, headers: {}, timeoutMs: tileTimeoutMs, maxBytes });
  return body;
}
