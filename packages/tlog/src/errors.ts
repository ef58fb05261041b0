import { catalogue, type CatalogueEntry, type ErrorMaker } from "@countersign/core";

const tlogEntries = {
  TLOG_NOTE_MALFORMED: {
    kind: "malformed",
    says: "not a signed note",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_NOTE_TOO_LARGE: {
    kind: "malformed",
    says: "signed note is larger than the limit",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_NOTE_UNSIGNED: {
    kind: "untrusted",
    says: "no signature of the note was made by a known key",
    fix: "check that the keys you trust are those of this log or witness",
  },
  TLOG_SIGNATURE_BAD: {
    kind: "untrusted",
    says: "a known key's signature on the note does not verify",
    fix: "do not rely on this log entry; keep the file and tell the log's operator",
  },
  TLOG_KEY_MALFORMED: {
    kind: "malformed",
    says: "not a note key",
    fix: "copy the key again from where its owner publishes it",
  },
  TLOG_KEY_UNSUPPORTED: {
    kind: "malformed",
    says: "note key of a type that is not supported",
    fix: "use an Ed25519, ECDSA, RSA or ML-DSA-44 key, with the note signature type that goes with it",
  },
  TLOG_KEY_ID_MISMATCH: {
    kind: "malformed",
    says: "the key's id is not the hash of its name and key",
    fix: "copy the key again from where its owner publishes it; name, id and key must come from one line",
  },
  TLOG_CHECKPOINT_MALFORMED: {
    kind: "malformed",
    says: "not a checkpoint",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_CHECKPOINT_NO_SIGNATURE: {
    kind: "untrusted",
    says: "the checkpoint has no signature line in the log's name",
    fix: "check that the checkpoint and the trusted key belong to the same log",
  },
  TLOG_CHECKPOINT_KEY_HINT: {
    kind: "untrusted",
    says: "the checkpoint's signature in the log's name was made by another key",
    fix: "check that the trusted key is the one that this log uses",
  },
  TLOG_CHECKPOINT_ORIGIN: {
    kind: "untrusted",
    says: "the checkpoint is of another log",
    fix: "check which log the entry should be in",
  },
  TLOG_PROOF_MALFORMED: {
    kind: "malformed",
    says: "not a log proof",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_PROOF_RANGE: {
    kind: "malformed",
    says: "index or size out of range",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_PROOF_LENGTH: {
    kind: "malformed",
    says: "proof has the wrong number of hashes for its index and size",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_ROOT_MISMATCH: {
    kind: "untrusted",
    says: "the proof does not lead to the log's root",
    fix: "do not rely on this log entry; keep the file and tell the log's operator",
  },
  TLOG_TILE_PATH: {
    kind: "malformed",
    says: "not the path of a tile",
    fix: "ask for tiles by the paths that C2SP tlog-tiles defines",
  },
  TLOG_TILE_MALFORMED: {
    kind: "malformed",
    says: "tile or entry bundle has the wrong form",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_TILE_RANGE: {
    kind: "usage",
    says: "the tree has no such tile",
    fix: "ask only for tiles that the checkpoint's size implies",
  },
  TLOG_TILE_MISMATCH: {
    kind: "untrusted",
    says: "the tile is not part of the tree that the checkpoint commits to",
    fix: "do not rely on this log entry; keep the file and tell the log's operator",
  },
  TLOG_ENTRY_MISMATCH: {
    kind: "untrusted",
    says: "an entry is not the one that the log's tree commits to",
    fix: "do not rely on this log entry; keep the file and tell the log's operator",
  },
  TLOG_COSIGNATURE_MALFORMED: {
    kind: "malformed",
    says: "not a cosignature",
    fix: "get the file again from its source; if it comes back the same, tell the log's operator",
  },
  TLOG_QUORUM_INVALID: {
    kind: "usage",
    says: "the quorum can never be met as written",
    fix: "ask for at least one witness and at most as many as are listed, each with its own name and key",
  },
  TLOG_WITNESS_POLICY_MALFORMED: {
    kind: "usage",
    says: "not a policy of logs and witnesses",
    fix: "write lines of log, witness, group and one quorum, as the C2SP tlog-policy specification has them",
  },
  TLOG_QUORUM_UNMET: {
    kind: "untrusted",
    says: "too few witnesses have seen this checkpoint",
    fix: "fetch the checkpoint again later, when more witnesses have signed it",
  },
} as const;

/** The catalogue of this package, for docs/errors.md. */
export const tlogErrors: Readonly<Record<string, CatalogueEntry>> = tlogEntries;
/** Makes an error of this package's catalogue. */
export const tlogError: ErrorMaker<typeof tlogEntries> = catalogue(tlogEntries);
