import { describe, expect, test } from "vitest";
import { verifyBundle } from "@countersign/sigstore";
import { makeVerifier } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import { bundleOf, digestOnly, makeEvidence, makeInstance, signer, trustRootOf, type Plan } from "./index.ts";

const instance = makeInstance();
const trust = trustRootOf(instance);
const nowMs = instance.now.getTime();

const keyless: readonly Plan[] = [
  { entry: "hashedrekord 0.0.1", version: "0.1" },
  { entry: "hashedrekord 0.0.1", version: "0.2" },
  { entry: "hashedrekord 0.0.1" },
  { entry: "hashedrekord 0.0.2" },
  { entry: "dsse 0.0.1", content: "envelope" },
  { entry: "intoto 0.0.2", content: "envelope", version: "0.2" },
  { entry: "hashedrekord 0.0.2", content: "envelope" },
  { entry: "dsse 0.0.2", content: "envelope" },
  { key: makeKeyPair("p384") },
];

describe("an honest bundle verifies", () => {
  test.each(keyless)("keyless %j", (plan) => {
    const { json, artifact } = makeEvidence(instance, plan);
    for (const each of plan.key === undefined ? [artifact, digestOnly(artifact)] : [artifact]) {
      const claims = verifyBundle(bundleOf(json), each, trust, { nowMs });
      expect(claims.signer).toMatchObject({
        kind: "certificate",
        identity: { type: "uri", value: signer.identity },
        issuer: signer.issuer,
      });
      expect(claims.logs).toHaveLength(1);
      expect(claims.scts).toHaveLength(1);
      expect(claims.times).toHaveLength(1);
    }
  });

  test.each(["p256", "p384", "p521", "rsa2048"] as const)("with a managed %s key", (kind) => {
    const managed = makeKeyPair(kind);
    for (const entry of ["hashedrekord 0.0.1", "hashedrekord 0.0.2"] as const) {
      const { json, artifact } = makeEvidence(instance, { managed, entry });
      const claims = verifyBundle(bundleOf(json), artifact, trust, { nowMs, key: makeVerifier(managed.spki) });
      expect(claims.signer).toMatchObject({ kind: "key" });
    }
  });
});
