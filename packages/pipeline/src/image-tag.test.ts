import { parseDigest, vouch, type Claims, type Verified } from "@countersign/core";
import { parseReference } from "@countersign/oci";
import { expect, test } from "vitest";
import { judgeTag, type ProvedTagMap, type TagReport } from "./image-tag.ts";
import type { SecondOpinion } from "./second-opinion.ts";

const digest = parseDigest(`sha256:${"ab".repeat(32)}`);
const other = parseDigest(`sha256:${"cd".repeat(32)}`);
const claims = vouch({ via: "tuf" } as unknown as Claims) as Verified<Claims>;
const opinion = (outcome: SecondOpinion["outcome"]): SecondOpinion => ({
  outcome,
  by: "tuf-js 1.2.3",
  reason: "its words",
  evidence: [],
});

async function judge(secondOpinion?: SecondOpinion, got = digest): Promise<TagReport> {
  const reference = parseReference("ghcr.io/acme/app:1.0");
  const map = { repository: reference, tags: new Map([["1.0", digest]]) };
  const proved: ProvedTagMap = { map, claims, ...(secondOpinion && { secondOpinion }) };
  return await judgeTag(reference, got, () => Promise.resolve(proved));
}

test("what another implementation says of the map is in the report, with its words", async () => {
  expect(await judge()).toMatchObject({ verdict: "allowed", claims, findings: [] });
  expect(await judge()).not.toHaveProperty("secondOpinion");
  const agreed = opinion("agree");
  expect(await judge(agreed)).toMatchObject({ verdict: "allowed", claims, secondOpinion: agreed, findings: [] });
});

test.each([
  ["disagree", "refused", "PIPELINE_SECOND_OPINION_DISAGREES"],
  ["unable", "unknown", "PIPELINE_SECOND_OPINION_UNABLE"],
] as const)("%s: the tag is %s, and nothing is claimed", async (outcome, verdict, code) => {
  const said = opinion(outcome);
  const report = await judge(said);
  expect(report).toMatchObject({ verdict, secondOpinion: said, findings: [{ code }] });
  expect(report.findings[0]?.message).toContain("its words");
  expect(report).not.toHaveProperty("claims");
  const moved = await judge(said, other);
  expect(moved.verdict).toBe("refused");
  expect(moved.findings.map((each) => each.code)).toEqual(["PIPELINE_TAG_MOVED", code]);
});
