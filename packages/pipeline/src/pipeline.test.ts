import { makeVerifier, utf8, type Artifact } from "@countersign/core";
import type { Policy } from "@countersign/policy";
import { makeKeyPair } from "@countersign/local-sigstore";
import { formatVkey, noteKey } from "@countersign/tlog";
import {
  artifactBytes,
  artifactOf,
  bytesOfJson,
  digestOnly,
  makeEvidence,
  makeInstance,
  signer,
  trustRootBytes,
  withAt,
  type Plan,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  exitCodeOf,
  exitCodeOfError,
  inspect,
  loadTrust,
  readingFor,
  type EvidenceFile,
  type Report,
  type TrustOptions,
  type World,
} from "./index.ts";

const instance = makeInstance();
const { now } = instance;
const policy: Policy = {
  signers: [{ kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } }],
};
const files = [{ source: "root.json", bytes: trustRootBytes(instance.parts) }];
const artifact = artifactOf(artifactBytes);
const bundle = (plan: Plan = {}, source = "bundle"): EvidenceFile => ({
  source,
  bytes: bytesOfJson(makeEvidence(instance, plan).json),
});

interface Setting {
  readonly what?: Artifact;
  readonly policy?: Policy;
  readonly trust?: Partial<TrustOptions>;
}
async function run(evidence: readonly EvidenceFile[], setting: Setting = {}): Promise<Report> {
  const trust = await loadTrust({ now, files, ...setting.trust });
  const world: World = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
  return inspect(setting.what ?? artifact, setting.policy ?? policy, world);
}
const codeOf = async (report: Promise<Report>): Promise<string> => {
  const { decision } = await report.catch((error: { code: string }) => ({
    decision: { verdict: "thrown", code: error.code },
  }));
  return decision.code ?? decision.verdict;
};

describe("the line from artifact to report", () => {
  test("good evidence is allowed, and the report says by what rule, under which trust, at what time", async () => {
    const report = await run([bundle()]);
    expect(report).toMatchObject({
      schema: "countersign.report/v1",
      artifact: { name: "release.tar", digests: artifact.digests },
      decision: { verdict: "allowed" },
      evidence: [{ source: "bundle", findings: [] }],
      findings: [],
      trust: { sources: [{ source: "root.json" }] },
      at: now.toISOString(),
    });
    expect(report.evidence[0]?.claims?.signer).toMatchObject({ identity: { value: signer.identity } });
    expect(exitCodeOf(report)).toBe(0);
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  test("of two signers each counts, and what each bundle says of the policy is true of it", async () => {
    const managed = makeKeyPair("p256");
    const keys = [makeVerifier(managed.spki)];
    const both: Policy = { signers: [...policy.signers, { kind: "key", keyid: keys[0]?.keyid ?? "" }], threshold: 2 };
    const report = await run([bundle(), bundle({ managed })], { policy: both, trust: { keys } });
    expect(report.decision.verdict).toBe("allowed");
    expect(report.evidence.map(({ checks }) => checks.at(-1))).toMatchObject([
      { name: "policy", result: "passed" },
      { name: "policy", result: "passed", detail: `key ${keys[0]?.keyid}` },
    ]);
    expect(await codeOf(run([bundle(), bundle()], { policy: both }))).toBe("POLICY_TOO_FEW_SIGNERS");
  });

  test("a log counts under the name and with the key that the policy of witnesses lists", async () => {
    const { key, origin } = instance.rekor;
    const verifier = makeVerifier(key.spki);
    const listing = (name: string, of = verifier): string =>
      `log ${formatVkey(noteKey({ name, verifier: of }))}\nquorum none\n`;
    const under = (witnesses: string): Promise<string> => codeOf(run([bundle()], { trust: { witnesses } }));
    expect(await under("quorum none\n")).toBe("allowed");
    expect(await under(listing(origin))).toBe("allowed");
    expect(await under(listing("another.log.test"))).toBe("SIGSTORE_LOG_UNWITNESSED");
    expect(await under(listing(origin, makeVerifier(makeKeyPair("ed25519").spki)))).toBe("SIGSTORE_LOG_UNWITNESSED");
  });

  test("by digest alone", async () => {
    expect(await codeOf(run([bundle()], { what: digestOnly(artifact) }))).toBe("allowed");
  });

  test("no evidence", async () => {
    const report = await run([]);
    expect(report.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_NO_EVIDENCE" });
    expect(exitCodeOf(report)).toBe(1);
  });

  test("evidence that does not parse is in the report, not thrown", async () => {
    const report = await run([{ source: "x", bytes: utf8("not JSON") }]);
    expect(report.decision).toMatchObject({ verdict: "refused", code: "CORE_JSON_MALFORMED" });
    expect(report.evidence).toMatchObject([{ source: "x", checks: [{ name: "bundle", result: "failed" }] }]);
  });

  test("a bad bundle beside a good one is a warning, in either order", async () => {
    const bad = {
      source: "bad",
      bytes: bytesOfJson(withAt(makeEvidence(instance).json, "messageSignature.signature", "MEUC")),
    };
    for (const evidence of [
      [bad, bundle()],
      [bundle(), bad],
    ]) {
      const report = await run(evidence);
      expect(report.decision.verdict).toBe("allowed");
      expect(report.findings).toMatchObject([{ level: "warn", code: "SIGSTORE_SIGNATURE_INVALID" }]);
    }
  });

  test("an honest bundle of somebody else is refused by policy, and the report shows the claims", async () => {
    const report = await run([bundle({ leaf: { identity: { type: "email", value: "eve@evil.test" } } })]);
    expect(report.decision).toMatchObject({ verdict: "refused", code: "POLICY_IDENTITY_MISMATCH" });
    expect(report.evidence[0]?.claims).toBeDefined();
  });

  test("what the policy requires is what the verifier asks for", async () => {
    expect(await codeOf(run([bundle()], { policy: { ...policy, require: { scts: 2 } } }))).toBe(
      "SIGSTORE_TOO_FEW_SCTS",
    );
    expect(
      await codeOf(run([bundle({ leaf: { sct: "none" } })], { policy: { ...policy, require: { scts: 0 } } })),
    ).toBe("allowed");
  });

  test("S3: a policy for nobody is thrown before anything is read", async () => {
    const world: World = {
      now: () => now,
      trust: () => Promise.reject(new Error("not asked for")),
      evidence: () => [],
    };
    await expect(inspect(artifact, { signers: [] }, world)).rejects.toMatchObject({ code: "POLICY_NO_SIGNER" });
  });
});

describe("keys", () => {
  const managed = makeKeyPair("p256");
  const [key, other] = [makeVerifier(managed.spki), makeVerifier(makeKeyPair("p256").spki)];
  const keyPolicy: Policy = { signers: [{ kind: "key", keyid: key.keyid }] };
  const keyed = bundle({ managed });

  test("any of the keys given may be the one", async () => {
    expect(await codeOf(run([keyed], { policy: keyPolicy, trust: { keys: [key] } }))).toBe("allowed");
    expect(await codeOf(run([keyed], { policy: keyPolicy, trust: { keys: [other, key] } }))).toBe("allowed");
    expect(await codeOf(run([keyed], { policy: keyPolicy, trust: { keys: [other] } }))).toBe(
      "SIGSTORE_SIGNATURE_INVALID",
    );
  });

  test("what is wrong is said by the key that the bundle names, whichever was given first", async () => {
    const { json } = makeEvidence(instance, { managed, hint: key.keyid });
    const evidence = [{ source: "bundle", bytes: bytesOfJson(withAt(json, "messageSignature.signature", "AAAA")) }];
    const ed25519 = makeVerifier(makeKeyPair("ed25519").spki);
    for (const keys of [
      [key, other],
      [other, key],
      [ed25519, key],
    ])
      expect(await codeOf(run(evidence, { what: digestOnly(artifact), policy: keyPolicy, trust: { keys } }))).toBe(
        "SIGSTORE_SIGNATURE_INVALID",
      );
    expect(await codeOf(run(evidence, { policy: keyPolicy, trust: { keys: [other] } }))).toBe("SIGSTORE_KEY_HINT");
  });

  test("S3: a key for a certificate bundle, a certificate policy for a key bundle, no key", async () => {
    expect(await codeOf(run([bundle()], { policy: keyPolicy, trust: { keys: [key] } }))).toBe("SIGSTORE_KEY_UNWANTED");
    expect(await codeOf(run([keyed]))).toBe("SIGSTORE_KEY_NEEDED");
    expect(await codeOf(run([keyed], { trust: { keys: [key] } }))).toBe("POLICY_IDENTITY_MISMATCH");
  });

  test("a policy that takes either judges each bundle its own way", async () => {
    const either: Policy = { signers: [...policy.signers, ...keyPolicy.signers] };
    for (const each of [keyed, bundle()])
      expect(await codeOf(run([each], { policy: either, trust: { keys: [key] } }))).toBe("allowed");
  });

  test("how the artifact must be read follows from bundle and keys", () => {
    const ed25519 = makeKeyPair("ed25519");
    expect(readingFor([bundle()], [])).toEqual({ hashes: ["sha256"], wholeMessage: false });
    expect(readingFor([{ source: "x", bytes: utf8("no bundle") }], [])).toEqual({
      hashes: ["sha256"],
      wholeMessage: false,
    });
    expect(readingFor([bundle({ managed: ed25519, entry: "none" })], [makeVerifier(ed25519.spki)])).toEqual({
      hashes: ["sha256", "sha512"],
      wholeMessage: true,
    });
  });
});

describe("exit codes of what is thrown", () => {
  test.each([
    ["POLICY_NO_SIGNER", { signers: [] }, 2],
    ["PIPELINE_INSTANCE_UNKNOWN", undefined, 2],
  ])("%s", async (code, wrong, exit) => {
    const thrown = await (
      wrong === undefined ? loadTrust({ now, instance: "nowhere" }) : run([], { policy: wrong as Policy })
    ).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ code });
    expect(exitCodeOfError(thrown)).toBe(exit);
    expect(exitCodeOfError(new RangeError("a bug"))).toBe(3);
  });
});
