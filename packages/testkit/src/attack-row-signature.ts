/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { createHash } from "node:crypto";
import { base64, concatBytes, utf8 } from "@countersign/core";
import { makeKeyPair, signWith } from "@countersign/local-sigstore";
import { statementText } from "./attack-row-content.ts";
import { forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { artifactBytes, makeEvidence, type Evidence } from "./evidence.ts";

const mismatch: Departure = { expect: "SIGSTORE_ENTRY_MISMATCH" };

/** X4: signatures in forms of their own. */
export function rowX4(stage: Stage): Attack[] {
  const make = forge(stage, "X4", "what is a signature: encodings that lax parsers take");
  const { a } = stage;
  const key = makeKeyPair("p256");
  const good = signWith(key, artifactBytes);
  const signed = (signature: Uint8Array): Evidence => makeEvidence(a, { managed: key, signature });
  const invalid: Departure = { expect: "SIGSTORE_SIGNATURE_INVALID" };
  const evidence = makeEvidence(a, { key, signature: good });
  const managed = makeEvidence(a, { managed: key, signature: good });
  const { r, s } = readSignature(good);
  const flipped = base64(writeSignature(r, order - s));
  const path = "messageSignature.signature";
  return [
    make("control", "the signature as it was made", evidence, { expect: "ok", control: true }),
    make(
      "high-s",
      "s replaced by n - s before logging: as good a signature of the same bytes by the same key",
      makeEvidence(a, { key, signature: writeSignature(r, order - s) }),
      { expect: "ok" },
    ),
    make("high-s-after", "s replaced by n - s after logging: neither timestamp nor entry are about it", evidence, {
      expect: "SIGSTORE_TIMESTAMP_MISMATCH",
      edits: [[path, flipped]],
    }),
    make("high-s-key", "s replaced by n - s after logging, managed key", managed, {
      ...mismatch,
      edits: [[path, flipped]],
    }),
    make("zero", "r and s zero", signed(writeSignature(0n, 0n)), invalid),
    make("order", "r and s the order of the group", signed(writeSignature(order, order)), invalid),
    make("s-plus-order", "s plus the order of the group", signed(writeSignature(r, s + order)), invalid),
    make(
      "raw",
      "r and s without DER",
      signed(Buffer.from(r.toString(16).padStart(64, "0") + s.toString(16).padStart(64, "0"), "hex")),
      invalid,
    ),
    make("trailing", "a byte after the DER", signed(concatBytes(good, Uint8Array.of(0))), invalid),
    make(
      "long-length",
      "length of the DER in two bytes",
      signed(concatBytes(Uint8Array.of(0x30, 0x81), good.subarray(1))),
      invalid,
    ),
    make("empty", "empty signature", evidence, { expect: "SIGSTORE_BUNDLE_MALFORMED", edits: [[path, ""]] }),
    make("empty-envelope", "empty signature of an envelope", makeEvidence(a, { content: "envelope" }), {
      expect: "CORE_ENVELOPE_MALFORMED",
      edits: [["dsseEnvelope.signatures.0.sig", ""]],
    }),
    ...crossProtocol(stage),
  ];
}

function crossProtocol(stage: Stage): Attack[] {
  const make = forge(stage, "X4", "one key signs files and envelopes: what was signed as one, offered as the other");
  const { a } = stage;
  const payloadType = "application/vnd.in-toto+json";
  const envelope = makeEvidence(a, { content: "envelope" });
  const pae = concatBytes(
    utf8(`DSSEv1 ${payloadType.length} ${payloadType} ${envelope.signed.payload.length} `),
    envelope.signed.payload,
  );
  const asFile: Departure = {
    expect: "ok",
    artifact: pae,
    source: "the key did sign these very bytes, and in Rekor v2 the entries are the same",
    edits: [
      ["dsseEnvelope", undefined],
      ["messageSignature", { signature: base64(envelope.signed.signature) }],
    ],
  };
  return [
    make(
      "envelope-as-file",
      "signature of an attestation, offered for the file that its encoding is",
      envelope,
      asFile,
    ),
    make("envelope-as-statement", "signature of an attestation, offered for its payload", envelope, {
      ...asFile,
      expect: "SIGSTORE_SIGNATURE_INVALID",
      artifact: envelope.signed.payload,
    }),
    make("other-type", "the same payload under another type", envelope, {
      expect: "SIGSTORE_SIGNATURE_INVALID",
      edits: [["dsseEnvelope.payloadType", "application/vnd.in-toto+json "]],
    }),
  ];
}

/** X5: Statements that two readers read differently. */
export function rowX5(stage: Stage): Attack[] {
  const make = forge(stage, "X5", "parser differentials in the signed payload");
  const managed = makeKeyPair("p256");
  const payload = (text: string): Evidence =>
    makeEvidence(stage.a, { managed, content: "envelope", payload: utf8(text) });
  const honest = statementText({});
  const wrong = JSON.stringify([{ name: "x", digest: { sha256: "0".repeat(64) } }]);
  const subject = honest.slice(honest.indexOf('"subject":'), honest.indexOf(',"predicateType"'));
  const digest = createHash("sha256").update(artifactBytes).digest("hex");
  const duplicate: Departure = { expect: "CORE_JSON_DUPLICATE" };
  const many = Array.from({ length: 1025 }, () => ({ digest: { a: "" } }));
  return [
    make(
      "subject-twice",
      "two lists of subjects, the right one last",
      payload(honest.replace(subject, `"subject":${wrong},${subject}`)),
      duplicate,
    ),
    make(
      "subject-twice-first",
      "two lists of subjects, the right one first",
      payload(honest.replace(subject, `${subject},"subject":${wrong}`)),
      duplicate,
    ),
    make(
      "subject-escaped",
      "two lists of subjects, one under an escaped name",
      payload(honest.replace(subject, `"\\u0073ubject":${wrong},${subject}`)),
      duplicate,
    ),
    make(
      "digest-twice",
      "two sha256 of one subject",
      payload(honest.replace('"sha256":', `"sha256":"${"0".repeat(64)}","sha256":`)),
      duplicate,
    ),
    make("type-twice", "two types", payload(honest.replace('"_type":', '"_type":"x","_type":')), duplicate),
    make(
      "subject-case",
      "the right subject under Subject",
      payload(statementText({ subject: JSON.parse(wrong), Subject: [{ digest: { sha256: digest } }] })),
      { expect: "SIGSTORE_SUBJECT_MISMATCH" },
    ),
    make(
      "proto",
      "digests through __proto__",
      payload(honest.replace(/"digest":\{[^}]*\}/, `"digest":{"__proto__":{"sha256":"${digest}"}}`)),
      { expect: "CORE_STATEMENT_MALFORMED" },
    ),
    make("mark", "byte order mark before the Statement", payload(`\uFEFF${honest}`), { expect: "CORE_JSON_MALFORMED" }),
    make("trailing", "second Statement after the first", payload(honest + honest), { expect: "CORE_JSON_MALFORMED" }),
    make("comment", "a comment in the Statement", payload(honest.replace("{", "{/* */")), {
      expect: "CORE_JSON_MALFORMED",
    }),
    make("subjects-1025", "1,025 subjects", payload(statementText({ subject: many })), {
      expect: "CORE_STATEMENT_MALFORMED",
    }),
    make(
      "digest-number",
      "a digest that is a number",
      payload(statementText({ subject: [{ digest: { sha256: 1 } }] })),
      { expect: "CORE_STATEMENT_MALFORMED" },
    ),
  ];
}

/** The order of P-256's group (SEC 2 §2.4.2). */
export const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** The two numbers of an ECDSA signature of P-256. */
export function readSignature(der: Uint8Array): { r: bigint; s: bigint } {
  const rLength = der[3] ?? 0;
  const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);
  return { r: number(der.subarray(4, 4 + rLength)), s: number(der.subarray(6 + rLength)) };
}

/** The inverse of `readSignature`. */
export function writeSignature(r: bigint, s: bigint): Uint8Array {
  const body = Buffer.concat([writeInteger(r), writeInteger(s)]);
  return concatBytes(Uint8Array.of(0x30, body.length), body);
}

function writeInteger(value: bigint): Buffer {
  const text = value.toString(16);
  const bytes = Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex");
  const positive = (bytes[0] ?? 0) > 127 ? Buffer.concat([Buffer.alloc(1), bytes]) : bytes;
  return Buffer.concat([Buffer.from([2, positive.length]), positive]);
}
