import { attempt, base64, equalBytes, hex, parseBase64, quote, type Verifier } from "@countersign/core";
import { tlogError } from "./errors.ts";
import { noteKey } from "./key.ts";
import { emptyRoot, maxTreeSize, treeHashBytes } from "./merkle.ts";
import { checkNote, parseNote, type Note } from "./note.ts";

/** What a log commits to (C2SP tlog-checkpoint). */
export interface Checkpoint {
  readonly origin: string;
  readonly size: bigint;
  readonly root: Uint8Array;
  /** Further lines, which no proof covers. */
  readonly extensions: readonly string[];
}

/** A checkpoint that the log has signed, and the note that it came in. */
export interface SignedCheckpoint extends Checkpoint {
  /** Its other signatures, those of witnesses, are not verified: pass it to `checkNote` or `checkQuorum`. */
  readonly note: Note;
}

/** The log that a checkpoint must come from. */
export interface LogKey {
  /** The name in the log's signature line. */
  readonly name: string;
  readonly verifier: Verifier;
  /** `c2sp`: the origin is the name. `rekor-v1`: the origin is `<name> - <tree ID in decimal>`, or the name alone but for Ed25519 keys. */
  readonly dialect: "c2sp" | "rekor-v1";
  /** Only c2sp: the exact origin of a log that signs under another name. */
  readonly origin?: string;
}

/** Parses the text of a checkpoint. Nothing is verified. Error: TLOG_CHECKPOINT_MALFORMED. C2SP tlog-checkpoint, "Note text". */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin = "", size = "", root = "", ...extensions] = text.split("\n");
  if (origin === "") throw tlogError("TLOG_CHECKPOINT_MALFORMED", "the origin line is empty");
  if (extensions.pop() !== "" || extensions.includes("")) {
    throw tlogError("TLOG_CHECKPOINT_MALFORMED", "a line is empty or missing, or the last one has no newline");
  }
  return { origin, size: parseSize(size), root: parseRoot(root), extensions };
}

/** The inverse of `parseCheckpoint`. Error: TLOG_CHECKPOINT_MALFORMED, so that no checkpoint is made which it would refuse. */
export function formatCheckpoint({ origin, size, root, extensions }: Checkpoint): string {
  const text = [origin, `${size}`, base64(root), ...extensions, ""].join("\n");
  const again = parseCheckpoint(text);
  if (again.origin === origin && again.extensions.length === extensions.length) return text;
  throw tlogError("TLOG_CHECKPOINT_MALFORMED", "origin or an extension has a newline in it");
}

/**
 * Proves that this log signed the checkpoint, and gives it back parsed. The log's line may stand anywhere among the signature lines; unknown ones are passed over.
 * Not checked: cosignatures, how old it is, and that it agrees with other checkpoints of the log.
 * Errors: those of `parseNote`, TLOG_CHECKPOINT_NO_SIGNATURE, TLOG_CHECKPOINT_KEY_HINT, TLOG_SIGNATURE_BAD, TLOG_CHECKPOINT_MALFORMED,
 * TLOG_CHECKPOINT_ORIGIN, TLOG_ROOT_MISMATCH (an empty tree with another root than the empty one). C2SP tlog-checkpoint.
 */
export function checkCheckpoint(signedNote: string | Uint8Array, log: LogKey): SignedCheckpoint {
  const note = parseNote(signedNote);
  const key = noteKey(log);
  const named = note.signatures.filter(({ name }) => name === key.name);
  if (named.length === 0)
    throw tlogError("TLOG_CHECKPOINT_NO_SIGNATURE", { expected: quote(key.name), got: listNames(note) });
  const own = named.filter(({ keyHint }) => equalBytes(keyHint, key.keyHint));
  if (own.length === 0) {
    const got = named.map(({ keyHint }) => hex(keyHint)).join(" ");
    throw tlogError("TLOG_CHECKPOINT_KEY_HINT", { checked: quote(key.name), expected: hex(key.keyHint), got });
  }
  checkNote({ text: note.text, signatures: own }, [key]);
  const checkpoint = parseCheckpoint(note.text);
  checkOrigin(checkpoint.origin, log);
  checkEmpty(checkpoint);
  return { ...checkpoint, note };
}

function checkOrigin(origin: string, log: LogKey): void {
  if (log.dialect === "c2sp" ? origin === (log.origin ?? log.name) : isRekorOrigin(origin, log)) return;
  const expected =
    log.dialect === "c2sp"
      ? quote(log.origin ?? log.name)
      : `${quote(log.name)}, alone or with " - <tree ID>" after it`;
  throw tlogError("TLOG_CHECKPOINT_ORIGIN", { expected, got: quote(origin) });
}

// Rekor v1 writes its tree ID; logs of one tree that speak its protocol may not (sigstore-conformance has one). With an
// Ed25519 key a name alone is how Rekor v2 begins, in whose trees no entry of v1 has a place.
function isRekorOrigin(origin: string, { name, verifier }: LogKey): boolean {
  if (origin === name) return verifier.algorithm.family !== "ed25519";
  return origin.startsWith(`${name} - `) && /^[0-9]{1,20}$/.test(origin.slice(name.length + 3));
}

function checkEmpty({ size, root }: Checkpoint): void {
  if (size === 0n && !equalBytes(root, emptyRoot)) {
    throw tlogError("TLOG_ROOT_MISMATCH", {
      checked: "a checkpoint of size 0",
      expected: hex(emptyRoot),
      got: hex(root),
    });
  }
}

/** Parses a tree size or index as checkpoints and proofs write it: ASCII decimal, no leading zeros, below 2^64. Error: TLOG_CHECKPOINT_MALFORMED. */
export function parseSize(text: string): bigint {
  const size = /^(?:0|[1-9][0-9]{0,19})$/.test(text) ? BigInt(text) : -1n;
  if (size >= 0n && size <= maxTreeSize) return size;
  throw tlogError("TLOG_CHECKPOINT_MALFORMED", {
    checked: "number",
    expected: "decimal below 2^64 without leading zeros",
    got: quote(text),
  });
}

function parseRoot(text: string): Uint8Array {
  const root = attempt(() => parseBase64(text));
  if (root?.length === treeHashBytes) return root;
  throw tlogError("TLOG_CHECKPOINT_MALFORMED", {
    checked: "root hash",
    expected: `base64 of ${treeHashBytes} bytes`,
    got: quote(text),
  });
}

function listNames(note: Note): string {
  return note.signatures
    .slice(0, 4)
    .map(({ name }) => quote(name))
    .join(", ");
}
