import { digestOf, makeVerifier, parseDigest, type Artifact, type Digest } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import {
  artifactBytes,
  bundleOf,
  digestOnly,
  makeEvidence,
  makeInstance,
  outcomeOf,
  trustRootOf,
  withAt,
  type Evidence,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { examineBundle } from "./verify.ts";

const instance = makeInstance();
const root = trustRootOf(instance);
const nowMs = instance.now.getTime();
const evil = new TextEncoder().encode("another file\n");
const signed = digestOf("sha256", artifactBytes);
const message = makeEvidence(instance);
const envelope = makeEvidence(instance, { content: "envelope" });

function claimsOf({ json }: Pick<Evidence, "json">, artifact: Artifact): readonly Digest[] | string {
  const { claims, problem } = examineBundle(bundleOf(json), artifact, root, { nowMs });
  return claims?.artifact.digests ?? problem?.code ?? "neither";
}

describe("an artifact that is two things at once", () => {
  test.each([
    ["a message", message],
    ["an envelope", envelope],
  ])("is refused as wrong usage: bytes that do not have the digest beside them, %s", (_, evidence) => {
    for (const bytes of [evil, new Uint8Array()]) {
      expect(outcomeOf(() => claimsOf(evidence, { name: "x", bytes, digests: [signed] }))).toBe(
        "SIGSTORE_ARTIFACT_INCONSISTENT",
      );
    }
    const digests = [signed, digestOf("sha512", evil)];
    expect(outcomeOf(() => claimsOf(evidence, { name: "x", bytes: artifactBytes, digests }))).toBe(
      "SIGSTORE_ARTIFACT_INCONSISTENT",
    );
  });

  test("also where a key signed, no log is asked for and the bundle names no digest", () => {
    const keyed = makeEvidence(instance, { managed: makeKeyPair("p256"), entry: "none" });
    const bundle = bundleOf(withAt(keyed.json, "messageSignature.messageDigest", undefined));
    const options = { nowMs, key: makeVerifier(keyed.key.spki), require: { logEntries: 0 } };
    const artifact = { name: "x", bytes: artifactBytes, digests: [digestOf("sha256", evil)] };
    expect(outcomeOf(() => examineBundle(bundle, artifact, root, options))).toBe("SIGSTORE_ARTIFACT_INCONSISTENT");
    expect(outcomeOf(() => examineBundle(bundle, { ...artifact, digests: [] }, root, options))).toBe(
      "CORE_DIGEST_MISSING",
    );
  });

  test.each([
    ["a message", message],
    ["an envelope", envelope],
  ])("known by digests alone is believed only in the digest that was signed, %s", (_, evidence) => {
    expect(claimsOf(evidence, { name: "x", digests: [signed, digestOf("sha512", evil)] })).toEqual([signed]);
  });

  test("a digest that is none is refused", () => {
    const odd = ["md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:", "sha1", ""] as string[] as Digest[];
    for (const digest of odd)
      expect(outcomeOf(() => claimsOf(message, { name: "x", bytes: artifactBytes, digests: [digest] }))).toBe(
        "CORE_DIGEST_MALFORMED",
      );
  });
});

test("a file keeps all of its digests, one known by its digest that one", () => {
  expect(claimsOf(message, message.artifact)).toEqual(message.artifact.digests);
  expect(claimsOf(envelope, message.artifact)).toEqual(message.artifact.digests);
  expect(claimsOf(message, digestOnly(message.artifact))).toEqual([parseDigest(signed)]);
});

test("the algorithm in the claims is the one that was checked, not the one the caller's key came with", () => {
  const pair = makeKeyPair("rsa2048");
  const keyed = makeEvidence(instance, { managed: pair, entry: "none" });
  const options = { nowMs, key: makeVerifier(pair.spki, "rsa-pss-sha512"), require: { logEntries: 0 } };
  const { claims } = examineBundle(bundleOf(keyed.json), keyed.artifact, root, options);
  expect(claims?.signer).toMatchObject({ kind: "key", algorithm: "rsa-pkcs1-sha256" });
});
