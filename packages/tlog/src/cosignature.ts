import { concatBytes, quote, utf8, type Signer, type Verifier } from "@countersign/core";
import { parseCheckpoint } from "./checkpoint.ts";
import { tlogError } from "./errors.ts";
import { checkKeyName, keyHintOf, type NoteKey, type NoteKeyType, type SignedText } from "./key.ts";
import { maxTreeSize } from "./merkle.ts";
import { parseNote, type NoteSignature, type NoteSigner } from "./note.ts";

/** Latest time a cosignature can carry, in seconds since 1970 (C2SP tlog-cosignature, "Format"). */
export const maxCosignatureSeconds: bigint = 2n ** 63n - 1n;

/** What follows the key hint in a cosignature's line: a time in seconds since 1970, and the signature proper. */
export interface Cosignature {
  readonly timestamp: bigint;
  readonly signature: Uint8Array;
}

const timestampBytes = 8;
const cosignerTypes: ReadonlyMap<string, { readonly type: NoteKeyType; readonly signatureBytes: number }> = new Map([
  ["ed25519", { type: "cosignature-ed25519", signatureBytes: 64 }],
  ["ml-dsa-44", { type: "cosignature-ml-dsa-44", signatureBytes: 2420 }],
]);

/**
 * The note key of a witness: Ed25519 (type 0x04) or ML-DSA-44 (type 0x06). A good signature says that at its time the
 * checkpoint was the largest consistent one of its log that the witness had seen; the time itself is not checked against any clock.
 * Errors: TLOG_KEY_MALFORMED (name), TLOG_KEY_UNSUPPORTED. C2SP tlog-cosignature.
 */
export function cosignerKey({ name, verifier }: { readonly name: string; readonly verifier: Verifier }): NoteKey {
  const { type } = cosignerType(verifier.algorithm.name);
  return {
    name: checkKeyName(name),
    keyHint: keyHintOf(name, type, verifier.spki),
    type,
    verifier,
    verify(signed, bytes) {
      const { timestamp, signature } = parseCosignature(bytes, type);
      return verifier.verify(cosignedMessage({ name, type, timestamp }, signed), signature) ? { timestamp } : undefined;
    },
  };
}

/** A witness that signs notes at the time that `nowSeconds` gives. Does not check that checkpoints are consistent: that is the caller's promise. Errors as `cosignerKey`. */
export function cosignerSigner({
  name,
  signer,
  nowSeconds,
}: {
  name: string;
  signer: Signer;
  nowSeconds: () => bigint;
}): NoteSigner {
  const { type } = cosignerType(signer.algorithm.name);
  const sign = async (text: string): Promise<Uint8Array> => {
    const timestamp = nowSeconds();
    const message = cosignedMessage({ name, type, timestamp }, { text, bytes: utf8(text) });
    return formatCosignature({ timestamp, signature: await signer.sign({ message }) });
  };
  return { name: checkKeyName(name), keyHint: keyHintOf(name, type, signer.spki), sign };
}

/** The witness's signature line for the checkpoint in a signed note; none of the note's own signatures is checked. Errors: those of `parseNote` and `parseCheckpoint`. */
export async function cosign(signedNote: string, witness: NoteSigner): Promise<NoteSignature> {
  const { text } = parseNote(signedNote);
  parseCheckpoint(text);
  return { name: witness.name, keyHint: witness.keyHint, signature: await witness.sign(text) };
}

/** Takes a cosignature apart; its length must be that of the type. Error: TLOG_COSIGNATURE_MALFORMED. */
export function parseCosignature(bytes: Uint8Array, type: NoteKeyType): Cosignature {
  const shape = [...cosignerTypes.values()].find((known) => known.type === type);
  if (bytes.length !== timestampBytes + (shape?.signatureBytes ?? Number.NaN)) {
    throw tlogError("TLOG_COSIGNATURE_MALFORMED", { checked: type, got: `${bytes.length} bytes` });
  }
  const timestamp = new DataView(bytes.buffer, bytes.byteOffset, timestampBytes).getBigUint64(0);
  checkTimestamp(timestamp);
  return { timestamp, signature: bytes.subarray(timestampBytes) };
}

/** The inverse of `parseCosignature`. Error: TLOG_COSIGNATURE_MALFORMED. */
export function formatCosignature({ timestamp, signature }: Cosignature): Uint8Array {
  checkTimestamp(timestamp);
  return concatBytes(uint64(timestamp), signature);
}

/** What a subtree cosignature covers (C2SP tlog-cosignature, "ML-DSA-44 signatures"). */
export interface CosignedSubtree {
  /** Name of the cosigner. */
  readonly name: string;
  /** Seconds since 1970; 0 unless the subtree is a whole tree. */
  readonly timestamp: bigint;
  readonly origin: string;
  readonly start: bigint;
  readonly end: bigint;
  readonly hash: Uint8Array;
}

/** The bytes that an ML-DSA-44 cosigner signs. Errors: TLOG_COSIGNATURE_MALFORMED for names over 255 bytes, a time on a partial subtree, numbers out of range. */
export function subtreeMessage({ name, timestamp, origin, start, end, hash }: CosignedSubtree): Uint8Array {
  checkTimestamp(timestamp);
  if (start < 0n || start > end || end > maxTreeSize || (start !== 0n && timestamp !== 0n)) {
    throw tlogError("TLOG_COSIGNATURE_MALFORMED", {
      checked: "subtree",
      got: `${start} to ${end} at time ${timestamp}`,
    });
  }
  const numbers = concatBytes(uint64(start), uint64(end));
  return concatBytes(utf8("subtree/v1\n\0"), shortString(name), uint64(timestamp), shortString(origin), numbers, hash);
}

interface CosignerClaim {
  readonly name: string;
  readonly type: NoteKeyType;
  readonly timestamp: bigint;
}

/** Ed25519 covers the whole text with its extension lines but not the cosigner's name; ML-DSA-44 the name but no extension lines. */
function cosignedMessage({ name, type, timestamp }: CosignerClaim, { text, bytes }: SignedText): Uint8Array {
  if (type === "cosignature-ed25519") return concatBytes(utf8(`cosignature/v1\ntime ${timestamp}\n`), bytes);
  const { origin, size, root } = parseCheckpoint(text);
  return subtreeMessage({ name, timestamp, origin, start: 0n, end: size, hash: root });
}

function cosignerType(algorithm: string): { readonly type: NoteKeyType } {
  const known = cosignerTypes.get(algorithm);
  if (known === undefined)
    throw tlogError("TLOG_KEY_UNSUPPORTED", { checked: "cosigner", expected: "ed25519 or ml-dsa-44", got: algorithm });
  return known;
}

function checkTimestamp(timestamp: bigint): void {
  if (timestamp >= 0n && timestamp <= maxCosignatureSeconds) return;
  throw tlogError("TLOG_COSIGNATURE_MALFORMED", {
    checked: "time",
    expected: "seconds from 0 to 2^63 - 1",
    got: `${timestamp}`,
  });
}

function shortString(text: string): Uint8Array {
  const bytes = utf8(text);
  if (bytes.length > 255)
    throw tlogError("TLOG_COSIGNATURE_MALFORMED", {
      checked: quote(text),
      expected: "at most 255 bytes",
      got: `${bytes.length}`,
    });
  return concatBytes(Uint8Array.of(bytes.length), bytes);
}

function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}
