import { base64, parseBase64, parseUtf8, quote, TrustError } from "@countersign/core";
import { checkCheckpoint, parseSize, type LogKey, type SignedCheckpoint } from "./checkpoint.ts";
import { tlogError } from "./errors.ts";
import { checkInclusion, treeHashBytes } from "./merkle.ts";
import { maxNoteBytes, parseNote } from "./note.ts";
import { checkQuorum, type Quorum } from "./quorum.ts";

/** A proof in one text that an entry is in a log: C2SP tlog-proof, a draft whose format calls itself v1. */
export interface LogProof {
  /** Not covered by any signature. */
  readonly extra?: Uint8Array;
  readonly index: bigint;
  /** Siblings from the leaf upwards. */
  readonly path: readonly Uint8Array[];
  /** The signed checkpoint, as it came. */
  readonly checkpoint: string;
}

/** First line of the format. */
export const logProofHeader = "c2sp.org/tlog-proof@v1";
/** Most hashes that a proof can have: a tree has at most 2^64 - 1 entries. */
export const maxProofHashes = 64;
/** Longest `extra` value, in bytes. */
export const maxProofExtraBytes: number = 64 * 1024;
/** Largest proof that is parsed, in bytes. */
export const maxLogProofBytes: number = maxNoteBytes + 128 * 1024;

/** Parses a tlog-proof. Nothing is verified. Errors: TLOG_PROOF_MALFORMED, TLOG_CHECKPOINT_MALFORMED for the index, and those of `parseNote`. */
export function parseLogProof(input: string | Uint8Array): LogProof {
  if (input.length > maxLogProofBytes) throw malformed("size", `at most ${maxLogProofBytes} bytes`, `${input.length}`);
  const text = typeof input === "string" ? input : decode(input);
  const border = text.indexOf("\n\n");
  const lines = text.slice(0, Math.max(border, 0)).split("\n", maxProofHashes + 4);
  if (border < 0 || lines.shift() !== logProofHeader)
    throw malformed("first line", logProofHeader, quote(text.slice(0, 40)));
  const extra =
    lines[0]?.startsWith("extra ") === true ? parseExtra((lines.shift() ?? "").slice("extra ".length)) : undefined;
  const index = lines.shift() ?? "";
  if (!index.startsWith("index ")) throw malformed("index line", "index <decimal>", quote(index));
  if (lines.length > maxProofHashes) throw malformed("hashes", `at most ${maxProofHashes}`, "more");
  const checkpoint = text.slice(border + 2);
  parseNote(checkpoint);
  const path = lines.map((line) => parseBytes("hash", line));
  if (path.some(({ length }) => length !== treeHashBytes))
    throw malformed("hashes", `${treeHashBytes} bytes each`, "another length");
  return { ...(extra && { extra }), index: parseSize(index.slice("index ".length)), path, checkpoint };
}

/** The inverse of `parseLogProof`. Errors as there, so that no proof is made which it would refuse. */
export function formatLogProof({ extra, index, path, checkpoint }: LogProof): string {
  const extraLines = extra === undefined ? [] : [`extra ${base64(extra)}`];
  const text = [logProofHeader, ...extraLines, `index ${index}`, ...path.map(base64), "", checkpoint].join("\n");
  parseLogProof(text);
  return text;
}

/** Whom to believe about a log. */
export interface LogTrust {
  readonly log: LogKey;
  /** Left out: no witness is needed, and none is checked. */
  readonly quorum?: Quorum;
}

/**
 * Proves that the leaf is in the log, under a checkpoint that the log and enough witnesses signed.
 * Not checked: `extra`, times, and that the leaf hash is that of the entry in question.
 * Errors: those of `checkCheckpoint`, `checkQuorum` and `checkInclusion`. C2SP tlog-proof, "Verification".
 */
export function checkLogProof(proof: LogProof, leaf: Uint8Array, { log, quorum }: LogTrust): SignedCheckpoint {
  const checkpoint = checkCheckpoint(proof.checkpoint, log);
  if (quorum !== undefined) checkQuorum(checkpoint.note, quorum);
  checkInclusion({ index: proof.index, size: checkpoint.size, path: proof.path }, leaf, checkpoint.root);
  return checkpoint;
}

function parseExtra(text: string): Uint8Array {
  const extra = parseBytes("extra", text);
  if (extra.length > maxProofExtraBytes)
    throw malformed("extra", `at most ${maxProofExtraBytes} bytes`, `${extra.length}`);
  return extra;
}

function parseBytes(checked: string, text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (error) {
    throw error instanceof TrustError ? malformed(checked, "base64", quote(text), error) : error;
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (error) {
    throw error instanceof TrustError ? malformed("text", "valid UTF-8", "other bytes", error) : error;
  }
}

function malformed(checked: string, expected: string, got: string, cause?: TrustError): TrustError {
  return tlogError("TLOG_PROOF_MALFORMED", { checked, expected, got }, cause);
}
