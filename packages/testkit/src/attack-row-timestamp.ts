/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { base64, utf8 } from "@countersign/core";
import { makeTsa, type StampOptions, type Tsa } from "@countersign/local-sigstore";
import { tokenOf, tokensPath } from "./attack-row-certificate.ts";
import { after, forge, type Attack, type Departure, type Forge, type Stage } from "./attack-vector.ts";
import { artifactBytes, makeEvidence, type Evidence } from "./evidence.ts";
import type { Loose } from "./json.ts";

const contentType = "1.2.840.113549.1.9.3";
const messageDigest = "1.2.840.113549.1.9.4";
const signingCertificate = "1.2.840.113549.1.9.16.2.47";

/** S11: timestamps that do not stand for the signature. */
export function rowS11(stage: Stage): Attack[] {
  const make = forge(
    stage,
    "S11",
    "@sigstore/verify 4.1.3 refuses all if one timestamp is untrusted (probe P7); sigstore-go skips it",
  );
  const evidence = makeEvidence(stage.a);
  return [...trusted(stage, make, evidence), ...signers(stage, make, evidence), ...forms(stage, make, evidence)];
}

function stamped(...tokens: Loose[]): Pick<Departure, "edits"> {
  return { edits: [[tokensPath, tokens]] };
}

function trusted(stage: Stage, make: Forge, evidence: Evidence): Attack[] {
  const { a, b } = stage;
  const good = tokenOf(a.tsa, evidence);
  const unknown = tokenOf(b.tsa, evidence, { embedCertificate: true });
  const one: Departure = { expect: "ok", claims: { times: [{ source: "rfc3161", authority: "http://tsa.a.test" }] } };
  const untrusted: Departure = { expect: "SIGSTORE_TIMESTAMP_UNTRUSTED" };
  const window = { expect: "SIGSTORE_TIMESTAMP_WINDOW" };
  const until = (end: number): Departure["root"] => ({
    tsas: [{ ...a.tsa.trusted, validFor: { start: after(-60), end: after(end) } }],
  });
  const short = makeTsa({ uri: "http://tsa.a.test", now: () => a.now, kind: "p256", leaf: { notAfter: after(30) } });
  return [
    make("control-embedded", "token with the authority's own certificate in it", evidence, {
      expect: "ok",
      ...stamped(tokenOf(a.tsa, evidence, { embedCertificate: true })),
      control: true,
    }),
    make("untrusted", "authority that is not known, its certificate in the token", evidence, {
      ...untrusted,
      ...stamped(unknown),
    }),
    make("twin", "authority that has only its names from the known one", evidence, {
      ...untrusted,
      ...stamped(tokenOf(stage.twin.tsa, evidence, { embedCertificate: true })),
    }),
    make("good-first", "good token before an unknown authority's", evidence, { ...one, ...stamped(good, unknown) }),
    make("good-last", "good token after an unknown authority's", evidence, { ...one, ...stamped(unknown, good) }),
    make("unknown-not-counted", "unknown authority's token where two times are asked for", evidence, {
      ...untrusted,
      ...stamped(good, unknown),
      require: { times: 2 },
    }),
    make("ended", "a second after the authority's window", evidence, {
      ...window,
      ...stamped(tokenOf(a.tsa, evidence, { time: after(61) })),
      root: until(60) ?? {},
    }),
    make("control-last", "the last second of the authority's window", evidence, {
      expect: "ok",
      ...stamped(tokenOf(a.tsa, evidence, { time: after(60) })),
      root: until(60) ?? {},
      control: true,
    }),
    make("not-begun", "before the authority's window", evidence, {
      ...window,
      root: { tsas: [{ ...a.tsa.trusted, validFor: { start: after(1) } }] },
    }),
    make("certificate-ended", "after the end of the authority's certificate", evidence, {
      ...window,
      ...stamped(tokenOf(short, evidence, { time: after(60) })),
      root: { tsas: [short.trusted] },
    }),
  ];
}

function signers(stage: Stage, make: Forge, evidence: Evidence): Attack[] {
  const { a, b, twin } = stage;
  const token = (slug: string, about: string, how: StampOptions, expect: string): Attack =>
    make(slug, about, evidence, { expect, ...stamped(tokenOf(a.tsa, evidence, how)) });
  const mismatch = "SIGSTORE_TIMESTAMP_MISMATCH";
  const invalid = "SIGSTORE_TIMESTAMP_INVALID";
  const leaf = (tsa: Tsa): Uint8Array => tsa.chain[0] ?? new Uint8Array();
  return [
    token("other-signature", "over another signature", { message: utf8("another signature") }, mismatch),
    token("artifact", "over the artifact instead of the signature", { message: artifactBytes }, mismatch),
    token("encoded", "over the signature's base64", { message: utf8(base64(evidence.signed.signature)) }, mismatch),
    token(
      "impostor",
      "signed with another key in the name of the known authority",
      { signer: { key: twin.tsa.key, certificate: leaf(a.tsa) } },
      invalid,
    ),
    token(
      "impostor-embedded",
      "the same with the impostor's certificate in it",
      { signer: { key: twin.tsa.key, certificate: leaf(a.tsa) }, certificates: [leaf(twin.tsa)] },
      invalid,
    ),
    token(
      "certificate-hash",
      "signed by the known authority, naming another's certificate",
      { signer: { key: a.tsa.key, certificate: leaf(b.tsa) } },
      "SIGSTORE_TIMESTAMP_UNTRUSTED",
    ),
    token("message-digest", "signed digest of another time", { messageDigest: new Uint8Array(32) }, invalid),
  ];
}

function forms(stage: Stage, make: Forge, evidence: Evidence): Attack[] {
  const token = (slug: string, about: string, how: StampOptions, expect = "SIGSTORE_TIMESTAMP_MALFORMED"): Attack =>
    make(slug, about, evidence, { expect, ...stamped(tokenOf(stage.a.tsa, evidence, how)) });
  const raw = (slug: string, about: string, bytes: Uint8Array): Attack =>
    make(slug, about, evidence, {
      expect: "SIGSTORE_TIMESTAMP_MALFORMED",
      ...stamped({ signedTimestamp: base64(bytes) }),
    });
  const good = stage.a.tsa.stamp({ message: evidence.signed.signature });
  const critical = Uint8Array.from([0x30, 0x0d, 6, 4, 0x2a, 3, 4, 5, 1, 1, 0xff, 4, 2, 5, 0]);
  return [
    token("sha1", "imprint by SHA-1", { hash: "sha1", imprint: new Uint8Array(20) }),
    token("rejected", "status rejection", { status: 2 }),
    token("two-signers", "two signer infos", { signerInfos: 2 }),
    token("no-signer", "no signer info", { signerInfos: 0 }),
    token("content-type", "content type that is not TSTInfo", { contentType: "1.2.840.113549.1.7.1" }),
    token("no-content-type", "signed attributes without the content type", { omitAttributes: [contentType] }),
    token("no-message-digest", "signed attributes without the message digest", { omitAttributes: [messageDigest] }),
    token(
      "no-certificate-id",
      "signed attributes without the certificate's hash",
      { omitAttributes: [signingCertificate] },
      "ok",
    ),
    token("signer-sha1", "signed with SHA-1", { signerHash: "sha1" }),
    token("other-hash", "imprint by SHA-512", { hash: "sha512" }, "ok"),
    token("critical-extension", "critical extension that is not known", { extensions: critical }),
    token("time-fraction", "time with a fraction that ends in zero", {
      encodedTime: generalizedTime("20260301120000.50Z"),
    }),
    token("time-offset", "time with an offset", { encodedTime: generalizedTime("20260301120000+0000") }),
    raw("empty", "no bytes at all", new Uint8Array()),
    raw("trailing", "a byte after the token", Uint8Array.of(...good, 0)),
    raw("cut", "the first half of a token", good.subarray(0, good.length / 2)),
  ];
}

function generalizedTime(text: string): Uint8Array {
  return Uint8Array.of(0x18, text.length, ...utf8(text));
}
