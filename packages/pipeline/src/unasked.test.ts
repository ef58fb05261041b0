import { utf8 } from "@countersign/core";
import type { Policy } from "@countersign/policy";
import {
  artifactBytes,
  artifactOf,
  bytesOfJson,
  makeEvidence,
  makeInstance,
  signer,
  trustRootBytes,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { inspect, loadTrust, type EvidenceFile, type Report } from "./index.ts";

const instance = makeInstance();
const { now } = instance;
const artifact = artifactOf(artifactBytes);
const policy: Policy = {
  signers: [{ kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } }],
};
const testResult = "https://in-toto.io/attestation/test-result/v0.1";

/** An attestation that says that the artifact failed its tests. */
function attestation(predicateType: string): EvidenceFile {
  const digest = { sha256: artifact.digests[0]?.slice("sha256:".length) };
  const statement = {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest }],
    predicateType,
    predicate: { result: "FAILED", configuration: [] },
  };
  const plan = { content: "envelope", payload: utf8(JSON.stringify(statement)) } as const;
  return { source: predicateType, bytes: bytesOfJson(makeEvidence(instance, plan).json) };
}
const signature: EvidenceFile = { source: "signature", bytes: bytesOfJson(makeEvidence(instance).json) };

async function run(evidence: readonly EvidenceFile[], more: Partial<Policy> = {}): Promise<Report> {
  const trust = await loadTrust({ now, files: [{ source: "root.json", bytes: trustRootBytes(instance.parts) }] });
  const world = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
  return inspect(artifact, { ...policy, ...more }, world);
}

function warnings({ findings }: Report): readonly string[] {
  return findings.filter(({ code }) => code === "PIPELINE_PREDICATE_TYPE_UNASKED").map(({ message }) => message);
}

describe("an attestation that is taken for a signature", () => {
  test("is allowed, with a warning that names its type", async () => {
    const report = await run([attestation(testResult)]);
    expect(report.decision).toMatchObject({ verdict: "allowed" });
    expect(report.findings).toMatchObject([{ level: "warn", code: "PIPELINE_PREDICATE_TYPE_UNASKED" }]);
    expect(warnings(report)[0]).toContain(`got "${testResult}"`);
  });

  test("none where the type was asked for, be it met or not", async () => {
    const asked = await run([attestation(testResult)], { predicateType: testResult });
    expect([asked.decision.verdict, warnings(asked)]).toEqual(["allowed", []]);
    const other = await run([attestation(testResult)], { predicateType: "urn:other" });
    expect([other.decision.verdict, warnings(other)]).toEqual(["refused", []]);
  });

  test("none where a signature is there, in either order", async () => {
    for (const evidence of [[attestation(testResult), signature], [signature, attestation(testResult)], [signature]]) {
      const report = await run(evidence);
      expect([report.decision.verdict, warnings(report)]).toEqual(["allowed", []]);
    }
  });

  test("none for cosign's statement that is a signature, nor where nothing was allowed", async () => {
    expect(warnings(await run([attestation("https://sigstore.dev/cosign/sign/v1")]))).toEqual([]);
    const nobody: Policy["signers"] = [{ kind: "certificate", identity: { exact: "x" }, issuer: { exact: "y" } }];
    const refused = await run([attestation(testResult)], { signers: nobody });
    expect([refused.decision.verdict, warnings(refused)]).toEqual(["refused", []]);
  });
});
