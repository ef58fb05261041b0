import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { loadInstance, loadTufRoot } from "@countersign/pipeline";
import { parseUtf8 } from "@countersign/core";
import { addTufTarget, delegateTuf, makeTufRepository, publishTuf, startFaultServer } from "@countersign/testkit";
import { parseRoot } from "@countersign/tuf";
import { parsed, setStage, type Stage } from "./stage.ts";
import type { Outcome } from "./scenario.ts";

let stage: Stage;
let data = "";
const root = (): string => stage.path("sigstore/tuf_root.json");
beforeAll(async () => {
  stage = await setStage();
  data = stage.path("data");
});
beforeEach(() => {
  stage.sigstore.faults.clear();
  rmSync(data, { recursive: true, force: true });
});
afterAll(() => stage.close());

function update(argv: readonly string[] = []): Promise<Outcome> {
  const instance = ["--tuf-url", `${stage.sigstore.url}/tuf`, "--tuf-root", root()];
  return stage.run(["trust", "update", ...instance, ...argv], { env: { XDG_DATA_HOME: data } });
}

/** Where an update of an instance would lie. */
function folder(instance: string): string {
  return join(data, "countersign", "trust", instance);
}

test("a private instance's trust root and signing config come by TUF, and verify with them", async () => {
  const output = stage.path("its own/trust");
  const outcome = await update(["--output", output, "--json"]);
  expect(outcome.stderr).toContain(`updated: ${join(output, "trusted_root.json")}`);
  expect(outcome.code).toBe(0);
  expect(parsed(outcome)).toMatchObject({
    schema: "countersign.trust-update/v1",
    url: `${stage.sigstore.url}/tuf`,
    run: { findings: [] },
  });
  expect(readFileSync(join(output, "trusted_root.json"))).toEqual(Buffer.from(stage.sigstore.trustedRootBytes));
  expect(readFileSync(join(output, "signing_config.json"))).toEqual(Buffer.from(stage.sigstore.signingConfigBytes));
  const file = await stage.sign("app.tgz");
  const { code } = await stage.run([
    "verify",
    file,
    "--trusted-root",
    join(output, "trusted_root.json"),
    ...stage.expected,
  ]);
  expect(code).toBe(0);
  expect((await update(["--output", output])).stderr).toContain(`current: ${join(output, "trusted_root.json")}`);
});

test("what does not verify changes nothing", async () => {
  const output = stage.path("kept");
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, "trusted_root.json"), "mine");
  stage.sigstore.faults.set("tuf", { kind: "garbage" });
  expect((await update(["--output", output])).code).toBe(1);
  stage.sigstore.faults.clear();
  stage.sigstore.faults.set("tuf", { kind: "status", status: 503 });
  expect((await update(["--output", output])).code).toBe(3);
  expect(readFileSync(join(output, "trusted_root.json"), "utf8")).toBe("mine");
});

test("tuf-js is asked too, with what was fetched and what the store had, and both agree", async () => {
  const outcome = await update(["--second-opinion", "--json"]);
  expect(outcome).toMatchObject({ code: 0 });
  expect(JSON.parse(outcome.stdout)).toMatchObject({
    secondOpinion: { outcome: "agree", evidence: [{ theirs: "accepts" }, {}] },
  });
  const { code, stderr } = await update(["--second-opinion"]);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/opinion +tuf-js [0-9.]+ agrees/) as string,
  });
});

test("a file that tuf-js would look for elsewhere is not taken if it is asked", async () => {
  const repository = makeTufRepository();
  // For the specification a `!` is a letter like others; for minimatch this pattern fits all but one name.
  for (const [role, paths] of [["other", ["!x"]] as const, ["right", ["*"]] as const]) {
    delegateTuf(repository, "targets", role, { paths, terminating: true });
    const text = role === "right" ? parseUtf8(stage.sigstore.trustedRootBytes) : "{}";
    addTufTarget(repository, "trusted_root.json", text, role);
  }
  await publishTuf(repository);
  const server = await startFaultServer();
  for (const [name, bytes] of repository.metadata) server.files.set(`/tuf/${name}`, bytes);
  for (const [name, bytes] of repository.targets) server.files.set(`/tuf/targets/${name}`, bytes);
  const argv = ["--tuf-url", `${server.url}/tuf`, "--tuf-root", stage.path("own-root.json")];
  writeFileSync(stage.path("own-root.json"), repository.metadata.get("1.root.json") ?? "");
  const run = (...more: readonly string[]): Promise<Outcome> =>
    stage.run(["trust", "update", ...argv, ...more], { env: { XDG_DATA_HOME: data } });
  const { code, stderr } = await run("--second-opinion");
  expect([code, /\[([A-Z_]+)\]/.exec(stderr)?.[1]]).toEqual([3, "PIPELINE_SECOND_OPINION_UNABLE"]);
  expect(stderr).toContain("other.json");
  expect(server.requests.some(({ path }) => path.startsWith("/tuf/targets/"))).toBe(false);
  expect((await run()).code).toBe(0);
  await server.close();
});

test("another repository's root is refused", async () => {
  const other = stage.write("other.json", (await loadTufRoot("public-good")).root);
  const argv = ["trust", "update", "--tuf-url", `${stage.sigstore.url}/tuf`, "--tuf-root", other];
  const { code, stderr } = await stage.run(argv, { env: { XDG_DATA_HOME: data } });
  expect([code, /\[TUF_[A-Z_]+\]/.test(stderr)]).toEqual([1, true]);
  expect(existsSync(join(data, "trusted_root.json"))).toBe(false);
});

test("options that say half of it are wrong usage", async () => {
  const run = async (...argv: readonly string[]): Promise<string> => {
    const { code, stderr } = await stage.run(["trust", "update", ...argv], { env: { XDG_DATA_HOME: data } });
    return `${code} ${/\[([A-Z_]+)\]/.exec(stderr)?.[1] ?? ""}`;
  };
  expect(await run("--tuf-url", "http://127.0.0.1:1")).toBe("2 CLI_OPTION_CONFLICT");
  expect(await run("--tuf-root", root())).toBe("2 CLI_OPTION_CONFLICT");
  expect(await run("--tuf-url", "nowhere", "--tuf-root", root())).toBe("2 CLI_OPTION_VALUE");
  expect(await run("--staging", "--tuf-url", "http://127.0.0.1:1", "--tuf-root", root())).toBe("2 CLI_USAGE");
  expect(await run("--output", stage.write("taken", "no folder"))).toBe("2 CLI_FILE_MISSING");
});

test("verify and sign use an instance's update from then on, unless what is built in is newer", async () => {
  const file = await stage.sign("later.tgz");
  const verify = (): Promise<Outcome> =>
    stage.run(["verify", file, ...stage.expected, "--json"], { env: { XDG_DATA_HOME: data } });
  expect((await verify()).code).toBe(1);
  mkdirSync(folder("public-good"), { recursive: true });
  const path = join(folder("public-good"), "trusted_root.json");
  writeFileSync(path, stage.sigstore.trustedRootBytes);
  writeFileSync(join(folder("public-good"), "signing_config.json"), stage.sigstore.signingConfigBytes);
  const outcome = await verify();
  expect(parsed(outcome)).toMatchObject({
    decision: { verdict: "allowed" },
    trust: { sources: [{ source: path, ageDays: 0 }] },
  });
  const signed = await stage.run(
    ["sign", stage.write("more.tgz", "x"), "--identity-token", stage.path("token.jwt"), "--yes"],
    { env: { XDG_DATA_HOME: data } },
  );
  expect(signed.code).toBe(0);
  const { source } = await loadInstance("public-good");
  const before = new Date(Date.parse(source.date) - 1000);
  utimesSync(path, before, before);
  expect((await verify()).code).toBe(1);
});

test("the built-in TUF roots are sound", async () => {
  for (const name of ["public-good", "staging", "github"] as const) {
    const { root: text, url } = await loadTufRoot(name);
    const parsedRoot = parseRoot(new TextEncoder().encode(text));
    expect(parsedRoot.consistentSnapshot, name).toBe(true);
    expect(url).toMatch(/^https:\/\//);
  }
});
