import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtMain, runProgram } from "./scenario.ts";
import { requestOpinion } from "./second-opinion.ts";
import { parsed, setStage, type Stage } from "./stage.ts";

let stage: Stage;
let file: string;
beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.txt");
});
afterAll(() => stage.close());

const verify = (what: string): string[] => ["verify", what, ...stage.expected, ...stage.trust];

test("both accept: allowed, said in words and in JSON", async () => {
  const outcome = await stage.run([...verify(file), "--second-opinion", "--json"]);
  expect(outcome.code).toBe(0);
  expect(outcome.stderr).toMatch(/opinion +@sigstore\/verify \d+\.\d+\.\d+ agrees: both accept/);
  expect(parsed(outcome)).toMatchObject({
    decision: { verdict: "allowed" },
    secondOpinion: { outcome: "agree", evidence: [{ ours: "accepts", theirs: "accepts" }] },
  });
  const verbose = await stage.run([...verify(file), "--second-opinion", "--verbose"]);
  expect(verbose.stderr).toContain("same-signer");
});

test("an artifact of more than what is kept otherwise, and an empty one", async () => {
  const large = await stage.sign("large.bin", "x".repeat(3 * 1024 * 1024));
  expect((await stage.run([...verify(large), "--second-opinion"])).stderr).toContain("agrees");
  const empty = await stage.sign("empty", "");
  expect((await stage.run([...verify(empty), "--second-opinion"])).stderr).toContain("agrees");
});

test("an artifact is kept whole, and not at all if it is longer than the limit, or was not read", async () => {
  const artifact = { name: "x", digests: [] };
  const kept = await requestOpinion(4);
  const buffer = new Uint8Array([1, 2]);
  kept.reading.onPiece?.(buffer);
  buffer.fill(3);
  kept.reading.onPiece?.(buffer);
  expect(kept.world({ ...artifact, size: 4 }).message).toEqual(Buffer.from([1, 2, 3, 3]));
  kept.reading.onPiece?.(buffer.subarray(1));
  expect(kept.world({ ...artifact, size: 5 })).not.toHaveProperty("message");
  expect((await requestOpinion()).world(artifact)).not.toHaveProperty("message");
});

test("by variable and by policy file, neither of which takes back what the other asks for", async () => {
  const env = { COUNTERSIGN_SECOND_OPINION: "1" };
  expect(parsed(await stage.run([...verify(file), "--json"], { env }))).toHaveProperty(
    "secondOpinion.outcome",
    "agree",
  );
  const signers = [{ identity: stage.identity, issuer: stage.sigstore.url }];
  const policy = stage.write(
    "policy.json",
    JSON.stringify({ version: "countersign.policy/v1", signers, secondOpinion: true }),
  );
  const byPolicy = ["verify", file, "--policy", policy, ...stage.trust, "--json"];
  for (const off of [{}, { COUNTERSIGN_SECOND_OPINION: "0" }]) {
    const outcome = await stage.run(byPolicy, { env: off });
    expect(outcome.code, outcome.stderr).toBe(0);
    expect(parsed(outcome)).toHaveProperty("secondOpinion.outcome", "agree");
  }
});

test("of a list, each by itself, and of a signed list of checksums", async () => {
  const second = await stage.sign("second.txt", "second");
  stage.write("other.txt", "other");
  const list = ["verify", file, second, ...stage.expected, ...stage.trust, "--second-opinion", "--json"];
  const outcome = await stage.run(list);
  expect(outcome.code, outcome.stderr).toBe(0);
  expect(outcome.stdout.match(/"outcome": ?"agree"/g)).toHaveLength(2);
  const sums = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  release.txt\n";
  const listing = await stage.sign("SHA256SUMS", sums);
  const proved = [...verify(file), "--checksums", listing, "--second-opinion", "--json"];
  const checked = await stage.run(proved);
  expect(checked.code, checked.stderr).toBe(0);
  expect(checked.stdout).toMatch(/"outcome": ?"agree"/);
});

test("of a digest alone it cannot tell: 3", async () => {
  const digest = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  const outcome = await stage.run([
    ...verify(digest),
    "--bundle",
    `${file}.sigstore.json`,
    "--second-opinion",
    "--json",
  ]);
  expect(outcome.code).toBe(3);
  expect(outcome.stderr).toContain("[PIPELINE_SECOND_OPINION_UNABLE]");
  expect(parsed(outcome)).toMatchObject({ decision: { verdict: "unknown" }, secondOpinion: { outcome: "unable" } });
});

test("an attestation of another file is accepted by the other and refused here: they disagree, 1", async () => {
  const predicate = stage.write("predicate.json", "{}");
  const attest = ["attest", file, "--type", "urn:x", "--predicate", predicate, "--bundle", stage.path("a.json")];
  const signing = ["--identity-token", stage.path("token.jwt"), ...stage.signing];
  expect(await stage.run([...attest, ...signing])).toMatchObject({ code: 0 });
  const bundle = ["--bundle", stage.path("a.json"), "--second-opinion", "--json"];
  expect(parsed(await stage.run([...verify(file), ...bundle]))).toHaveProperty("secondOpinion.outcome", "agree");
  const outcome = await stage.run([...verify(stage.write("other", "other")), ...bundle]);
  expect(outcome.code).toBe(1);
  expect(parsed(outcome)).toMatchObject({
    decision: { verdict: "refused", code: "SIGSTORE_SUBJECT_MISMATCH" },
    secondOpinion: { outcome: "disagree", evidence: [{ ours: "refuses", theirs: "accepts" }] },
  });
  expect(outcome.stderr).toMatch(/opinion .* disagrees/);
});

test("installed without the other: nothing is missed until it is asked for, then it says what to install", async () => {
  cpSync(dirname(builtMain), stage.path("alone/dist"), { recursive: true });
  cpSync(join(dirname(builtMain), "../package.json"), stage.path("alone/package.json"));
  const run = (...more: readonly string[]): ReturnType<typeof runProgram> =>
    runProgram(process.execPath, [stage.path("alone/dist/main.js"), ...verify(file), ...more], {});
  expect(await run()).toMatchObject({ code: 0 });
  const outcome = await run("--second-opinion", "--json");
  expect(outcome.code).toBe(3);
  expect(parsed(outcome)).toMatchObject({ secondOpinion: { outcome: "unable" } });
  expect(outcome.stderr).toContain("npm install @sigstore/verify");
});
