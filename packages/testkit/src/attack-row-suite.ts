/* oxlint-disable eslint/max-lines-per-function -- one function is one row, a table of attacks */
import { createHash } from "node:crypto";
import { base64, utf8 } from "@countersign/core";
import { hashedRekordBody001, makeKeyPair, makeTsa } from "@countersign/local-sigstore";
import { tokenOf, tokensPath } from "./attack-row-certificate.ts";
import { entriesPath } from "./attack-row-log.ts";
import { after, forge, type Attack, type Departure, type Stage } from "./attack-vector.ts";
import { makeEvidence, statementOf, artifactBytes, type Plan } from "./evidence.ts";
import { bytesOfJson, type Loose } from "./json.ts";

const envelopeV1: Plan = { entry: "hashedrekord 0.0.1", content: "envelope" };
const checkpointPath = `${entriesPath}.0.inclusionProof.checkpoint.envelope`;
const ok: Departure = { expect: "ok", control: true };

/** X6: later cases of sigstore-conformance made anew, half of which are honest bundles that a strict reader may refuse. */
export function rowX6(stage: Stage): Attack[] {
  return [...envelopes(stage), ...authorities(stage), ...timestamps(stage), ...statements(stage)];
}

/** An attestation whose entry in Rekor v1 is a hashedrekord over the envelope's encoding. */
function envelopes(stage: Stage): Attack[] {
  const make = forge(stage, "X6", "sigstore-conformance: dsse-with-hashedrekord-*");
  const { a } = stage;
  const mismatch: Departure = { expect: "SIGSTORE_ENTRY_MISMATCH" };
  const invalid: Departure = { expect: "SIGSTORE_SIGNATURE_INVALID" };
  const honest = makeEvidence(a, envelopeV1);
  const other = makeEvidence(a, { ...envelopeV1, payload: statementOf(utf8("another")) });
  const digestOf = (bytes: Uint8Array): Uint8Array => createHash("sha256").update(bytes).digest();
  const logged = (digest: Uint8Array): Plan => ({ ...envelopeV1, logged: (signed) => ({ ...signed, digest }) });
  const managed = makeKeyPair("p256");
  const intoto = makeEvidence(a, {
    managed,
    entry: "intoto 0.0.2",
    content: "envelope",
    proof: { withoutPromise: true },
  });
  const oneName = a.rekorV1.checkpoint({ origin: a.rekorV1.name });
  return [
    make("control-envelope-hashed", "attestation logged in Rekor v1 by the hash of its encoding", honest, ok),
    make("control-envelope-hashed-key", "the same by a managed key", makeEvidence(a, { ...envelopeV1, managed }), ok),
    make("envelope-hashed-payload", "its payload of another attestation", honest, {
      ...invalid,
      edits: [["dsseEnvelope.payload", base64(other.signed.payload)]],
    }),
    make("envelope-hashed-signature", "its signature of another attestation", honest, {
      ...invalid,
      edits: [["dsseEnvelope.signatures.0.sig", base64(other.signed.signature)]],
    }),
    make(
      "envelope-hashed-bare",
      "entry over the payload alone",
      makeEvidence(a, logged(digestOf(honest.signed.payload))),
      mismatch,
    ),
    make(
      "envelope-hashed-artifact",
      "entry over the artifact",
      makeEvidence(a, logged(digestOf(artifactBytes))),
      mismatch,
    ),
    make("envelope-hashed-other", "entry of another attestation", honest, {
      ...mismatch,
      edits: [[entriesPath, [a.rekorV1.append(hashedRekordBody001(other.signed)) as unknown as Loose]]],
    }),
    make("control-intoto-one-name", "intoto entry of a log whose checkpoint has its name alone as origin", intoto, {
      ...ok,
      edits: [[checkpointPath, oneName]],
    }),
  ];
}

/** A decoy with the name of the authority or with a window that is wide enough. */
function authorities(stage: Stage): Attack[] {
  const make = forge(stage, "X6", "sigstore-conformance: sct-duplicate-intermediate-name");
  const { a, b, twin } = stage;
  const evidence = makeEvidence(a);
  const ended = { ...a.tsa.trusted, validFor: { start: after(-3600), end: after(-1800) } };
  const borrow = {
    expect: "SIGSTORE_TIMESTAMP_WINDOW",
    source: "sigstore-conformance: rekor2-timestamp-wrong-tsa-validity-borrow_fail",
  };
  return [
    make("control-decoy-first", "an authority of the same name and another key before the issuer", evidence, {
      ...ok,
      root: { cas: [twin.ca.trusted, a.ca.trusted] },
    }),
    make("control-decoy-last", "the same after the issuer", evidence, {
      ...ok,
      root: { cas: [a.ca.trusted, twin.ca.trusted] },
    }),
    make("window-of-another", "timestamp outside its authority's window, inside that of another", evidence, {
      ...borrow,
      root: { tsas: [ended, b.tsa.trusted] },
    }),
    make("window-of-twin", "the same, and the other has the same name", evidence, {
      expect: "SIGSTORE_TIMESTAMP_WINDOW",
      source: borrow.source,
      root: { tsas: [ended, twin.tsa.trusted] },
    }),
    make("window-of-nobody", "the same, and the other has no certificates", evidence, {
      expect: "SIGSTORE_TIMESTAMP_WINDOW",
      source: borrow.source,
      root: { tsas: [ended, b.tsa.trusted] },
      rootEdits: [["timestampAuthorities.1.certChain.certificates", []]],
    }),
  ];
}

function timestamps(stage: Stage): Attack[] {
  const make = forge(stage, "X6", "sigstore-conformance: rekor2-multiple-timestamps-one-outside-cert-validity_fail");
  const { a } = stage;
  const evidence = makeEvidence(a);
  const { signedTimestamp } = tokenOf(a.tsa, evidence);
  const late = tokenOf(a.tsa, evidence, { time: after(30 * 86_400) });
  const lined = (text: string, mark = "\n"): string => (text.match(/.{1,64}/g) ?? []).join(mark) + mark;
  const wrapped = (mark: string): string => lined(signedTimestamp, mark);
  const token = (text: string): NonNullable<Departure["edits"]> => [[`${tokensPath}.0.signedTimestamp`, text]];
  const expired = makeTsa({ uri: "http://tsa.a.test", now: () => a.now, kind: "p256", leaf: { notAfter: after(60) } });
  const lines = "sigstore-conformance: rekor2-timestamp-with-incorrect-time_fail has such a token";
  return [
    make("stamp-after", "a second timestamp, made a month after the certificate's end", evidence, {
      expect: "SIGSTORE_CERTIFICATE_TIME",
      edits: [[tokensPath, [tokenOf(a.tsa, evidence), late]]],
    }),
    make("control-stamp-lines", "a timestamp whose base64 is in lines", evidence, {
      ...ok,
      edits: token(wrapped("\n")),
      source: lines,
    }),
    make("control-stamp-crlf", "the same with the line ends of MIME", evidence, {
      ...ok,
      edits: token(wrapped("\r\n")),
      source: lines,
    }),
    make("stamp-spaces", "the same with spaces", evidence, {
      expect: "SIGSTORE_BUNDLE_MALFORMED",
      edits: token(wrapped(" ")),
      source: lines,
    }),
    make("control-root-lines", "a trust root whose certificates are in lines", evidence, {
      ...ok,
      rootEdits: [
        ["timestampAuthorities.0.certChain.certificates.0.rawBytes", lined(base64(a.tsa.chain[0] ?? new Uint8Array()))],
      ],
      source: lines,
    }),
    make("control-stamp-expired-chain", "an authority whose certificate has ended by now", evidence, {
      ...ok,
      edits: [[tokensPath, [tokenOf(expired, evidence)]]],
      root: { tsas: [expired.trusted] },
      source: "sigstore-conformance: rekor2-timestamp-with-expired-cert-chain",
    }),
  ];
}

function statements(stage: Stage): Attack[] {
  const make = forge(stage, "X6", "sigstore-conformance: dsse-statement-*-type_fail");
  const managed = makeKeyPair("p256");
  const statement = JSON.parse(new TextDecoder().decode(statementOf(artifactBytes))) as Record<string, Loose>;
  const typed = (type: Loose | undefined): Plan => {
    const { _type: _, ...rest } = statement;
    return { managed, content: "envelope", payload: bytesOfJson(type === undefined ? rest : { _type: type, ...rest }) };
  };
  const malformed: Departure = { expect: "CORE_STATEMENT_MALFORMED" };
  return [
    make("statement-no-type", "Statement without its type", makeEvidence(stage.a, typed(undefined)), malformed),
    make(
      "statement-v2",
      "Statement of a version to come",
      makeEvidence(stage.a, typed("https://in-toto.io/Statement/v2")),
      malformed,
    ),
    make("statement-null", "Statement whose type is null", makeEvidence(stage.a, typed(null)), malformed),
    make(
      "statement-slash",
      "Statement whose type has a slash too many",
      makeEvidence(stage.a, typed("https://in-toto.io/Statement/v1/")),
      malformed,
    ),
  ];
}
