import { makeKeyPair } from "@countersign/local-sigstore";
import {
  bytesOfJson,
  makeEvidence,
  makeInstance,
  outcomeOf,
  signer,
  withAt,
  type Loose,
  type Plan,
} from "@countersign/testkit";
import { expect, test } from "vitest";
import { describeBundle } from "./index.ts";

const instance = makeInstance();
const described = (plan: Plan, edit: (json: Loose) => Loose = (json) => json) =>
  describeBundle(bytesOfJson(edit(makeEvidence(instance, plan).json)));

test("who, when, which log, which subjects; all of it marked as unverified", () => {
  expect(described({ content: "envelope" })).toMatchObject({
    verified: false,
    signer: { kind: "certificate", identities: [signer.identity], issuer: signer.issuer },
    content: {
      kind: "envelope",
      payloadType: "application/vnd.in-toto+json",
      predicateType: "https://slsa.dev/provenance/v1",
      subjects: [{ name: "release.tar" }],
    },
    logEntries: [{ log: "log.a.test", kind: "hashedrekord 0.0.2" }],
    timestamps: [instance.now.toISOString()],
  });
  expect(described({ entry: "hashedrekord 0.0.1" }).logEntries).toMatchObject([
    { integratedTime: instance.now.toISOString() },
  ]);
  const claims = { sourceRepositoryURI: "https://git.test/x" };
  expect(described({ leaf: { claims } }).signer).toMatchObject({ extensions: claims });
  expect(described({ managed: makeKeyPair("p256"), hint: "mine" }).signer).toEqual({ kind: "key", hint: "mine" });
});

test("what cannot be read is said to be so, and never throws", () => {
  expect(
    described({}, (json) =>
      withAt(json, "verificationMaterial.timestampVerificationData.rfc3161Timestamps.0.signedTimestamp", "MAA="),
    ).timestamps,
  ).toEqual(["unreadable"]);
  expect(described({ content: "envelope", payload: new Uint8Array([1]) }).content).toMatchObject({ subjects: [] });
  expect(described({ leaf: { issuerForms: [] } }).signer).not.toHaveProperty("issuer");
  const far = described({ entry: "hashedrekord 0.0.1" }, (json) =>
    withAt(json, "verificationMaterial.tlogEntries.0.integratedTime", "9223372036854775807"),
  );
  expect(far.logEntries[0]).not.toHaveProperty("integratedTime");
  const bare = described({ entry: "hashedrekord 0.0.1", version: "0.1" }, (json) =>
    withAt(json, "verificationMaterial.tlogEntries.0.inclusionProof", undefined),
  );
  expect(bare.logEntries[0]?.log).toMatch(/^log id [0-9a-f]{64}$/);
  expect(outcomeOf(() => describeBundle(new Uint8Array()))).toBe("CORE_JSON_MALFORMED");
});
