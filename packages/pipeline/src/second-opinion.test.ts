import { makeVerifier, utf8, type Artifact } from "@countersign/core";
import { makeKeyPair } from "@countersign/local-sigstore";
import type { Policy } from "@countersign/policy";
import {
  artifactBytes,
  artifactOf,
  bytesOfJson,
  digestOnly,
  makeEvidence,
  makeInstance,
  signer,
  trustRootBytes,
  type Plan,
} from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { loadSigstorePeer } from "./index.node.ts";
import {
  inspect,
  loadTrust,
  type Peer,
  type PeerAnswer,
  type PeerQuestion,
  type Report,
  type TrustFile,
} from "./index.ts";

const instance = makeInstance();
const { now } = instance;
const parts = { ...instance.parts, version: "0.1" } as const;
const root = { source: "root.json", bytes: trustRootBytes(parts) };
const rule = { kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } } as const;
const policy: Policy = { signers: [rule] };
const sigstore = await loadSigstorePeer();

interface Setting {
  readonly what?: Artifact;
  readonly policy?: Policy;
  readonly key?: Uint8Array;
  readonly files?: readonly TrustFile[];
  readonly peer?: Peer;
}
async function ask(plans: readonly Plan[], setting: Setting = {}): Promise<Report> {
  const keys = setting.key === undefined ? [] : [makeVerifier(setting.key)];
  const trust = await loadTrust({ now, files: setting.files ?? [root], keys });
  const byKey: Policy = { signers: keys.map(({ keyid }) => ({ kind: "key", keyid })) };
  return inspect(setting.what ?? artifactOf(artifactBytes), setting.policy ?? (keys.length > 0 ? byKey : policy), {
    now: () => now,
    trust: () => Promise.resolve(trust),
    evidence: () =>
      plans.map((plan, at) => ({ source: `${at}`, bytes: bytesOfJson(makeEvidence(instance, plan).json) })),
    peer: setting.peer ?? sigstore,
  });
}
const summaryOf = ({ decision, secondOpinion }: Report): unknown => [
  decision.verdict,
  decision.code,
  secondOpinion?.outcome,
];
const stub = (answer: PeerAnswer): Peer => ({ name: "stub 1.0", ask: () => answer });
const honest: PeerAnswer = { verdict: "accepts", signer: { kind: "certificate", ...signer } };
const DIFFER = "PIPELINE_SECOND_OPINION_DISAGREES";
const UNABLE = "PIPELINE_SECOND_OPINION_UNABLE";

describe("@sigstore/verify and we", () => {
  test.each<[string, Plan]>([
    ["an artifact in Rekor 2", {}],
    ["an artifact in Rekor 1", { entry: "hashedrekord 0.0.1" }],
    ["an attestation", { content: "envelope" }],
    ["an attestation in Rekor 1", { content: "envelope", entry: "dsse 0.0.1" }],
  ])("agree on %s, and the guards stand beside its verdict", async (_, plan) => {
    const report = await ask([plan]);
    expect(summaryOf(report)).toEqual(["allowed", undefined, "agree"]);
    const [opinion] = report.secondOpinion?.evidence ?? [];
    expect(opinion).toMatchObject({ ours: "accepts", theirs: "accepts" });
    expect(opinion?.guards).toContainEqual({
      name: "same-signer",
      result: "passed",
      detail: expect.any(String) as string,
    });
    expect(report.secondOpinion?.by).toMatch(/^@sigstore\/verify \d/);
  });

  test.each(["p256", "ed25519"] as const)("agree on an attestation by a key on %s", async (kind) => {
    const managed = makeKeyPair(kind);
    const plan: Plan = { managed, content: "envelope", entry: kind === "p256" ? "hashedrekord 0.0.2" : "dsse 0.0.1" };
    expect(summaryOf(await ask([plan], { key: managed.spki }))).toEqual(["allowed", undefined, "agree"]);
  });

  test("agree on a refusal, for whatever reason the policy has", async () => {
    const other = await ask([{}], { what: artifactOf(utf8("other")) });
    expect(summaryOf(other)).toEqual(["refused", "SIGSTORE_ARTIFACT_MISMATCH", "agree"]);
    const else_ = { ...rule, identity: { exact: "." } };
    expect(summaryOf(await ask([{}], { policy: { signers: [else_] } }))).toEqual([
      "refused",
      "POLICY_IDENTITY_MISMATCH",
      "agree",
    ]);
  });

  test("disagree on an attestation of another artifact, whose subjects it does not look at", async () => {
    const report = await ask([{ content: "envelope" }], { what: artifactOf(utf8("other")) });
    expect(summaryOf(report)).toEqual(["refused", "SIGSTORE_SUBJECT_MISMATCH", "disagree"]);
    expect(report.secondOpinion?.evidence[0]?.guards).toContainEqual(
      expect.objectContaining({ name: "subject", result: "failed", code: "SIGSTORE_SUBJECT_MISMATCH" }),
    );
    expect(report.findings).toContainEqual(expect.objectContaining({ level: "warn", code: DIFFER }));
  });
});

describe("@sigstore/verify cannot tell, so nothing is allowed", () => {
  test("of an artifact that is known by its digest alone", async () => {
    const report = await ask([{}], { what: digestOnly(artifactOf(artifactBytes)) });
    expect(summaryOf(report)).toEqual(["unknown", UNABLE, "unable"]);
    expect(report.findings[0]).toMatchObject({ level: "unknown" });
    expect(report.decision.reason).toContain("the artifact itself");
  });

  test.each<[string, NonNullable<Plan["content"]>, Parameters<typeof makeKeyPair>[0]]>([
    ["an artifact signed by a key on Ed25519", "message", "ed25519"],
    ["an envelope signed by a key on P-384", "envelope", "p384"],
  ])("of %s", async (_, content, kind) => {
    const managed = makeKeyPair(kind);
    const plan: Plan = { managed, content, entry: "none", stamps: [] };
    const setting = {
      key: managed.spki,
      policy: { signers: [{ kind: "key", keyid: makeVerifier(managed.spki).keyid }], require: { logEntries: 0 } },
    } as const;
    expect(summaryOf(await ask([plan], setting))).toEqual(["unknown", UNABLE, "unable"]);
  });

  test("by a trust root with a key of a kind that it does not know, which it gets unfiltered", async () => {
    const json = JSON.parse(new TextDecoder().decode(root.bytes)) as { tlogs: { publicKey: object }[] };
    const strange = { ...json.tlogs[0], publicKey: { ...json.tlogs[0]?.publicKey, keyDetails: "PKIX_NEW_KIND" } };
    const bytes = utf8(JSON.stringify({ ...json, tlogs: [...json.tlogs, strange] }));
    const report = await ask([{}], { files: [{ source: "root", bytes }] });
    expect(summaryOf(report)).toEqual(["unknown", UNABLE, "unable"]);
    expect(report.decision.reason).toContain("trust root");
  });

  test("by a trust root whose logs go by the first four bytes of their ids, as version 0.2 has them", async () => {
    const report = await ask([{}], { files: [{ source: "root", bytes: trustRootBytes(instance.parts) }] });
    expect(summaryOf(report)).toEqual(["unknown", UNABLE, "unable"]);
    expect(report.decision.reason).toContain("checkpointKeyId");
  });

  test("of a signature without a digest beside it, which a bundle need not have", async () => {
    expect(summaryOf(await ask([{ key: makeKeyPair("p384") }]))).toEqual(["unknown", UNABLE, "unable"]);
  });

  test("of several roots it makes one", async () => {
    const other = { source: "b", bytes: trustRootBytes({ ...makeInstance("b").parts, version: "0.1" }) };
    expect(summaryOf(await ask([{}], { files: [other, root] }))).toEqual(["allowed", undefined, "agree"]);
    const line = ({ bytes }: TrustFile): string => JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)));
    const lines = utf8(`${line(other)}\n${line(root)}\n`);
    const files = [{ source: "roots.jsonl", bytes: lines }];
    expect(summaryOf(await ask([{}], { files }))).toEqual(["allowed", undefined, "agree"]);
  });

  test("by a trust root that is not UTF-8, or begins with a byte order mark, in one document or in lines", async () => {
    let asked: PeerQuestion | undefined;
    const noting: Peer = { name: "noting", ask: (question) => ((asked = question), honest) };
    await ask([{}], { peer: noting });
    const line = JSON.stringify(JSON.parse(new TextDecoder().decode(root.bytes)));
    const twice = (text: string): Uint8Array => utf8(`${text}\n${text}\n`);
    const judge = (bytes: Uint8Array): string => sigstore.ask({ ...(asked as PeerQuestion), roots: [bytes] }).verdict;
    expect([root.bytes, twice(line)].map(judge)).toEqual(["accepts", "accepts"]);
    const broken = [utf8(line.replace("{", '{"~":"~",')), twice(line.replace("{", '{"~":"~",'))];
    expect(broken.map(judge)).toEqual(["accepts", "accepts"]);
    // A byte that no UTF-8 has, in a member that nobody reads.
    expect(broken.map((bytes) => judge(bytes.map((byte) => (byte === 0x7e ? 0xff : byte))))).toEqual([
      "unable",
      "unable",
    ]);
    expect([utf8(`\ufeff${line}`), twice(`\ufeff${line}`)].map(judge)).toEqual(["unable", "unable"]);
  });

  test("a refusal of ours stays one", async () => {
    const report = await ask([{}], { what: digestOnly(artifactOf(utf8("other"))) });
    expect(summaryOf(report)).toEqual(["refused", "SIGSTORE_ARTIFACT_MISMATCH", "unable"]);
  });
});

describe("whatever the other says", () => {
  test("a refusal of what we accept refuses it", async () => {
    const report = await ask([{}], { peer: stub({ verdict: "refuses", reason: "BAD: \u001b[31mno" }) });
    expect(summaryOf(report)).toEqual(["refused", DIFFER, "disagree"]);
    expect(report.decision.reason).toContain("BAD: \\u001b[31mno");
    expect(report.evidence[0]?.claims).toBeDefined();
  });

  test.each<[string, PeerAnswer]>([
    ["another identity", { ...honest, signer: { kind: "certificate", ...signer, identity: `${signer.identity}x` } }],
    ["another issuer", { ...honest, signer: { kind: "certificate", ...signer, issuer: "https://TOKEN.test" } }],
    ["no identity", { ...honest, signer: { kind: "certificate", issuer: signer.issuer } }],
    ["a key", { ...honest, signer: { kind: "key", spki: makeKeyPair("p256").spki } }],
  ])("it accepts, but read %s: refused", async (_, answer) => {
    const report = await ask([{}], { peer: stub(answer) });
    expect(summaryOf(report)).toEqual(["refused", DIFFER, "disagree"]);
    expect(report.decision.reason).toContain("same-signer");
  });

  test("it gets the bytes of bundle, root and artifact as they were read", async () => {
    const asked: PeerQuestion[] = [];
    const peer: Peer = { name: "stub", ask: (question) => (asked.push(question), honest) };
    const report = await ask([{}], { peer });
    expect(summaryOf(report)).toEqual(["allowed", undefined, "agree"]);
    expect(asked).toMatchObject([{ roots: [root.bytes], message: artifactBytes, require: { key: { times: 0 } } }]);
  });

  test("a bundle that somebody adds neither parts the two nor replaces the one that is needed", async () => {
    const good = {};
    const bad: Plan = { artifact: utf8("other") };
    expect(summaryOf(await ask([bad, good]))).toEqual(["allowed", undefined, "agree"]);
    const answers: PeerAnswer[] = [{ verdict: "refuses", reason: "no" }, honest];
    const peer: Peer = { name: "stub", ask: () => answers.shift() as PeerAnswer };
    expect(summaryOf(await ask([bad, good], { peer }))).toEqual(["allowed", undefined, "agree"]);
    answers.push(honest, { verdict: "refuses", reason: "no" });
    expect(summaryOf(await ask([bad, good], { peer }))).toEqual(["refused", DIFFER, "disagree"]);
  });

  const without = "it broke off without an answer";
  test.each<[string, () => unknown, string]>([
    ["throws", () => { throw new TypeError("of its own"); }, "it broke off: of its own"], // prettier-ignore
    ["throws nothing", () => { throw undefined; }, "it broke off: with no error of its own"], // prettier-ignore
    ["answers nothing", () => undefined, without],
    ["answers later", () => Promise.resolve(honest), without],
    ["accepts nobody", () => ({ verdict: "accepts" }), without],
    ["answers something else", () => ({ verdict: "accepts it", signer: honest }), without],
  ])("one that %s is unable, and says why", async (_, answer, reason) => {
    const peer = { name: "stub", ask: answer } as unknown as Peer;
    const report = await ask([{}], { peer });
    expect(summaryOf(report)).toEqual(["unknown", UNABLE, "unable"]);
    expect(report.secondOpinion?.evidence).toMatchObject([{ theirs: "unable", reason }]);
  });

  test("of several keys it refuses only if it can judge by all of them", async () => {
    const [known, strange] = [makeKeyPair("p256"), makeKeyPair("p384")];
    const keys = [strange, known].map(({ spki }) => makeVerifier(spki));
    const trust = await loadTrust({ now, files: [root], keys });
    const plan: Plan = { managed: strange, content: "envelope", entry: "none", stamps: [] };
    const report = await inspect(
      artifactOf(artifactBytes),
      { signers: keys.map(({ keyid }) => ({ kind: "key", keyid })), require: { logEntries: 0 } },
      {
        now: () => now,
        trust: () => Promise.resolve(trust),
        evidence: () => [{ source: "0", bytes: bytesOfJson(makeEvidence(instance, plan).json) }],
        peer: sigstore,
      },
    );
    expect(summaryOf(report)).toEqual(["unknown", UNABLE, "unable"]);
  });

  test("an instance without a log loosens nothing for the certificates of others", async () => {
    const private_ = makeInstance("b");
    const noLog = {
      source: "b.json",
      bytes: trustRootBytes({ ...private_.parts, version: "0.1", logs: [], ctLogs: [] }),
    };
    const trust = await loadTrust({ now, files: [root, noLog], instance: "github" });
    const asked: PeerQuestion[] = [];
    const peer: Peer = { name: "stub", ask: (question) => (asked.push(question), honest) };
    const judge = (bytes: Uint8Array): Promise<Report> =>
      inspect(artifactOf(artifactBytes), policy, {
        now: () => now,
        trust: () => Promise.resolve(trust),
        evidence: () => [{ source: "0", bytes }],
        peer,
      });
    await judge(bytesOfJson(makeEvidence(instance).json));
    await judge(bytesOfJson(makeEvidence(private_, { entry: "none", leaf: { ctLogs: [] } }).json));
    expect(asked.map(({ require }) => require.certificate)).toEqual([
      { scts: 1, logEntries: 1, times: 1 },
      { scts: 0, logEntries: 0, times: 1 },
    ]);
  });

  test("there is nothing to ask about", async () => {
    expect(summaryOf(await ask([]))).toEqual(["refused", "PIPELINE_NO_EVIDENCE", "unable"]);
  });
});
