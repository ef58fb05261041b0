import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { artifactBytes, makeEvidence, makeInstance, signer, trustRootBytes } from "@countersign/testkit";
import { defaultKeepBytes, digestOf, utf8 } from "@countersign/core";
import { loadPattern, type Policy } from "@countersign/policy";
import { inspectList, laneItems, minItemsForThreads, openLanes, withLost } from "./many.node.ts";
import type { ListItem, ListOutcome } from "./lane.node.ts";

const instance = makeInstance();
const bundle = utf8(JSON.stringify(makeEvidence(instance).json));
const trust = { files: [{ source: "made", bytes: trustRootBytes(instance.parts) }], now: instance.now };
const policy: Policy = {
  signers: [{ kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } }],
};
const good: ListItem = {
  artifact: { name: "good", bytes: artifactBytes },
  evidence: { source: "made", bytes: bundle },
};
const tampered: ListItem = { ...good, artifact: { name: "tampered", bytes: utf8("another tarball") } };
const malformed: ListItem = { ...good, evidence: { source: "made", bytes: utf8("{") } };

function answerOf(outcome: ListOutcome): string {
  return "report" in outcome ? (outcome.report.decision.code ?? outcome.report.decision.verdict) : outcome.failure.code;
}

describe("inspectList", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-many-"));
  beforeAll(() => {
    writeFileSync(join(folder, "a"), artifactBytes);
    writeFileSync(join(folder, "a.json"), bundle);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test("an empty list has no outcomes", async () => {
    expect(await inspectList([], { policy, trust })).toEqual([]);
  });

  test("bytes, a path and a digest of the same artifact", async () => {
    const evidence = { path: join(folder, "a.json") };
    const items: ListItem[] = [
      good,
      { artifact: { path: join(folder, "a") }, evidence },
      { artifact: { digest: digestOf("sha256", artifactBytes) }, evidence },
    ];
    expect((await inspectList(items, { policy, trust })).map(answerOf)).toEqual(["allowed", "allowed", "allowed"]);
  });

  test.each([
    ["kept", 1],
    ["known by its digests alone", defaultKeepBytes + 1],
  ])("bytes and a path give one report: an artifact that is %s", async (_, length) => {
    const artifact = new Uint8Array(length);
    const made = utf8(JSON.stringify(makeEvidence(instance, { artifact }).json));
    const path = join(folder, "b");
    writeFileSync(path, artifact);
    const evidence = { source: "made", bytes: made };
    const items: ListItem[] = [
      { artifact: { path }, evidence },
      { artifact: { name: path, bytes: artifact }, evidence },
    ];
    const [one, other] = await inspectList(items, { policy, trust });
    expect(one).toMatchObject({ report: { decision: { verdict: "allowed" } } });
    expect(other).toEqual(one);
  });

  test("each item is judged by itself, also where a file is missing or the question is wrong", async () => {
    const missing: ListItem = { ...good, evidence: { path: join(folder, "no") } };
    const wrong: ListItem = { ...good, artifact: { digest: "sha256:1" } };
    const outcomes = await inspectList([malformed, missing, wrong, tampered, good], { policy, trust });
    expect(outcomes.map(answerOf)).toEqual([
      "CORE_JSON_MALFORMED",
      "PIPELINE_NO_EVIDENCE",
      "CORE_DIGEST_MALFORMED",
      "SIGSTORE_ARTIFACT_MISMATCH",
      "allowed",
    ]);
  });

  test("threads give the reports that one thread gives, in the order of the list", async () => {
    const items = Array.from(
      { length: minItemsForThreads * 2 },
      (_, at) => [good, tampered, malformed][at % 3] as ListItem,
    );
    const alone = await inspectList(items, { policy, trust, lanes: 1 });
    expect(await inspectList(items, { policy, trust, lanes: 3 })).toEqual(JSON.parse(JSON.stringify(alone)));
  });

  test("a pattern crosses threads and stays anchored", async () => {
    const items = Array.from({ length: minItemsForThreads }, () => good);
    const withPattern = async (text: string): Promise<Policy> => ({
      signers: [
        { kind: "certificate", identity: { pattern: await loadPattern(text) }, issuer: { exact: signer.issuer } },
      ],
    });
    const whole = await inspectList(items, { policy: await withPattern(".*"), trust, lanes: 2 });
    expect(new Set(whole.map(answerOf))).toEqual(new Set(["allowed"]));
    const prefix = await inspectList(items, {
      policy: await withPattern(signer.identity.slice(0, 10)),
      trust,
      lanes: 2,
    });
    expect(new Set(prefix.map(answerOf))).toEqual(new Set(["POLICY_IDENTITY_MISMATCH"]));
  });

  test("open lanes judge one list after another, each under its own policy", async () => {
    const lanes = await openLanes({ trust, lanes: 2 });
    const items = Array.from({ length: 40 }, (_, at) => [good, tampered][at % 2] as ListItem);
    const order = { policy, now: instance.now };
    const first = await lanes.inspectList(items, order);
    expect(first.map(answerOf)).toEqual(
      items.map((item) => (item === good ? "allowed" : "SIGSTORE_ARTIFACT_MISMATCH")),
    );
    expect(await lanes.inspectList(items, order)).toEqual(first);
    const stranger: Policy = { signers: [{ kind: "key", keyid: "00" }] };
    const others = await lanes.inspectList([good, good], { ...order, policy: stranger });
    expect(others.map(answerOf)).not.toContain("allowed");
    await lanes.close();
    // Threads that are gone are not waited for.
    expect((await lanes.inspectList([good], order)).map(answerOf)).toEqual(["allowed"]);
  });

  test("a list ends although a thread dies in it: what the thread took is lost, the rest is judged", async () => {
    const lanes = await openLanes({ trust, lanes: 2 });
    await lanes.inspectList([good, good], { policy, now: instance.now });
    const items = Array.from({ length: 200 }, () => good);
    const running = lanes.inspectList(items, { policy, now: instance.now });
    await lanes.close();
    const answers = (await running).map(answerOf);
    const lost = answers.filter((answer) => answer === "PIPELINE_LANE_LOST").length;
    expect(lost).toBeLessThanOrEqual(2 * laneItems);
    expect(answers.filter((answer) => answer === "allowed").length).toBe(items.length - lost);
  });

  test("brief reports say the same without their evidence", async () => {
    const lanes = await openLanes({ trust, lanes: 2 });
    const items = Array.from({ length: 20 }, (_, at) => [good, tampered, malformed][at % 3] as ListItem);
    const whole = await lanes.inspectList(items, { policy, now: instance.now });
    const brief = await lanes.inspectList(items, { policy, now: instance.now, brief: true });
    expect(brief).toEqual(
      whole.map((each) => ("report" in each ? { report: { ...each.report, evidence: [] } } : each)),
    );
    await lanes.close();
  });

  test("an item that a thread took along when it died is not forgotten", async () => {
    const [outcome] = await inspectList([good], { policy, trust });
    expect(withLost([outcome, undefined]).map(answerOf)).toEqual(["allowed", "PIPELINE_LANE_LOST"]);
    expect(withLost([undefined])).toMatchObject([{ failure: { level: "unknown" } }]);
  });

  test("what makes every verdict impossible is thrown", async () => {
    const broken = { ...trust, files: [{ source: "made", bytes: utf8("{}") }] };
    await expect(inspectList([good], { policy, trust: broken })).rejects.toThrow(
      expect.objectContaining({ kind: "malformed" }) as Error,
    );
    await expect(inspectList([good], { policy: { signers: [] }, trust })).rejects.toThrow(
      expect.objectContaining({ code: "POLICY_NO_SIGNER" }) as Error,
    );
  });
});
