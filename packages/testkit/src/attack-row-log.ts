/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { createHash } from "node:crypto";
import { base64, concatBytes } from "@countersign/core";
import {
  checkpointText,
  formatSignedNote,
  hashedRekordBody002,
  makeKeyPair,
  makeWitness,
  noteKeyId,
  signNoteText,
  type CheckpointOptions,
  type EntryJson,
  type TrustedLog,
  type TrustedWindow,
} from "@countersign/local-sigstore";
import { after, forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { makeEvidence, type Evidence, type Plan } from "./evidence.ts";
import type { Loose } from "./json.ts";

/** Where the log entries of a bundle stand. */
export const entriesPath = "verificationMaterial.tlogEntries";
const entry = `${entriesPath}.0`;
const proof = `${entry}.inclusionProof`;
const envelope = `${proof}.checkpoint.envelope`;
const v1: Plan = { entry: "hashedrekord 0.0.1" };
const seconds = (at: number): number => after(at).getTime() / 1000;

/** S6: windows of log keys. */
export function rowS6(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S6",
    "@sigstore/verify 4.1.3 and sigstore-go look at the window for promises only (probe P3)",
  );
  const { rekor, rekorV1 } = stage.a;
  const windowed = (log: TrustedLog, validFor: TrustedWindow, expect = "SIGSTORE_LOG_WINDOW"): Departure => ({
    expect,
    root: { logs: [{ ...log, validFor }] },
  });
  const past = { start: after(-86_400_000), end: after(-80_000_000) };
  const v2 = makeEvidence(stage.a);
  const promised = makeEvidence(stage.a, v1);
  const checkpointLater = makeEvidence(stage.a, {
    ...v1,
    proof: { checkpoint: { extensions: [`Timestamp: ${after(3600).getTime()}000000`] } },
  });
  const malformed = "SIGSTORE_TRUST_ROOT_WINDOW";
  const withoutPromise = makeEvidence(stage.a, { ...v1, proof: { withoutPromise: true }, stamps: [{}] });
  return [
    make("v2-past", "Rekor v2 key that ended years ago", v2, windowed(rekor.trusted, past)),
    make(
      "v2-ended",
      "Rekor v2 key that ended a second before",
      v2,
      windowed(rekor.trusted, { start: after(-100), end: after(-1) }),
    ),
    make("v2-not-begun", "Rekor v2 key that begins a second later", v2, windowed(rekor.trusted, { start: after(1) })),
    make("v1-past", "Rekor v1 key that ended years ago", promised, windowed(rekorV1.trusted, past)),
    make(
      "v1-not-begun",
      "Rekor v1 key that begins a second later",
      promised,
      windowed(rekorV1.trusted, { start: after(1) }),
    ),
    make(
      "v1-no-promise",
      "Rekor v1 key that had ended at the timestamp's time, no promise",
      withoutPromise,
      windowed(rekorV1.trusted, past),
    ),
    make(
      "v1-checkpoint",
      "Rekor v1 key that ended between the promise and the checkpoint",
      checkpointLater,
      windowed(rekorV1.trusted, { start: after(-60), end: after(600) }),
    ),
    make(
      "key-no-time",
      "no time in the evidence of a managed key, and the log's key has ended by now",
      makeEvidence(stage.a, { managed: makeKeyPair("p256") }),
      windowed(rekor.trusted, { start: after(-60), end: after(600) }),
    ),
    make("control-edges", "the signature at the first and last instant of the window", v2, {
      ...windowed(rekor.trusted, { start: after(0), end: after(0) }, "ok"),
      control: true,
    }),
    make("no-start", "window of a log without a start", v2, windowed(rekor.trusted, { end: after(600) }, malformed)),
    make("no-start-ct", "window of a CT log without a start", v2, {
      expect: malformed,
      root: { ctLogs: [{ ...stage.a.ctLog.trusted, validFor: {} }] },
    }),
    make("no-start-ca", "window of an authority without a start", v2, {
      expect: malformed,
      root: { cas: [{ ...stage.a.ca.trusted, validFor: {} }] },
    }),
    make("no-window-tsa", "timestamp authority without a window", v2, {
      expect: malformed,
      rootEdits: [["timestampAuthorities.0.validFor", undefined]],
      source: "@sigstore/verify 4.1.3 accepts (probes P21 to P23)",
    }),
    make(
      "reversed",
      "window that ends before it starts",
      v2,
      windowed(rekor.trusted, { start: after(60), end: after(-60) }, malformed),
    ),
  ];
}

/** S7: checkpoints that are not the log's. */
export function rowS7(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S7",
    "@sigstore/verify 4.1.3 takes a checkpoint name that is part of the log's URL (probe P6)",
  );
  const { rekor, rekorV1 } = stage.a;
  const checkpoint: Departure = { expect: "SIGSTORE_LOG_CHECKPOINT" };
  // Nothing is logged after these two, so that other checkpoints are over the same tree.
  const [newer, older] = [makeEvidence(stage.a), makeEvidence(stage.a, v1)];
  const v2 = (slug: string, about: string, how: CheckpointOptions, departure = checkpoint): Attack =>
    make(slug, about, newer, { ...departure, edits: [[envelope, rekor.checkpoint(how)]] });
  const old = (slug: string, about: string, how: CheckpointOptions, departure = checkpoint): Attack =>
    make(`v1-${slug}`, `Rekor v1: ${about}`, older, { ...departure, edits: [[envelope, rekorV1.checkpoint(how)]] });
  const { rekor: evil } = stage.twin;
  const witness = makeWitness({ name: "witness.test", now: () => stage.a.now });
  const bad = (text: string) => [{ ...signNoteText(text, rekor.origin, rekor.key), signature: new Uint8Array(64) }];
  const name = rekor.origin;
  return [
    v2(
      "control-witness",
      "cosigned by an unknown witness, the log's line last",
      { witnesses: [witness], ownLine: "last" },
      { expect: "ok", control: true },
    ),
    v2("other-name", "signed under another name", { name: "log.evil.test" }),
    v2("name-letter", "signed under one letter of the log's name", { name: name.slice(0, 1) }),
    v2("name-part", "signed under a part of the log's name", { name: name.slice(0, -5) }),
    v2("name-longer", "signed under a longer name", { name: `${name}.evil` }),
    v2("name-case", "signed under the name in upper case", { name: name.toUpperCase() }),
    v2("other-origin", "origin of another log over the log's own signature", { origin: "log.b.test" }),
    v2("origin-with-tree", "origin in the dialect of Rekor v1", { origin: `${name} - 123` }),
    v2("other-key", "signed with another key under the log's name", { key: evil.key }),
    v2("other-key-hint", "signed with another key under the log's name and key hint", {
      key: evil.key,
      keyHint: noteKeyId(name, rekor.key).subarray(0, 4),
    }),
    v2("other-log", "checkpoint of another known log", { name: rekorV1.name, key: rekorV1.key }),
    v2("hint", "right key, wrong key hint", { keyHint: Uint8Array.of(1, 2, 3, 4) }),
    v2("only-witness", "signed by a witness only", { ownLine: "absent", witnesses: [witness] }),
    v2("bad-beside-good", "bad signature of the log before its good one", { ownLine: "last", extraLines: bad }),
    v2("other-root", "root of another tree", { root: new Uint8Array(32) }, { expect: "SIGSTORE_LOG_INCLUSION" }),
    v2("size-text", "size that is not a number", { size: "5 " }),
    v2("size-leading-zero", "size with a leading zero", { size: "05" }),
    v2("size-huge", "size beyond 64 bits", { size: "18446744073709551616" }),
    old("control", "checkpoint of the log", {}, { expect: "ok", control: true }),
    old("other-name", "signed under another name", { name: "rekor.evil.test" }),
    old("name-part", "signed under a part of the log's name", { name: "rekor" }),
    old("origin-no-tree", "origin without a tree id", { origin: rekorV1.name }, { expect: "ok", control: true }),
    old("origin-other", "origin of another log", { origin: "rekor.b.test - 123" }),
    old("origin-longer", "origin whose host goes on", { origin: `${rekorV1.name}.evil - 123` }),
    old("origin-tree-text", "origin with a tree id that is no number", { origin: `${rekorV1.name} - evil` }),
    old("other-key", "signed with another key", { key: stage.twin.rekorV1.key }),
    old("other-key-hint", "signed with another key under the log's key hint", {
      key: stage.twin.rekorV1.key,
      keyHint: rekorV1.logId.subarray(0, 4),
    }),
    old("hint", "right key, wrong key hint", { keyHint: Uint8Array.of(1, 2, 3, 4) }),
  ];
}

/** S8: entries that nothing proves to be in a log. */
export function rowS8(stage: Stage): Attack[] {
  const make = forge(stage, "S8", "sigstore-browser 0.1.12 accepts all three variants of this row");
  const noPromise = `${entry}.inclusionPromise`;
  const old = makeEvidence(stage.a, v1);
  const oldest = makeEvidence(stage.a, { ...v1, version: "0.1" });
  const v2 = makeEvidence(stage.a);
  const missing = "SIGSTORE_BUNDLE_PROOF_MISSING";
  const oneLeaf: [string, Loose][] = [
    [`${proof}.hashes`, []],
    [`${proof}.treeSize`, "1"],
    [`${proof}.logIndex`, "0"],
  ];
  const made = madeUpTree(stage, v2);
  const hashes =
    (v2.json["verificationMaterial"] as unknown as { tlogEntries: EntryJson[] }).tlogEntries[0]?.inclusionProof
      .hashes ?? [];
  const promiseOfOther = makeEvidence(stage.a, { ...v1, version: "0.1" }).json["verificationMaterial"] as unknown as {
    tlogEntries: EntryJson[];
  };
  return [
    make("no-promise-no-checkpoint", "no promise, proof without checkpoint", old, {
      expect: missing,
      edits: [
        [noPromise, undefined],
        [`${proof}.checkpoint`, undefined],
      ],
    }),
    make("one-leaf-no-checkpoint", "no promise, made-up proof of one leaf without checkpoint", old, {
      expect: missing,
      edits: [[noPromise, undefined], [`${proof}.checkpoint`, undefined], ...oneLeaf],
    }),
    make("no-promise-other-time", "no promise, changed integratedTime", old, {
      expect: "SIGSTORE_TOO_FEW_TIMES",
      edits: [
        [noPromise, undefined],
        [`${entry}.integratedTime`, String(seconds(300))],
      ],
    }),
    make("one-leaf", "made-up proof of one leaf with an honest checkpoint", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: oneLeaf,
    }),
    make("own-tree", "made-up tree with a checkpoint of the attacker's key", v2, {
      expect: "SIGSTORE_LOG_CHECKPOINT",
      edits: [...oneLeaf, [`${proof}.checkpoint.envelope`, made]],
    }),
    make("v01-no-promise", "version 0.1 without a promise", oldest, {
      expect: missing,
      edits: [[noPromise, undefined]],
    }),
    make("v01-nothing", "version 0.1 without promise and proof", oldest, {
      expect: missing,
      edits: [
        [noPromise, undefined],
        [proof, undefined],
      ],
    }),
    make("v01-promise-only", "version 0.1 with a promise only", oldest, {
      expect: "ok",
      edits: [[proof, undefined]],
      claims: { logs: [{ proof: "promise" }] },
    }),
    make("v01-bad-proof", "version 0.1 with a good promise and a proof that does not hold", oldest, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: oneLeaf,
    }),
    make("v01-other-time", "version 0.1 with a promise and a changed integratedTime", oldest, {
      expect: "SIGSTORE_LOG_PROMISE",
      edits: [[`${entry}.integratedTime`, String(seconds(300))]],
    }),
    make("v01-other-index", "version 0.1 with a promise and a changed logIndex", oldest, {
      expect: "SIGSTORE_LOG_PROMISE",
      edits: [[`${entry}.logIndex`, "1"]],
    }),
    make("other-promise", "promise of another entry", old, {
      expect: "SIGSTORE_LOG_PROMISE",
      edits: [[noPromise, promiseOfOther.tlogEntries[0]?.inclusionPromise as unknown as Loose]],
    }),
    make("no-entry", "no log entry at all", v2, { expect: "SIGSTORE_TOO_FEW_LOG_ENTRIES", edits: [[entriesPath, []]] }),
    make("no-entry-waived", "no log entry, and the instance's own policy asks for none", v2, {
      expect: "ok",
      edits: [[entriesPath, []]],
      require: { logEntries: 0 },
    }),
    make("waived-bad-proof", "a proof that does not hold where no entry is asked for", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: oneLeaf,
      require: { logEntries: 0 },
    }),
    make("index-out", "index beyond the tree", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: [[`${proof}.logIndex`, "9007199254740993"]],
    }),
    make("hash-more", "proof with a hash too many", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: [[`${proof}.hashes`, [...hashes, base64(new Uint8Array(32))]]],
    }),
    make("hash-less", "proof with a hash too few", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: [[`${proof}.hashes`, hashes.slice(1)]],
    }),
    make("unknown-log", "entry of an unknown log", makeEvidence({ ...stage.a, rekor: stage.b.rekor }), {
      expect: "SIGSTORE_LOG_UNKNOWN",
    }),
  ];
}

// A checkpoint under the log's name over a tree of one leaf: what an attacker without the log's key can make.
function madeUpTree({ a, twin }: Stage, { signed }: Evidence): string {
  const leaf = concatBytes(Uint8Array.of(0), hashedRekordBody002(signed));
  const text = checkpointText({ origin: a.rekor.origin, size: 1, root: createHash("sha256").update(leaf).digest() });
  return formatSignedNote(text, [
    { ...signNoteText(text, a.rekor.origin, twin.rekor.key), keyHint: a.rekor.logId.subarray(0, 4) },
  ]);
}
