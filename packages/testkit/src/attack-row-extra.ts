/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { createHash } from "node:crypto";
import { base64, concatBytes, utf8 } from "@countersign/core";
import {
  canonical,
  certificateOids,
  hashedRekordBody001,
  hashedRekordBody002,
  makeAuthority,
  makeKeyPair,
  makeTsa,
  preAuthEncoding,
  type EntryJson,
} from "@countersign/local-sigstore";
import { tokenOf, tokensPath } from "./attack-row-certificate.ts";
import { entriesPath } from "./attack-row-log.ts";
import { after, forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { artifactBytes, makeEvidence, type Evidence, type Plan, type Signed } from "./evidence.ts";
import type { Loose } from "./json.ts";

const kindPath = `${entriesPath}.0.kindVersion`;
const bodyPath = `${entriesPath}.0.canonicalizedBody`;
const mismatch: Departure = { expect: "SIGSTORE_ENTRY_MISMATCH" };
const malformed: Departure = { expect: "SIGSTORE_ENTRY_MALFORMED" };

/** X1: entries whose kind, body or key details say something else than they are. */
export function rowX1(stage: Stage): Attack[] {
  const make = forge(stage, "X1", "kind confusion: the log accepted one thing, the verifier reads another");
  const { a } = stage;
  const v1 = makeEvidence(a, { entry: "hashedrekord 0.0.1" });
  const v2 = makeEvidence(a);
  const dsse = makeEvidence(a, { entry: "dsse 0.0.1", content: "envelope" });
  const kind = (name: string, version: string, how = mismatch): Departure => ({
    ...how,
    edits: [[kindPath, { kind: name, version }]],
  });
  const body = (bytes: Uint8Array, how = malformed): Departure => ({
    ...how,
    edits: [[entriesPath, [a.rekor.append(bytes) as unknown as Loose]]],
  });
  const json = (change: (spec: Record<string, unknown>) => unknown): Uint8Array =>
    canonical(change(JSON.parse(new TextDecoder().decode(hashedRekordBody002(v2.signed))) as Record<string, unknown>));
  const text = new TextDecoder().decode(hashedRekordBody002(v2.signed));
  const lie = (keyDetails: string): Evidence =>
    makeEvidence(a, { logged: (signed) => ({ ...signed, verifier: { ...signed.verifier, keyDetails } }) });
  const sha512 = (signed: Signed): Signed => ({
    ...signed,
    digest: createHash("sha512").update(artifactBytes).digest(),
  });
  const paeSha512 = (signed: Signed): Signed => ({
    ...signed,
    digest: createHash("sha512").update(preAuthEncoding(signed.payloadType, signed.payload)).digest(),
  });
  return [
    make("v2-said-v1", "Rekor v2 entry said to be of version 0.0.1", v2, kind("hashedrekord", "0.0.1")),
    make("v1-said-v2", "Rekor v1 entry said to be of version 0.0.2", v1, kind("hashedrekord", "0.0.2")),
    make("dsse-said-intoto", "dsse entry said to be an intoto one", dsse, kind("intoto", "0.0.2")),
    make("dsse-said-hashedrekord", "dsse entry said to be a hashedrekord one", dsse, kind("hashedrekord", "0.0.1")),
    make("unknown-kind", "kind that is not known", v2, kind("rekord", "0.0.1", { expect: "SIGSTORE_ENTRY_KIND" })),
    make(
      "unknown-version",
      "version that is not known",
      v2,
      kind("hashedrekord", "0.0.9", { expect: "SIGSTORE_ENTRY_KIND" }),
    ),
    make(
      "v1-in-v2-log",
      "entry of Rekor v1's kind in a Rekor v2 log",
      v2,
      body(hashedRekordBody001(v2.signed), { expect: "SIGSTORE_LOG_CHECKPOINT" }),
    ),
    make("v2-in-v1-log", "entry of Rekor v2's kind in a Rekor v1 log, with promise", v2, {
      expect: "SIGSTORE_LOG_CHECKPOINT",
      edits: [[entriesPath, [a.rekorV1.append(hashedRekordBody002(v2.signed)) as unknown as Loose]]],
    }),
    make("other-shape", "body of version 0.0.1 with the members of 0.0.2", v2, {
      expect: "SIGSTORE_ENTRY_MALFORMED",
      edits: [
        [entriesPath, [a.rekorV1.append(json((spec) => ({ ...spec, apiVersion: "0.0.1" }))) as unknown as Loose]],
      ],
    }),
    make("body-member", "unknown member in the body", v2, body(json((spec) => ({ ...spec, mood: "good" })))),
    make("body-twice", "a member twice in the body", v2, body(utf8(text.replace('"kind":', '"kind":"x","kind":')))),
    make("body-changed", "body changed by one letter", v2, {
      expect: "SIGSTORE_LOG_INCLUSION",
      edits: [[bodyPath, base64(utf8(`${text} `))]],
    }),
    make("details-curve", "keyDetails of another curve", lie("PKIX_ECDSA_P384_SHA_384"), mismatch),
    make("details-family", "keyDetails of another algorithm", lie("PKIX_ED25519"), mismatch),
    make("details-rsa", "keyDetails of RSA for an EC key", lie("PKIX_RSA_PSS_4096_SHA256"), mismatch),
    make("details-unknown", "keyDetails that are not known", lie("PKIX_UNHEARD_OF"), {
      expect: "SIGSTORE_KEY_DETAILS",
    }),
    make(
      "v1-sha512",
      "the right SHA-512 where the signature is over SHA-256, Rekor v1",
      makeEvidence(a, { entry: "hashedrekord 0.0.1", logged: sha512 }),
      mismatch,
    ),
    ...(["hashedrekord 0.0.1", "hashedrekord 0.0.2"] as const).map((entry) =>
      make(
        `envelope-sha512-${entry.slice(-1)}`,
        `the same of an envelope, ${entry}`,
        makeEvidence(a, { entry, content: "envelope", logged: paeSha512 }),
        mismatch,
      ),
    ),
    make(
      "v2-sha512",
      "the right SHA-512 where the signature is over SHA-256, Rekor v2",
      makeEvidence(a, { logged: sha512 }),
      mismatch,
    ),
  ];
}

/** X2: several entries and timestamps, one of them not good. */
export function rowX2(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "X2",
    "a good entry must not cover for a forged one, nor an unknown log spoil a good entry",
  );
  const { a, b } = stage;
  const evidence = makeEvidence(a);
  const [own] = (evidence.json["verificationMaterial"] as unknown as { tlogEntries: EntryJson[] }).tlogEntries;
  const second = (entry: EntryJson): [string, Loose][] => [[`${entriesPath}.1`, entry as unknown as Loose]];
  const first = (entry: EntryJson): [string, Loose][] => [[entriesPath, [entry, own] as unknown as Loose]];
  const unknown = b.rekor.append(hashedRekordBody002(evidence.signed));
  const other = makeEvidence(a).signed;
  const stranger = a.rekor.append(hashedRekordBody002(other));
  const badCheckpoint = a.rekor.append(hashedRekordBody002(evidence.signed), {
    checkpoint: { key: stage.twin.rekor.key },
  });
  const otherStamp = tokenOf(a.tsa, evidence, { message: utf8("another") });
  const twice = { ...a.rekor.trusted, validFor: { start: after(-7200), end: after(-3600) } };
  const rotated = { ...stage.twin.rekor.trusted, validFor: { start: after(-7200), end: after(-3600) } };
  return [
    make("unknown-log", "entry of an unknown log beside the good one", evidence, {
      expect: "ok",
      edits: first(unknown),
    }),
    make("stranger", "entry of another signature beside the good one", evidence, {
      ...mismatch,
      edits: second(stranger),
    }),
    make("stranger-first", "entry of another signature before the good one", evidence, {
      ...mismatch,
      edits: first(stranger),
    }),
    make("checkpoint", "entry with a forged checkpoint beside the good one", evidence, {
      expect: "SIGSTORE_LOG_CHECKPOINT",
      edits: second(badCheckpoint),
    }),
    make("stamp", "timestamp over another signature beside the good one", evidence, {
      expect: "SIGSTORE_TIMESTAMP_MISMATCH",
      edits: [[tokensPath, [tokenOf(a.tsa, evidence), otherStamp]]],
    }),
    make("log-twice", "log that stands twice in the trust root, first with a window that is over", evidence, {
      expect: "ok",
      root: { logs: [twice, a.rekor.trusted] },
    }),
    make("log-rotated", "log with an earlier key of the same name", evidence, {
      expect: "ok",
      root: { logs: [rotated, a.rekor.trusted] },
    }),
    make("log-twice-over", "log that stands twice, both windows over", evidence, {
      expect: "SIGSTORE_LOG_WINDOW",
      root: { logs: [twice, twice] },
    }),
  ];
}

/** X3: certificates that do another's work. */
export function rowX3(stage: Stage): Attack[] {
  const make = forge(stage, "X3", "roles that a trust root keeps apart must stay apart");
  const { a } = stage;
  const certificate = "verificationMaterial.certificate.rawBytes";
  const as = (der: Uint8Array, plan: Plan): Evidence =>
    makeEvidence(a, { ...plan, logged: (signed) => ({ ...signed, verifier: { ...signed.verifier, der } }) });
  const usage: Departure = { expect: "SIGSTORE_CERTIFICATE_USAGE" };
  const untrusted: Departure = { expect: "SIGSTORE_CERTIFICATE_UNTRUSTED" };
  const caDer = a.ca.chain[0] ?? new Uint8Array();
  const tsaDer = a.tsa.chain[0] ?? new Uint8Array();
  const tsaCa = makeAuthority({
    uri: "x",
    now: () => a.now,
    extendedKeyUsages: [certificateOids.timeStamping],
    kind: "p256",
    ctLogs: [a.ctLog],
  });
  const tsa = makeTsa({ uri: "x", now: () => a.now, authority: tsaCa, kind: "p256" });
  const evidence = makeEvidence(a);
  const byCa = tokenOf(a.tsa, evidence, { signer: { key: a.ca.key, certificate: caDer } });
  const leafKey = makeKeyPair("p256");
  const byLeaf = makeEvidence(a, { key: leafKey });
  const leafDer = byLeaf.leaf ?? new Uint8Array();
  const selfStamp = tokenOf(a.tsa, byLeaf, { signer: { key: leafKey, certificate: leafDer }, embedCertificate: true });
  const until = (end: number): Departure["root"] => ({
    cas: [{ ...a.ca.trusted, validFor: { start: after(-60), end: after(end) } }],
  });
  const outside = { expect: "SIGSTORE_CERTIFICATE_TIME" };
  return [
    make("ca-signs", "signed with the authority's own key and certificate", as(caDer, { key: a.ca.key }), {
      ...usage,
      edits: [[certificate, base64(caDer)]],
    }),
    make("tsa-signs", "signed with the timestamp authority's key and certificate", as(tsaDer, { key: a.tsa.key }), {
      ...usage,
      edits: [[certificate, base64(tsaDer)]],
    }),
    make("tsa-ca-issues", "leaf issued by the timestamp authority's issuer", makeEvidence(a, { authority: tsaCa }), {
      ...untrusted,
      root: { tsas: [tsa.trusted, a.tsa.trusted] },
    }),
    make("ca-stamps", "authority that stands among the timestamp authorities", evidence, {
      expect: "SIGSTORE_TIMESTAMP_AUTHORITY",
      edits: [[tokensPath, [byCa]]],
      root: { tsas: [a.ca.trusted] },
    }),
    make("leaf-stamps", "timestamp that the signer made with his own certificate", byLeaf, {
      expect: "SIGSTORE_TIMESTAMP_UNTRUSTED",
      edits: [[tokensPath, [selfStamp]]],
    }),
    make("leaf-issues", "leaf issued by another leaf", byLeafOf(stage), untrusted),
    make("window-end", "signed at the last instant of the authority's window", evidence, {
      expect: "ok",
      root: until(0) ?? {},
    }),
    make(
      "window-over",
      "signed a second after the authority's window",
      makeEvidence(a, { stamps: [{ time: after(1) }] }),
      { ...outside, root: until(0) ?? {} },
    ),
    make(
      "alt-name-optional",
      "empty subject with an alternative name that is not critical",
      makeEvidence(a, { leaf: { altNameCritical: false } }),
      { expect: "CORE_CERTIFICATE_MALFORMED" },
    ),
    make("trailing", "a byte after the certificate", evidence, {
      expect: "CORE_CERTIFICATE_MALFORMED",
      edits: [[certificate, base64(concatBytes(evidence.leaf ?? new Uint8Array(), Uint8Array.of(0)))]],
    }),
    make("other-leaf", "another certificate of the same key", evidence, {
      ...mismatch,
      edits: [[certificate, base64(makeEvidence(a, { key: evidence.key }).leaf ?? new Uint8Array())]],
    }),
  ];
}

// An intermediate is made of what a leaf has: its key, and a name that the authority gave out.
function byLeafOf({ a }: Stage): Evidence {
  const subject = { organization: "local-sigstore", commonName: "leaf" };
  const key = makeKeyPair("p256");
  const leaf = a.ca.issue({
    spki: key.spki,
    subject,
    identity: { type: "uri", value: "https://ci.test/eve" },
    issuer: "https://token.test",
  });
  const authority = makeAuthority({
    uri: "x",
    now: () => a.now,
    key,
    commonName: "leaf",
    ctLogs: [a.ctLog],
    chain: [leaf.certificate, ...a.ca.chain],
  });
  return makeEvidence(a, { authority });
}
