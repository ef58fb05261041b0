import { expect, test } from "vitest";
import { parseUtf8, TrustError, utf8 } from "@countersign/core";
import { makeKeyPair, makeTufRepository, type TufRepository } from "@countersign/local-sigstore";
import { flipLastHex } from "@countersign/testkit";
import { createUpdater, makeMemoryStore, type Fetcher } from "@countersign/tuf";
import { askTufJs, checkOpinion, collectReplay, recordFetcher, type TufReplay } from "./second-opinion-tuf.node.ts";

const now = new Date("2026-06-01T00:00:00Z");

function make(): Promise<TufRepository> {
  return makeTufRepository({
    targets: new Map([
      ["app.tgz", utf8("the app")],
      ["__proto__", utf8("odd")],
    ]),
    rootKey: makeKeyPair("p256"),
    onlineKey: makeKeyPair("p256"),
    start: now,
    now,
    keep: (bytes) => bytes,
  });
}

/** What a client saw that refreshed twice, so that its second run took some from its store. */
async function replayOf({ root, files }: TufRepository, names: readonly string[] = ["app.tgz"]): Promise<TufReplay> {
  const recorded = new Map<string, Uint8Array>();
  const fetcher: Fetcher = { metadata: async (name) => files.get(name), target: async () => undefined };
  const store = makeMemoryStore();
  await createUpdater({ root, store, fetch: fetcher, now: () => now }).refresh();
  const updater = createUpdater({ root, store, fetch: recordFetcher(fetcher, recorded), now: () => now });
  const targets = (await updater.targets(names)).filter((target) => target !== undefined);
  expect([...recorded.keys()]).toEqual(["timestamp.json"]);
  const metadata = await collectReplay(recorded, updater.report.steps, store, "consistent");
  return { root, metadata, nowMs: now.getTime(), targets };
}

function codeOf(opinion: Parameters<typeof checkOpinion>[0]): string {
  try {
    checkOpinion(opinion);
    return "allowed";
  } catch (error) {
    if (error instanceof TrustError) return `${error.kind} ${error.code}`;
    throw error;
  }
}

test("tuf-js agrees with us on what we fetched and what we had, at the time by which we judged", async () => {
  const replay = await replayOf(await make());
  const version = now.getTime();
  const names = ["1.root.json", `${version}.snapshot.json`, `${version}.targets.json`, "timestamp.json"];
  expect([...replay.metadata.keys()].toSorted()).toEqual(names);
  const opinion = await askTufJs(replay);
  expect(opinion).toEqual({
    outcome: "agree",
    by: expect.stringMatching(/^tuf-js \d+\.\d+\.\d+$/) as string,
    reason: "both accept",
    evidence: [
      { source: "app.tgz", ours: "accepts", theirs: "accepts", reason: "every check of its own held", guards: [] },
    ],
  });
  expect(await askTufJs({ ...replay, targets: [] })).toMatchObject({
    outcome: "agree",
    evidence: [{ source: "metadata" }],
  });
  expect(codeOf(opinion)).toBe("allowed");
});

test("it disagrees if it finds another file, none, or what it takes for a forgery", async () => {
  const repository = await make();
  const replay = await replayOf(repository);
  const [target] = replay.targets as readonly [TufReplay["targets"][number]];
  const other = await askTufJs({ ...replay, targets: [{ ...target, length: 8 }] });
  expect(other).toMatchObject({ outcome: "disagree", reason: "it finds another file under app.tgz" });
  expect(other.evidence).toMatchObject([{ source: "app.tgz", ours: "accepts", theirs: "refuses" }]);
  expect(await askTufJs({ ...replay, targets: [{ ...target, name: "nothing" }] })).toMatchObject({
    outcome: "disagree",
  });
  const damaged = utf8(
    parseUtf8(replay.metadata.get("timestamp.json") as Uint8Array).replace(/"sig":"30../, flipLastHex),
  );
  const forged = await askTufJs({ ...replay, metadata: new Map([...replay.metadata, ["timestamp.json", damaged]]) });
  expect(codeOf(forged)).toBe("untrusted PIPELINE_SECOND_OPINION_DISAGREES");
  const late = await askTufJs({ ...replay, nowMs: replay.nowMs + 400 * 86_400_000 });
  expect(late).toMatchObject({ outcome: "disagree", reason: expect.stringMatching(/expired/i) as string });
});

test("it is unable if it needs what we did not, takes too long, or crashes", async () => {
  const replay = await replayOf(await make());
  const snapshot = [...replay.metadata.keys()].find((name) => name.endsWith("snapshot.json")) ?? "";
  const without = new Map([...replay.metadata].filter(([name]) => name !== snapshot));
  expect(await askTufJs({ ...replay, metadata: without })).toMatchObject({
    outcome: "unable",
    evidence: [{ theirs: "unable" }],
  });
  const slow = await askTufJs(replay, 1);
  expect(slow).toMatchObject({ outcome: "unable" });
  expect(codeOf(slow)).toBe("unavailable PIPELINE_SECOND_OPINION_UNABLE");
});
