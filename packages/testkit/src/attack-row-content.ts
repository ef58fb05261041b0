/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { createHash } from "node:crypto";
import { base64, utf8 } from "@countersign/core";
import { makeKeyPair, signWith } from "@countersign/local-sigstore";
import { forge, type Attack, type Stage } from "./attack-vector.ts";
import { artifactBytes, makeEvidence, statementOf, type EntryKind, type Plan } from "./evidence.ts";

const other = utf8("another tarball\n");
const envelopes: readonly [slug: string, plan: Plan][] = [
  ["v2", { content: "envelope" }],
  ["v2-dsse", { content: "envelope", entry: "dsse 0.0.2" }],
  ["v1-dsse", { content: "envelope", entry: "dsse 0.0.1" }],
  ["v1-intoto", { content: "envelope", entry: "intoto 0.0.2" }],
];
const messages: readonly [slug: string, entry: EntryKind][] = [
  ["v2", "hashedrekord 0.0.2"],
  ["v1", "hashedrekord 0.0.1"],
];

/** S1: evidence for one artifact, offered for another. */
export function rowS1(stage: Stage): Attack[] {
  const make = forge(stage, "S1", "@sigstore/verify 4.1.3 accepts attestations of other artifacts (probe P1)");
  const mismatch = "SIGSTORE_SUBJECT_MISMATCH";
  return [
    ...envelopes.flatMap(([slug, plan]) => {
      const evidence = makeEvidence(stage.a, plan);
      return [
        make(`control-${slug}`, `attestation of the artifact, ${slug}`, evidence, { expect: "ok", control: true }),
        make(`subject-${slug}`, `attestation of another artifact, ${slug}`, evidence, {
          expect: mismatch,
          artifact: other,
        }),
      ];
    }),
    ...messages.flatMap(([slug, entry]) => {
      const evidence = makeEvidence(stage.a, { entry });
      return [
        make(`control-message-${slug}`, `signature over the artifact, ${slug}`, evidence, {
          expect: "ok",
          control: true,
        }),
        make(`message-${slug}`, `signature over another artifact, ${slug}`, evidence, {
          expect: "SIGSTORE_ARTIFACT_MISMATCH",
          artifact: other,
        }),
        make(`message-no-hint-${slug}`, `the same without the digest hint, ${slug}`, evidence, {
          expect: "SIGSTORE_SIGNATURE_INVALID",
          artifact: other,
          edits: [["messageSignature.messageDigest", undefined]],
        }),
      ];
    }),
    make(
      "name",
      "subject with the artifact's name and another digest",
      makeEvidence(stage.a, { content: "envelope" }),
      {
        expect: mismatch,
        artifact: utf8("release.tar"),
      },
    ),
  ];
}

/** S18: keys and envelopes that are not what the bundle says. */
export function rowS18(stage: Stage): Attack[] {
  const make = forge(stage, "S18", "forms that peers read leniently");
  const managed = makeKeyPair("p256");
  const hinted = makeEvidence(stage.a, { managed, entry: "hashedrekord 0.0.2", hint: "release key" });
  const otherHint = makeEvidence(stage.a, { managed, hint: base64(new Uint8Array(32)) });
  const envelope = makeEvidence(stage.a, { content: "envelope" });
  const keyEnvelope = makeEvidence(stage.a, { content: "envelope", managed, hint: "one" });
  const sig = "dsseEnvelope.signatures";
  const otherType = makeEvidence(stage.a, { managed, content: "envelope", payloadType: "application/vnd.evil+json" });
  const payload = (text: string): ReturnType<typeof makeEvidence> =>
    makeEvidence(stage.a, { managed, content: "envelope", payload: utf8(text) });
  const [only] = (envelope.json["dsseEnvelope"] as { signatures: { sig: string }[] }).signatures;
  const two = [{ sig: only?.sig ?? "" }, { sig: base64(signWith(makeKeyPair("p256"), utf8("x"))) }];
  const keyControl = makeEvidence(stage.a, { managed });
  return [
    make("control-key", "bundle of a managed key", keyControl, { expect: "ok", control: true }),
    make(
      "control-key-envelope",
      "attestation of a managed key",
      makeEvidence(stage.a, { managed, content: "envelope" }),
      { expect: "ok", control: true },
    ),
    make("hint-other-name", "hint that is not the key's name", hinted, { expect: "SIGSTORE_KEY_HINT" }),
    make("hint-other-key", "hint that is another key's digest", otherHint, { expect: "SIGSTORE_KEY_HINT" }),
    make("key-other", "judged with another key", keyControl, {
      expect: "SIGSTORE_SIGNATURE_INVALID",
      signers: [{ key: base64(makeKeyPair("p256").spki) }],
    }),
    make("hint-keyid", "hint and key id of the envelope differ", keyEnvelope, {
      expect: "SIGSTORE_BUNDLE_HINT",
      edits: [[`${sig}.0.keyid`, "two"]],
    }),
    make("two-signatures", "second signature beside the good one", envelope, {
      expect: "SIGSTORE_BUNDLE_SIGNATURES",
      edits: [[sig, two]],
    }),
    make("same-signature-twice", "the good signature twice", envelope, {
      expect: "SIGSTORE_BUNDLE_SIGNATURES",
      edits: [[sig, [{ sig: only?.sig ?? "" }, { sig: only?.sig ?? "" }]]],
    }),
    make("no-signature", "envelope without a signature", envelope, {
      expect: "CORE_ENVELOPE_MALFORMED",
      edits: [[sig, []]],
    }),
    make("payload-type", "payload type that is not in-toto", otherType, { expect: "SIGSTORE_PAYLOAD_TYPE" }),
    make("payload-text", "payload that is not JSON", payload("release.tar is good"), { expect: "CORE_JSON_MALFORMED" }),
    make("payload-no-statement", "payload that is JSON and no Statement", payload("{}"), {
      expect: "CORE_STATEMENT_MALFORMED",
    }),
    make(
      "payload-statement-type",
      "Statement of a type to come",
      payload(statementText({ _type: "https://in-toto.io/Statement/v9" })),
      { expect: "CORE_STATEMENT_MALFORMED" },
    ),
    make("payload-no-subject", "Statement without subjects", payload(statementText({ subject: [] })), {
      expect: "CORE_STATEMENT_MALFORMED",
    }),
  ];
}

/** S24: which digests of a subject have to match. */
export function rowS24(stage: Stage): Attack[] {
  const make = forge(stage, "S24", "sigstore-rs #615; a subject is what all of its digests say");
  const managed = makeKeyPair("p256");
  const digest = (how: Record<string, string>): ReturnType<typeof makeEvidence> =>
    makeEvidence(stage.a, { managed, content: "envelope", payload: statementOf(artifactBytes, how) });
  const right = (name: "sha256" | "sha384" | "sha512"): Record<string, string> => ({ [name]: hexOf(name) });
  const zeros = "0".repeat(128);
  const mismatch = "SIGSTORE_SUBJECT_MISMATCH";
  return [
    make("control-sha512", "subject with sha512 only", digest(right("sha512")), {
      expect: "ok",
      digests: ["sha512"],
      control: true,
    }),
    make(
      "control-all",
      "subject with three right digests",
      digest({ ...right("sha256"), ...right("sha384"), ...right("sha512") }),
      { expect: "ok", control: true },
    ),
    make("sha512-wrong", "sha256 right, sha512 wrong", digest({ ...right("sha256"), sha512: zeros }), {
      expect: mismatch,
      digests: ["sha256", "sha512"],
    }),
    make(
      "sha512-wrong-unknown",
      "sha256 right, sha512 wrong, and only sha256 is known of the artifact",
      digest({ ...right("sha256"), sha512: zeros }),
      {
        expect: mismatch,
        expectByDigest: "ok",
      },
    ),
    make("sha256-wrong", "sha512 right, sha256 wrong", digest({ ...right("sha512"), sha256: zeros.slice(64) }), {
      expect: mismatch,
      digests: ["sha256", "sha512"],
    }),
    make("md5-only", "subject with md5 only", digest({ md5: "0".repeat(32) }), { expect: mismatch }),
    make("git-only", "subject with a git commit only", digest({ gitCommit: "0".repeat(40) }), { expect: mismatch }),
    make("no-digest", "subject without a digest", digest({}), { expect: "CORE_STATEMENT_MALFORMED" }),
    make("upper-case", "sha256 in upper case", digest({ sha256: hexOf("sha256").toUpperCase() }), { expect: mismatch }),
    make("name-upper-case", "digest under the name SHA256", digest({ SHA256: hexOf("sha256") }), { expect: mismatch }),
    make("prefixed", "digest with sha256: before it", digest({ sha256: `sha256:${hexOf("sha256")}` }), {
      expect: mismatch,
    }),
    make("cut", "the first half of the digest", digest({ sha256: hexOf("sha256").slice(0, 32) }), { expect: mismatch }),
    make("sha512-for-sha256", "sha256 under the name sha512", digest({ sha512: hexOf("sha256") }), {
      expect: mismatch,
      digests: ["sha256", "sha512"],
    }),
  ];
}

/** S25: digests that the signer's algorithm cannot use. */
export function rowS25(stage: Stage): Attack[] {
  const make = forge(stage, "S25", "digest mode of peers hands the digest to the algorithm as the message");
  const p384 = makeEvidence(stage.a, { key: makeKeyPair("p384") });
  const hint = { algorithm: "SHA2_384", digest: base64(p384.signed.digest) };
  const ed25519 = makeKeyPair("ed25519");
  const pure = makeEvidence(stage.a, { managed: ed25519, entry: "none" });
  const overDigest = makeEvidence(stage.a, {
    managed: ed25519,
    entry: "none",
    signature: signWith(ed25519, Buffer.from(hexOf("sha256"), "hex")),
  });
  const p256 = makeKeyPair("p256");
  const overDigestEc = makeEvidence(stage.a, {
    managed: p256,
    entry: "none",
    signature: signWith(p256, Buffer.from(hexOf("sha256"), "hex")),
  });
  const unlogged = { logEntries: 0 };
  const unusable = "CORE_DIGEST_UNUSABLE";
  return [
    make("control-p384", "P-384 with SHA-384, by path and by its SHA-384", p384, {
      expect: "ok",
      digests: ["sha384"],
      edits: [["messageSignature.messageDigest", hint]],
      control: true,
    }),
    make("p384-sha256", "P-384 with SHA-384, only SHA-256 is known", p384, { expect: "ok", expectByDigest: unusable }),
    make("ed25519", "pure Ed25519, only digests are known", pure, {
      expect: "ok",
      expectByDigest: unusable,
      require: unlogged,
      digests: ["sha256", "sha512"],
    }),
    make("ed25519-over-digest", "Ed25519 signature over the digest instead of the message", overDigest, {
      expect: "SIGSTORE_SIGNATURE_INVALID",
      expectByDigest: unusable,
      require: unlogged,
      digests: ["sha256", "sha512"],
    }),
    make("p256-over-digest", "ECDSA signature over the hash of the digest", overDigestEc, {
      expect: "SIGSTORE_SIGNATURE_INVALID",
      require: unlogged,
    }),
    make("sha512-known", "P-256 with SHA-256, only SHA-512 is known", makeEvidence(stage.a), {
      expect: "ok",
      expectByDigest: "SIGSTORE_DIGEST_MISSING",
      digests: ["sha512"],
    }),
  ];
}

/** The Statement of `statementOf` with members replaced, as text. */
export function statementText(members: Record<string, unknown>): string {
  const honest = JSON.parse(new TextDecoder().decode(statementOf(artifactBytes))) as Record<string, unknown>;
  return JSON.stringify({ ...honest, ...members });
}

function hexOf(name: "sha256" | "sha384" | "sha512"): string {
  return createHash(name).update(artifactBytes).digest("hex");
}
