import { sign as signRaw } from "node:crypto";
import { generateSigner, pae, utf8, type AlgorithmName, type Artifact } from "@countersign/core";
import { makeKeyPair, signWith } from "@countersign/local-sigstore";
import {
  artifactBytes,
  artifactOf,
  bundleOf,
  digestOnly,
  makeEvidence,
  makeInstance,
  outcomeOf,
  statementOf,
  type Plan,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  checkDigestHint,
  checkEnvelopeSignature,
  checkMessageSignature,
  checkSubject,
  inTotoPayload,
  readingOf,
  readStatement,
  type MessageContent,
} from "./signature.ts";
import { bundleKey } from "./signature-key.ts";

const artifact = artifactOf(artifactBytes);
const [sha256, sha384, sha512] = artifact.digests as [
  MessageContent["digest"] & string,
  MessageContent["digest"] & string,
  MessageContent["digest"] & string,
];
const byDigest = (...digests: (typeof sha256)[]): Artifact => ({ name: "digest", digests });
const message = (signature: Uint8Array, digest?: typeof sha256): MessageContent => ({
  kind: "message",
  signature,
  ...(digest === undefined ? {} : { digest }),
});
const instance = makeInstance();

describe("a signature over the artifact", () => {
  const algorithms: readonly AlgorithmName[] = [
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ecdsa-p521-sha512",
    "ecdsa-p384-sha256",
    "ecdsa-p521-sha256",
    "rsa-pkcs1-sha256",
    "rsa-pss-sha256",
    "ed25519",
    "ed25519ph",
    "ml-dsa-44",
  ];
  test.each(algorithms)("%s", async (name) => {
    const signer = generateSigner(name);
    const signature = await signer.sign({ message: artifactBytes });
    const check = (content: MessageContent, what: Artifact, isLogged = false): string =>
      outcomeOf(() => checkMessageSignature(content, what, bundleKey(signer.spki), isLogged));
    expect(check(message(signature), artifact)).toBe("accepted");
    expect(check(message(signature), artifact, true)).toBe("accepted");
    expect(check(message(signature), artifactOf(utf8("another")))).toBe("SIGSTORE_SIGNATURE_INVALID");
    expect(check(message(signature.with(9, (signature[9] as number) ^ 1)), artifact)).toBe(
      "SIGSTORE_SIGNATURE_INVALID",
    );
    expect(check(message(new Uint8Array([1])), artifact)).toBe("SIGSTORE_SIGNATURE_INVALID");
    const hash = signer.algorithm.hash === "sha256" ? sha256 : signer.algorithm.hash === "sha384" ? sha384 : sha512;
    expect(check(message(signature, hash), byDigest(hash))).toBe(
      signer.algorithm.hash === undefined ? "CORE_DIGEST_UNUSABLE" : "accepted",
    );
  });

  test("another key of the same kind", () => {
    const content = message(signWith(makeKeyPair("p256"), artifactBytes));
    expect(outcomeOf(() => checkMessageSignature(content, artifact, bundleKey(makeKeyPair("p256").spki), false))).toBe(
      "SIGSTORE_SIGNATURE_INVALID",
    );
  });

  test("S25: a digest that the algorithm cannot use is a usage error, and never taken as the message", () => {
    const key = makeKeyPair("p384");
    const digestBytes = Buffer.from(sha256.slice(7), "hex");
    for (const signed of [artifactBytes, digestBytes, utf8(sha256)]) {
      const content = message(signWith(key, signed));
      expect(outcomeOf(() => checkMessageSignature(content, byDigest(sha256), bundleKey(key.spki), false))).toBe(
        "CORE_DIGEST_UNUSABLE",
      );
    }
    const ed25519 = makeKeyPair("ed25519");
    const overDigest = message(new Uint8Array(signRaw(null, digestBytes, ed25519.privateKey)));
    expect(outcomeOf(() => checkMessageSignature(overDigest, byDigest(sha256), bundleKey(ed25519.spki), false))).toBe(
      "CORE_DIGEST_UNUSABLE",
    );
    // With SHA-512 Ed25519ph can be told: this is none.
    expect(["SIGSTORE_SIGNATURE_INVALID", "CORE_DIGEST_UNUSABLE"]).toContain(
      outcomeOf(() => checkMessageSignature(overDigest, byDigest(sha512), bundleKey(ed25519.spki), true)),
    );
  });
});

describe("the digest hint", () => {
  test("must be the artifact's", () => {
    expect(outcomeOf(() => checkDigestHint(message(artifactBytes), artifact))).toBe("accepted");
    expect(outcomeOf(() => checkDigestHint(message(artifactBytes, sha256), artifact))).toBe("accepted");
    expect(outcomeOf(() => checkDigestHint(message(artifactBytes, sha512), digestOnly(artifact)))).toBe(
      "SIGSTORE_DIGEST_MISSING",
    );
    expect(outcomeOf(() => checkDigestHint(message(artifactBytes, sha256), artifactOf(utf8("another"))))).toBe(
      "SIGSTORE_ARTIFACT_MISMATCH",
    );
  });
});

describe("an envelope", () => {
  const payload = statementOf(artifactBytes);
  const envelope = (sig: Uint8Array, payloadType: string = inTotoPayload) => ({
    payloadType,
    payload,
    signatures: [{ keyid: "", sig }],
  });
  test.each([
    "ecdsa-p256-sha256",
    "ecdsa-p384-sha384",
    "ecdsa-p384-sha256",
    "rsa-pss-sha256",
    "ed25519",
    "ml-dsa-65",
  ] as const)("signed by %s", async (name) => {
    const signer = generateSigner(name);
    const sig = await signer.sign({ message: pae(inTotoPayload, payload) });
    expect(outcomeOf(() => checkEnvelopeSignature(envelope(sig), bundleKey(signer.spki)))).toBe("accepted");
    expect(outcomeOf(() => checkEnvelopeSignature(envelope(sig, "text/plain"), bundleKey(signer.spki)))).toBe(
      "SIGSTORE_SIGNATURE_INVALID",
    );
    const overPayload = await signer.sign({ message: payload });
    expect(outcomeOf(() => checkEnvelopeSignature(envelope(overPayload), bundleKey(signer.spki)))).toBe(
      "SIGSTORE_SIGNATURE_INVALID",
    );
  });

  test("S18: another payload type, a payload that is no Statement, no signature", () => {
    expect(outcomeOf(() => readStatement(envelope(payload, "application/json")))).toBe("SIGSTORE_PAYLOAD_TYPE");
    expect(outcomeOf(() => readStatement({ ...envelope(payload), payload: utf8("{}") }))).toBe(
      "CORE_STATEMENT_MALFORMED",
    );
    expect(
      outcomeOf(() =>
        checkEnvelopeSignature({ ...envelope(payload), signatures: [] }, bundleKey(makeKeyPair("p256").spki)),
      ),
    ).toBe("SIGSTORE_SIGNATURE_INVALID");
  });
});

describe("S24: a subject matches if each of its SHA-2 digests that we know is ours", () => {
  const hex = (digest: string): string => digest.slice(7);
  const zeros = "0".repeat(128);
  test.each<[string, Record<string, string>, Artifact, string]>([
    ["sha256", { sha256: hex(sha256) }, digestOnly(artifact), "accepted"],
    ["sha512 alone, artifact read", { sha512: hex(sha512) }, artifact, "accepted"],
    ["sha512 alone, only sha256 known", { sha512: hex(sha512) }, digestOnly(artifact), "SIGSTORE_SUBJECT_MISMATCH"],
    ["sha256 right, sha512 wrong", { sha256: hex(sha256), sha512: zeros }, artifact, "SIGSTORE_SUBJECT_MISMATCH"],
    [
      "sha256 wrong, sha512 right",
      { sha256: zeros.slice(64), sha512: hex(sha512) },
      artifact,
      "SIGSTORE_SUBJECT_MISMATCH",
    ],
    ["upper case", { sha256: hex(sha256).toUpperCase() }, artifact, "SIGSTORE_SUBJECT_MISMATCH"],
    ["an unknown algorithm alone", { md5: "00" }, artifact, "SIGSTORE_SUBJECT_MISMATCH"],
    ["an unknown algorithm beside", { sha256: hex(sha256), gitCommit: "00" }, artifact, "accepted"],
    ["no digest", {}, artifact, "CORE_STATEMENT_MALFORMED"],
  ])("%s", (_, digest, what, outcome) => {
    const envelope = { payloadType: inTotoPayload, payload: statementOf(artifactBytes, digest), signatures: [] };
    expect(outcomeOf(() => checkSubject(readStatement(envelope), what))).toBe(outcome);
  });
});

describe("how an artifact must be read", () => {
  const reading = (plan: Plan, spki?: Uint8Array) => readingOf(bundleOf(makeEvidence(instance, plan).json), spki);
  test("for messages the usual hash of the key, for envelopes the hashes of the subjects", () => {
    expect(reading({})).toEqual({ hashes: ["sha256"], wholeMessage: false });
    expect(reading({ key: makeKeyPair("p384") })).toEqual({ hashes: ["sha256", "sha384"], wholeMessage: false });
    expect(reading({ content: "envelope" })).toEqual({ hashes: ["sha256"], wholeMessage: false });
    expect(
      reading({ content: "envelope", payload: statementOf(artifactBytes, { sha512: sha512.slice(7) }) }).hashes,
    ).toEqual(["sha256", "sha512"]);
    expect(reading({ content: "envelope", payload: utf8("no Statement") }).hashes).toEqual(["sha256"]);
  });

  test("for pure Ed25519 and ML-DSA the message itself", () => {
    const managed = makeKeyPair("ed25519");
    expect(reading({ managed, entry: "none" }, managed.spki)).toEqual({
      hashes: ["sha256", "sha512"],
      wholeMessage: true,
    });
    const ml = makeKeyPair("ml-dsa-44");
    expect(reading({ managed: ml, entry: "none" }, ml.spki).wholeMessage).toBe(true);
    expect(reading({ managed, entry: "none" })).toEqual({ hashes: ["sha256"], wholeMessage: false });
  });
});
