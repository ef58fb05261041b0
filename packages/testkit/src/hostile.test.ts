import { digestOf, makeVerifier, utf8, type Artifact } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import { inspect, loadTrust, type EvidenceFile, type Report, type World } from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { describe, expect, test } from "vitest";
import { artifactBytes, artifactOf, digestOnly, makeEvidence, signer, type Plan } from "./evidence.ts";
import { makeInstance, trustRootBytes, type Instance } from "./instance.ts";
import { bytesOfJson, withAt, type Loose } from "./json.ts";

const instance = makeInstance();
const policy: Policy = {
  signers: [{ kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } }],
};
const fileOf = (plan: Plan = {}, ...edits: readonly (readonly [string, string | undefined])[]): EvidenceFile => {
  const json = edits.reduce((whole, [path, value]) => withAt(whole, path, value), makeEvidence(instance, plan).json);
  return { source: "bundle", bytes: bytesOfJson(json) };
};

interface Run {
  readonly artifact?: Artifact;
  readonly policy?: Policy;
  readonly instance?: string;
  readonly keys?: Parameters<typeof makeVerifier>[0][];
  readonly roots?: readonly Uint8Array[];
}
async function judged(evidence: readonly EvidenceFile[], run: Run = {}): Promise<Report | { readonly thrown: string }> {
  const { now } = instance;
  const keys = (run.keys ?? []).map((spki) => makeVerifier(spki));
  const world: World = {
    now: () => now,
    trust: () =>
      loadTrust({
        now,
        keys,
        ...(run.instance === undefined ? {} : { instance: run.instance }),
        files: (run.roots ?? [trustRootBytes(instance.parts)]).map((bytes) => ({ source: "root", bytes })),
      }),
    evidence: () => evidence,
  };
  return inspect(
    run.artifact ?? artifactOf(artifactBytes),
    "policy" in run ? (run.policy as Policy) : policy,
    world,
  ).catch((error: { code: string }) => ({ thrown: error.code }));
}

describe("one hostile bundle among several cannot make wrong usage of the rest", () => {
  const managed = makeKeyPair("p256");
  const ofKey = fileOf({ managed });
  const otherDigest = fileOf(
    {},
    ["messageSignature.messageDigest.algorithm", "SHA2_384"],
    ["messageSignature.messageDigest.digest", Buffer.alloc(48).toString("base64")],
  );
  const byDigest = digestOnly(artifactOf(artifactBytes));

  test("a key's bundle where an identity is expected", async () => {
    for (const evidence of [
      [ofKey, fileOf()],
      [fileOf(), ofKey],
    ]) {
      expect(await judged(evidence)).toMatchObject({
        decision: { verdict: "allowed" },
        findings: [{ level: "warn", code: "SIGSTORE_KEY_NEEDED" }],
      });
    }
  });

  test("a bundle that names a digest nobody gave", async () => {
    expect(await judged([otherDigest, fileOf()], { artifact: byDigest })).toMatchObject({
      decision: { verdict: "allowed" },
    });
  });

  test("a key that cannot use the digest, before the key that can", async () => {
    const ed25519 = makeKeyPair("ed25519");
    const both: Policy = {
      signers: [ed25519, managed].map(({ spki }) => ({ kind: "key", keyid: makeVerifier(spki).keyid })),
    };
    const run = { artifact: byDigest, policy: both, keys: [ed25519.spki, managed.spki] };
    expect(await judged([ofKey], run)).toMatchObject({ decision: { verdict: "allowed" } });
    expect(await judged([ofKey], { ...run, keys: run.keys.toReversed() })).toMatchObject({
      decision: { verdict: "allowed" },
    });
  });

  test("alone, it is still wrong usage; beside other bad evidence as well", async () => {
    expect(await judged([ofKey])).toEqual({ thrown: "SIGSTORE_KEY_NEEDED" });
    expect(await judged([otherDigest], { artifact: byDigest })).toEqual({ thrown: "SIGSTORE_DIGEST_MISSING" });
    expect(await judged([{ source: "x", bytes: utf8("{") }, ofKey])).toEqual({ thrown: "SIGSTORE_KEY_NEEDED" });
  });

  test("what the caller did wrong is wrong usage whatever the evidence", async () => {
    const artifact = { name: "x", bytes: utf8("another"), digests: [digestOf("sha256", artifactBytes)] };
    expect(await judged([fileOf(), fileOf()], { artifact })).toEqual({ thrown: "SIGSTORE_ARTIFACT_INCONSISTENT" });
  });
});

describe("a policy from outside the compiler's reach", () => {
  const stated = { exact: signer.issuer };
  test.each([
    ["nothing", undefined, "POLICY_NO_SIGNER"],
    ["null", null, "POLICY_NO_SIGNER"],
    ["a signer that is null", { signers: [null] }, "POLICY_NO_SIGNER"],
    [
      "a signer of an unknown kind",
      { signers: [{ kind: "anybody", identity: { exact: signer.identity }, issuer: stated }] },
      "POLICY_NO_SIGNER",
    ],
    ["a key without an id", { signers: [{ kind: "key" }] }, "POLICY_NO_SIGNER"],
    [
      "a pattern that is none",
      { signers: [{ kind: "certificate", identity: { pattern: {} }, issuer: stated }] },
      "POLICY_IDENTITY_INCOMPLETE",
    ],
    [
      "a null match",
      { signers: [{ kind: "certificate", identity: null, issuer: stated }] },
      "POLICY_IDENTITY_INCOMPLETE",
    ],
    ["a requirement that is misspelt", { ...policy, require: { logEntry: 2 } }, "POLICY_REQUIREMENT_INVALID"],
  ])("%s is wrong usage, not a crash and not a weaker policy", async (_, given, code) => {
    expect(await judged([fileOf()], { policy: given as unknown as Policy })).toEqual({ thrown: code });
  });
});

describe("an instance without a log does not free a managed key from the log", () => {
  const managed = makeKeyPair("p256");
  const policyOf = (logEntries?: number): Policy => ({
    signers: [{ kind: "key", keyid: makeVerifier(managed.spki).keyid }],
    ...(logEntries === undefined ? {} : { require: { logEntries } }),
  });
  const unlogged = fileOf({ managed, entry: "none", stamps: [{}] });

  test("only who says so does", async () => {
    const run = { keys: [managed.spki], instance: "github" };
    expect(await judged([unlogged], { ...run, policy: policyOf() })).toMatchObject({
      decision: { code: "SIGSTORE_TOO_FEW_LOG_ENTRIES" },
    });
    expect(await judged([unlogged], { ...run, policy: policyOf(0) })).toMatchObject({
      decision: { verdict: "allowed" },
    });
  });
});

describe("of several trust roots a certificate is judged by its issuer's", () => {
  const other = makeInstance("b");
  const roots = [trustRootBytes(instance.parts), trustRootBytes(other.parts)];
  const verdictOf = async (mixed: Instance, given = roots): Promise<unknown> => {
    const report = await judged([{ source: "bundle", bytes: bytesOfJson(makeEvidence(mixed).json) }], { roots: given });
    return "decision" in report ? (report.decision.code ?? report.decision.verdict) : report.thrown;
  };

  test("what each instance vouches for counts, in any order", async () => {
    for (const given of [roots, roots.toReversed(), [...roots, ...roots]])
      expect([await verdictOf(instance, given), await verdictOf(other, given)]).toEqual(["allowed", "allowed"]);
  });

  test("log and timestamp of another instance count for nothing", async () => {
    const { rekor, tsa } = other;
    expect(await verdictOf({ ...instance, rekor })).toBe("SIGSTORE_LOG_UNKNOWN");
    expect(await verdictOf({ ...instance, tsa })).toBe("SIGSTORE_TIMESTAMP_UNTRUSTED");
  });

  test("two roots of one issuer are one", async () => {
    const { logs, tsas, ...rest } = instance.parts;
    const halves = [trustRootBytes({ ...rest, logs, tsas: [] }), trustRootBytes({ ...rest, logs: [], tsas })];
    expect(await verdictOf(instance, halves)).toBe("allowed");
  });
});

describe("one signer under two names", () => {
  const key = makeKeyPair("p256");
  const { keyid } = makeVerifier(key.spki);
  const both: Policy = { signers: [...policy.signers, { kind: "key", keyid }], threshold: 2 };

  test("a key that signs alone and in a certificate is one signer", async () => {
    const evidence = [fileOf({ key }), fileOf({ managed: key })];
    const [certified] = evidence as [EvidenceFile, EvidenceFile];
    expect(await judged([certified], { policy: { ...policy, deny: { keys: [keyid] } } })).toMatchObject({
      decision: { code: "POLICY_DENIED" },
    });
    const run = { keys: [key.spki], policy: both };
    expect(await judged(evidence, run)).toMatchObject({ decision: { code: "POLICY_TOO_FEW_SIGNERS" } });
    expect(await judged([fileOf(), fileOf({ managed: key })], run)).toMatchObject({ decision: { verdict: "allowed" } });
  });
});

describe("what an instance without a log waives, it waives for its own authorities alone", () => {
  const other = makeInstance("b");
  const logless = trustRootBytes({ ...instance.parts, logs: [], ctLogs: [] });
  const logged = trustRootBytes(other.parts);
  const few = { decision: { verdict: "refused", code: "SIGSTORE_TOO_FEW_LOG_ENTRIES" } };
  const unlogged = fileOf({ entry: "none", leaf: { sct: "none" } });
  const ofOther = (plan: Plan): EvidenceFile => ({
    source: "bundle",
    bytes: bytesOfJson(makeEvidence(other, plan).json),
  });
  const github = { instance: "github" };

  test("its certificates need neither log entry nor SCT, also where another root stands beside it", async () => {
    for (const roots of [[logless], [logless, logged], [logged, logless]])
      expect(await judged([unlogged], { ...github, roots })).toMatchObject({ decision: { verdict: "allowed" } });
    expect(await judged([unlogged], { roots: [logless] })).toMatchObject(few);
    expect(await judged([fileOf({ entry: "none", stamps: [] })], { ...github, roots: [logless] })).toMatchObject({
      decision: { code: "SIGSTORE_TOO_FEW_TIMES" },
    });
  });

  test("those of a root that names logs need both", async () => {
    expect(await judged([unlogged], github)).toMatchObject(few);
    const roots = [logless, logged];
    expect(await judged([ofOther({ entry: "none" })], { ...github, roots })).toMatchObject(few);
    expect(await judged([ofOther({ leaf: { sct: "none" } })], { ...github, roots })).toMatchObject({
      decision: { code: "SIGSTORE_TOO_FEW_SCTS" },
    });
    expect(await judged([ofOther({})], { ...github, roots })).toMatchObject({ decision: { verdict: "allowed" } });
  });

  test("a log that cannot be used is a log all the same, and so is a CT log alone", async () => {
    const json = JSON.parse(new TextDecoder().decode(trustRootBytes({ ...instance.parts, ctLogs: [] }))) as Loose;
    const unusable = bytesOfJson(
      ["tlogs.0.hashAlgorithm", "tlogs.1.hashAlgorithm"].reduce((root, path) => withAt(root, path, "SHA3_256"), json),
    );
    const onlyCt = trustRootBytes({ ...instance.parts, logs: [] });
    for (const root of [unusable, onlyCt])
      expect(await judged([unlogged], { ...github, roots: [root] })).toMatchObject(few);
  });

  test("a twin of its authority that the certificate names gets nothing of it", async () => {
    const twin = makeInstance("a");
    const forged = {
      source: "bundle",
      bytes: bytesOfJson(makeEvidence(twin, { entry: "none", leaf: { sct: "none" } }).json),
    };
    const roots = [logless, trustRootBytes(twin.parts)];
    expect(await judged([forged], { ...github, roots })).toMatchObject({ decision: { verdict: "refused" } });
  });
});
