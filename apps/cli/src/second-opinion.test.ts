import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import {
  addTufTarget,
  delegateTuf,
  makeTufRepository,
  publishTuf,
  startFaultServer,
  type FaultServer,
} from "@countersign/testkit";
import { makeFolder, runHere, type Outcome } from "./scenario.ts";

const folder = makeFolder();
let server: FaultServer;
let root: Uint8Array;
let count = 0;
let at = "";
beforeAll(async () => {
  const repository = makeTufRepository();
  addTufTarget(repository, "app.bin", "the app");
  delegateTuf(repository, "targets", "plugins", { paths: ["plugins/*"] });
  addTufTarget(repository, "plugins/one", "a plugin", "plugins");
  // For the specification a `*` matches a name that begins with a dot, for minimatch it does not.
  addTufTarget(repository, "plugins/.hidden", "a hidden plugin", "plugins");
  await publishTuf(repository);
  root = repository.metadata.get("1.root.json") as Uint8Array;
  server = await startFaultServer();
  for (const [name, bytes] of repository.metadata) server.files.set(`/metadata/${name}`, bytes);
  for (const [name, bytes] of repository.targets) server.files.set(`/targets/${name}`, bytes);
});
afterAll(async () => {
  await server.close();
  folder.remove();
});

beforeEach(async () => {
  at = join(folder.path, String(count++));
  mkdirSync(at);
  writeFileSync(join(at, "root.json"), root);
  const { code, stderr } = await update("trust", join(at, "root.json"), "--mirror", `${server.url}/metadata`);
  if (code !== 0) throw new Error(stderr);
});

function update(...argv: readonly string[]): Promise<Outcome> {
  return runHere(["update", ...argv, "--store", join(at, "store")], { now: new Date("2030-01-01T00:00:00Z") });
}

test("a target that tuf-js finds too is saved, also when most was in the store already", async () => {
  for (const name of ["app.bin", "plugins/one"]) {
    const { code, stderr } = await update("get", name, "--second-opinion", "-o", join(at, "out"));
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  }
  expect(readFileSync(join(at, "out", "plugins", "one"), "utf8")).toBe("a plugin");
  const refreshed = await update("refresh", "--second-opinion", "--json");
  expect(refreshed.code).toBe(0);
  expect(JSON.parse(refreshed.stdout)).toMatchObject({
    secondOpinion: {
      outcome: "agree",
      evidence: [{ source: "metadata", ours: "accepts", theirs: "accepts", guards: [] }],
    },
  });
  expect(refreshed.stderr).toMatch(/opinion +tuf-js \d+\.\d+\.\d+ agrees: both accept/);
});

test("one about which it disagrees is not saved, and the exit code is 1", async () => {
  const { code, stdout } = await update("get", "plugins/.hidden", "--second-opinion", "--json", "-o", join(at, "out"));
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    decision: { verdict: "refused", code: "PIPELINE_SECOND_OPINION_DISAGREES" },
    secondOpinion: {
      outcome: "disagree",
      by: expect.stringContaining("tuf-js") as string,
      evidence: [{ source: "plugins/.hidden", ours: "accepts", theirs: "refuses", guards: [] }],
    },
  });
  expect(existsSync(join(at, "out", "plugins", ".hidden"))).toBe(false);
  expect((await update("get", "plugins/.hidden", "-o", join(at, "out"))).code).toBe(0);
});

test("it knows one repository only", async () => {
  const { code, stderr } = await update("get", "app.bin", "--second-opinion", "--map", join(at, "map.json"));
  expect([code, stderr.includes("CLI_OPTION_CONFLICT")]).toEqual([2, true]);
});
