import { quote } from "@countersign/core";
import { tlogError } from "./errors.ts";
import { isSameKey, type NoteKey } from "./key.ts";
import { goodSignatures, type Note, type VerifiedSignature } from "./note.ts";

/** How many of which witnesses must have signed a checkpoint. */
export interface Quorum {
  readonly witnesses: readonly NoteKey[];
  readonly threshold: number;
}

/**
 * Makes a quorum: at least one and at most all of the witnesses. A key listed twice is one witness.
 * The same public key under two names, or two keys of one type under one name, is refused: it would let one witness count twice.
 * Error: TLOG_QUORUM_INVALID. C2SP tlog-policy (draft), "Witnesses".
 */
export function makeQuorum(threshold: number, keys: readonly NoteKey[]): Quorum {
  const witnesses = keys.filter((key, i) => !keys.slice(0, i).some((before) => isSameKey(before, key)));
  for (const [i, key] of witnesses.entries()) {
    const twin = witnesses
      .slice(0, i)
      .find((before) => before.verifier.keyid === key.verifier.keyid || before.name === key.name);
    if (twin !== undefined)
      throw tlogError("TLOG_QUORUM_INVALID", { checked: quote(key.name), got: "a name or key that is listed already" });
  }
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= witnesses.length) return { witnesses, threshold };
  throw tlogError("TLOG_QUORUM_INVALID", { expected: `1 to ${witnesses.length} witnesses`, got: `${threshold}` });
}

/**
 * Proves that enough different witnesses signed the note, and gives back one signature of each that did.
 * Not checked: their times, and that the log itself signed (`checkCheckpoint`). Errors: TLOG_SIGNATURE_BAD, TLOG_COSIGNATURE_MALFORMED, TLOG_QUORUM_UNMET.
 */
export function checkQuorum(note: Note, quorum: Quorum): readonly VerifiedSignature[] {
  const seen = goodSignatures(note, quorum.witnesses);
  if (seen.length >= quorum.threshold) return seen;
  throw tlogError("TLOG_QUORUM_UNMET", {
    expected: `${quorum.threshold} of ${quorum.witnesses.length}`,
    got: `${seen.length}`,
  });
}
