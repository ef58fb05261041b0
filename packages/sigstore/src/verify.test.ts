import { checkVerified, isVerified, makeVerifier, utf8, type Artifact } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import {
  artifactBytes,
  artifactOf,
  bundleOf,
  digestOnly,
  makeEvidence,
  makeInstance,
  outcomeOf,
  signer,
  statementOf,
  trustRootOf,
  withAt,
  type Plan,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { requirements } from "./requirement.ts";
import type { Bundle } from "./bundle.ts";
import type { TrustRoot } from "./trust-root.ts";
import { examineBundle, makeExamine, verifyBundle, type VerifyOptions } from "./verify.ts";

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();
const managed = makeKeyPair("p256");
const key = makeVerifier(managed.spki);

describe("claims", () => {
  test("say what was proved, are frozen, and cannot be copied", () => {
    const { json, artifact } = makeEvidence(instance, { content: "envelope" });
    const claims = verifyBundle(bundleOf(json), artifact, trust, { nowMs });
    expect(claims).toMatchObject({
      via: "sigstore",
      artifact: { digests: artifact.digests },
      signer: { kind: "certificate", identity: { type: "uri", value: signer.identity }, issuer: signer.issuer },
      times: [
        { source: "rfc3161", authority: "http://tsa.a.test", operator: "tsa-a", time: instance.now.toISOString() },
      ],
      logs: [{ origin: "log.a.test", operator: "log-a", entry: "hashedrekord 0.0.2", proof: "inclusion" }],
      scts: [{ operator: "ct-a" }],
      statement: { predicateType: "https://slsa.dev/provenance/v1", subjects: [{ name: "release.tar" }] },
    });
    expect(Object.isFrozen(claims.times)).toBe(true);
    expect(isVerified(claims)).toBe(true);
    expect(outcomeOf(() => checkVerified({ ...claims }))).toBe("CORE_NOT_VERIFIED");
  });

  test("are plain JSON", () => {
    const { json, artifact } = makeEvidence(instance, { entry: "hashedrekord 0.0.1" });
    const claims = verifyBundle(bundleOf(json), artifact, trust, { nowMs });
    expect(JSON.parse(JSON.stringify(claims))).toEqual(claims);
    expect(claims.times).toMatchObject([{ source: "rekor-v1", authority: "rekor.a.test" }]);
  });
});

describe("S3: key and certificate", () => {
  const keyed = makeEvidence(instance, { managed });
  const keyless = makeEvidence(instance);
  test("each refuses the other kind of bundle, as a usage error that is thrown", () => {
    expect(outcomeOf(() => examineBundle(bundleOf(keyed.json), keyed.artifact, trust, { nowMs }))).toBe(
      "SIGSTORE_KEY_NEEDED",
    );
    expect(outcomeOf(() => examineBundle(bundleOf(keyless.json), keyless.artifact, trust, { nowMs, key }))).toBe(
      "SIGSTORE_KEY_UNWANTED",
    );
  });

  test("the right key verifies; another one, or a hint of another one, does not", () => {
    const verify = (hint: string, by = key): string =>
      outcomeOf(() =>
        verifyBundle(bundleOf(withAt(keyed.json, "verificationMaterial.publicKey.hint", hint)), keyed.artifact, trust, {
          nowMs,
          key: by,
        }),
      );
    expect([verify(""), verify(key.keyid), verify("another")]).toEqual(["accepted", "accepted", "SIGSTORE_KEY_HINT"]);
    expect(verify("", makeVerifier(makeKeyPair("p256").spki))).toBe("SIGSTORE_SIGNATURE_INVALID");
  });

  test("a key needs a log entry unless that is waived", () => {
    const { json, artifact } = makeEvidence(instance, { managed, entry: "none" });
    const verify = (logEntries: number): string =>
      outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs, key, require: { logEntries } }));
    expect([verify(1), verify(0)]).toEqual(["SIGSTORE_TOO_FEW_LOG_ENTRIES", "accepted"]);
  });
});

describe("by path and by digest", () => {
  const plans: readonly Plan[] = [
    {},
    { entry: "hashedrekord 0.0.1" },
    { content: "envelope" },
    { content: "envelope", entry: "dsse 0.0.1" },
  ];
  test.each(plans)("S1: %j for another artifact is refused", (plan) => {
    const { json, artifact } = makeEvidence(instance, plan);
    const other = artifactOf(utf8("another"));
    const expected = plan.content === "envelope" ? "SIGSTORE_SUBJECT_MISMATCH" : "SIGSTORE_ARTIFACT_MISMATCH";
    for (const each of [other, digestOnly(other)])
      expect(outcomeOf(() => verifyBundle(bundleOf(json), each, trust, { nowMs }))).toBe(expected);
    for (const each of [artifact, digestOnly(artifact)])
      expect(outcomeOf(() => verifyBundle(bundleOf(json), each, trust, { nowMs }))).toBe("accepted");
  });

  test("without the hint the signature itself refuses another artifact", () => {
    const { json } = makeEvidence(instance);
    const bare = withAt(json, "messageSignature.messageDigest", undefined);
    const other = artifactOf(utf8("another"));
    for (const each of [other, digestOnly(other)])
      expect(outcomeOf(() => verifyBundle(bundleOf(bare), each, trust, { nowMs }))).toBe("SIGSTORE_SIGNATURE_INVALID");
  });

  test("S18: an envelope with another payload type or no Statement inside", () => {
    const verify = (plan: Plan): string => {
      const { json, artifact } = makeEvidence(instance, { content: "envelope", ...plan });
      return outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs }));
    };
    expect(verify({ payloadType: "text/plain" })).toBe("SIGSTORE_PAYLOAD_TYPE");
    expect(verify({ payload: utf8("{}") })).toBe("CORE_STATEMENT_MALFORMED");
    expect(verify({ payload: statementOf(artifactBytes, { md5: "00" }) })).toBe("SIGSTORE_SUBJECT_MISMATCH");
  });
});

test("every problem is listed, the first one is thrown", () => {
  const { json } = makeEvidence(instance, {
    stamps: [{ message: Uint8Array.of(1) }],
    leaf: { extendedKeyUsages: [], sct: "none" },
  });
  const { checks } = examineBundle(bundleOf(json), artifactOf(utf8("another")), trust, { nowMs });
  expect(checks.filter(({ result }) => result === "failed").map(({ name, code }) => [name, code])).toEqual([
    ["artifact-digest", "SIGSTORE_ARTIFACT_MISMATCH"],
    ["signature", "SIGSTORE_SIGNATURE_INVALID"],
    ["timestamp[0]", "SIGSTORE_TIMESTAMP_MISMATCH"],
    ["log-entry[0]", "SIGSTORE_ENTRY_MISMATCH"],
    ["log-entries", "SIGSTORE_TOO_FEW_LOG_ENTRIES"],
    ["times", "SIGSTORE_TOO_FEW_TIMES"],
    ["certificate-usage", "SIGSTORE_CERTIFICATE_USAGE"],
    ["scts", "SIGSTORE_TOO_FEW_SCTS"],
  ]);
});

describe("what a verdict needs", () => {
  test("is one frozen table", () => {
    expect(requirements).toEqual({
      certificate: { scts: 1, logEntries: 1, times: 1 },
      key: { scts: 0, logEntries: 1, times: 0 },
      github: { scts: 0, logEntries: 0, times: 1 },
    });
    expect(Object.values(requirements).every((row) => Object.isFrozen(row))).toBe(true);
  });

  test("an instance like GitHub's own: no log, no SCT, one timestamp", () => {
    const { json, artifact } = makeEvidence(instance, { entry: "none", leaf: { sct: "none" } });
    const verify = (require: object): string =>
      outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs, require }));
    expect([verify(requirements.github), verify({})]).toEqual(["accepted", "SIGSTORE_TOO_FEW_LOG_ENTRIES"]);
  });
});

test("nothing of a bundle is remembered: the same trust root judges each one anew", () => {
  const good = makeEvidence(instance);
  const bad = makeEvidence(instance, { authority: makeInstance("b").ca });
  const verify = ({ json, artifact }: typeof good): string =>
    outcomeOf(() => verifyBundle(bundleOf(json), artifact, trust, { nowMs }));
  expect([verify(good), verify(bad), verify(good), verify(bad)]).toEqual([
    "accepted",
    "SIGSTORE_CERTIFICATE_UNTRUSTED",
    "accepted",
    "SIGSTORE_CERTIFICATE_UNTRUSTED",
  ]);
});

describe("makeExamine: many artifacts of one attestation", () => {
  const [one, two, stranger] = ["one", "two", "stranger"].map((text) => artifactOf(utf8(text), text)) as [
    Artifact,
    Artifact,
    Artifact,
  ];
  const subject = [one, two].map(({ name, digests }) => ({ name, digest: { sha256: digests[0]?.slice(7) } }));
  const statement = { _type: "https://in-toto.io/Statement/v1", subject, predicateType: "urn:x", predicate: {} };
  const { json } = makeEvidence(instance, { content: "envelope", payload: utf8(JSON.stringify(statement)) });

  test("says of each what examineBundle says", () => {
    const bundle = bundleOf(json);
    const examine = makeExamine();
    for (const artifact of [one, two, stranger, digestOnly(two), one]) {
      const examined = examine(bundle, artifact, trust, { nowMs });
      expect(examined).toEqual(examineBundle(bundle, artifact, trust, { nowMs }));
      expect(examined.claims === undefined || isVerified(examined.claims)).toBe(true);
    }
    const bent = { ...two, digests: one.digests };
    expect(outcomeOf(() => examine(bundle, bent, trust, { nowMs }))).toBe("SIGSTORE_ARTIFACT_INCONSISTENT");
  });

  test("proves again by another bundle, root, time or number, and only then", () => {
    const bundle = bundleOf(json);
    const examine = makeExamine();
    const outcome = (...[of, by, options]: [Bundle, TrustRoot, VerifyOptions]): boolean =>
      examine(of, two, by, options).claims !== undefined;
    expect(outcome(bundle, trust, { nowMs })).toBe(true);
    // No other way shows that the signature is not looked at again.
    if (bundle.content.kind === "envelope") bundle.content.envelope.signatures[0]?.sig.fill(0);
    expect(outcome(bundle, trust, { nowMs })).toBe(true);
    expect(outcome({ ...bundle }, trust, { nowMs })).toBe(false);
    expect(outcome(bundle, { ...trust }, { nowMs })).toBe(false);
    expect(outcome(bundle, trust, { nowMs: nowMs + 1 })).toBe(false);
    expect(outcome(bundle, trust, { nowMs, require: { times: 0 } })).toBe(false);
    expect(outcome(bundle, trust, { nowMs, require: { times: requirements.certificate.times } })).toBe(true);
  });

  test("a signature over the artifact itself is looked at each time", () => {
    const { json: signed, artifact } = makeEvidence(instance);
    const bundle = bundleOf(signed);
    const examine = makeExamine();
    expect(examine(bundle, artifact, trust, { nowMs }).claims).toBeDefined();
    const { problem } = examine(bundle, stranger, trust, { nowMs });
    expect(problem).toEqual(examineBundle(bundle, stranger, trust, { nowMs }).problem);
  });
});
