import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  addTufTarget,
  delegateTuf,
  makeTufKey,
  makeTufRepository,
  publishTuf,
  publishTufRoot,
  serveTuf,
  tufRole,
  type LooseObject,
  type TufRepository,
  type TufServer,
} from "@countersign/testkit";
import { afterAll, afterEach, describe, expect, test } from "vitest";

/* The situations of the tuf-conformance suite, remade: the client as the suite starts it, a real server, files on disk. */

const client = fileURLToPath(new URL("client", import.meta.url));
const afterwards: (() => Promise<void> | void)[] = [];

/** Compiled once, the client starts three times as fast. */
const compiled = mkdtempSync(join(tmpdir(), "tuf-conformance-compiled-"));
afterAll(() => rmSync(compiled, { recursive: true }));

afterEach(async () => {
  for (const undo of afterwards.splice(0)) await undo();
});

interface Stage {
  readonly repository: TufRepository;
  readonly server: TufServer;
  readonly metadataDir: string;
  readonly targetDir: string;
  run(...words: readonly string[]): Promise<{ readonly code: number | null; readonly stderr: string }>;
  refresh(): Promise<number | null>;
  download(...names: readonly string[]): Promise<number | null>;
  /** Roles in the metadata directory, as the suite counts them, with their versions. */
  trusted(): readonly string[];
}

async function makeStage(before: (repository: TufRepository) => void = () => {}): Promise<Stage> {
  const repository = makeTufRepository();
  const far = new Date(Date.now() + 10 * 86_400_000).toISOString().replace(/\.\d+/, "");
  for (const role of [repository.root, repository.timestamp, repository.snapshot, tufRole(repository, "targets")])
    role.signed["expires"] = far;
  addTufTarget(repository, "app.bin", "the app");
  before(repository);
  for (const role of repository.roles.values()) role.signed["expires"] ??= far;
  await publishTuf(repository);
  const server = await serveTuf(repository);
  const folder = mkdtempSync(join(tmpdir(), "tuf-conformance-"));
  afterwards.push(
    () => server.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  const [metadataDir, targetDir, root] = ["metadata", "targets", "root.json"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(root, repository.metadata.get("1.root.json") as Uint8Array);
  const run: Stage["run"] = (...words) => start(["--metadata-dir", metadataDir, ...words]);
  const base = ["--metadata-url", server.metadataUrl];
  const target = ["--target-dir", targetDir, "--target-base-url", server.targetsUrl];
  expect(await run("init", root)).toEqual({ code: 0, stderr: "" });
  return {
    repository,
    server,
    metadataDir,
    targetDir,
    run,
    refresh: async () => (await run(...base, "refresh")).code,
    download: async (...names) =>
      (await run(...base, ...names.flatMap((n) => ["--target-name", n]), ...target, "download")).code,
    trusted: () => trustedIn(metadataDir),
  };
}

function start(words: readonly string[]): Promise<{ code: number | null; stderr: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, NODE_COMPILE_CACHE: compiled };
    const child = spawn(client, words, { env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString()));
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

function trustedIn(metadataDir: string): readonly string[] {
  const names = readdirSync(metadataDir).filter((name) => name.endsWith(".json"));
  return names.toSorted().map((name) => {
    const { signed } = JSON.parse(readFileSync(join(metadataDir, name), "utf8")) as { signed: { version: number } };
    return `${name.slice(0, -".json".length)} ${signed.version}`;
  });
}

describe("the protocol", () => {
  test("init, refresh, download, and the names of files", async () => {
    const stage = await makeStage();
    expect(stage.trusted()).toEqual(["root 1"]);
    expect(await stage.refresh()).toBe(0);
    expect(stage.server.requests).toEqual([
      "/metadata/2.root.json",
      "/metadata/timestamp.json",
      "/metadata/1.snapshot.json",
      "/metadata/1.targets.json",
    ]);
    expect(stage.trusted()).toEqual(["root 1", "snapshot 1", "targets 1", "timestamp 1"]);
    for (const name of ["root", "timestamp", "snapshot", "targets"]) {
      const published = stage.repository.metadata.get(name === "timestamp" ? "timestamp.json" : `1.${name}.json`);
      expect(new Uint8Array(readFileSync(join(stage.metadataDir, `${name}.json`)))).toEqual(published);
    }
    expect(await stage.download("app.bin")).toBe(0);
    expect(readFileSync(join(stage.targetDir, "app.bin"), "utf8")).toBe("the app");
    const { mtimeMs } = statSync(join(stage.targetDir, "app.bin"));
    stage.server.requests.length = 0;
    expect(await stage.download("app.bin")).toBe(0);
    expect(stage.server.requests).toEqual(["/metadata/2.root.json", "/metadata/timestamp.json"]);
    expect(statSync(join(stage.targetDir, "app.bin")).mtimeMs).toBe(mtimeMs);
    expect(await stage.download("nonexistent artifact")).toBe(1);
  });

  test("what it does not know is a failure, with how to call it", async () => {
    const stage = await makeStage();
    for (const words of [[], ["frobnicate"], ["refresh"], ["--metadata-url", "x", "download"], ["--x", "refresh"]]) {
      const { code, stderr } = await stage.run(...words);
      expect({ words, code }).toEqual({ words, code: 1 });
      expect(stderr).not.toContain("    at ");
    }
  });

  test("several targets in one updater, in sub-folders, and a role that two reach", async () => {
    const stage = await makeStage((repository) => {
      delegateTuf(repository, "targets", "a", { paths: ["a/*"] });
      delegateTuf(repository, "targets", "b", { paths: ["b/*"] });
      delegateTuf(repository, "a", "shared", { paths: ["a/*"] });
      delegateTuf(repository, "b", "shared", { paths: ["b/*"], keys: [makeTufKey()] });
      addTufTarget(repository, "a/x", "x", "shared");
      addTufTarget(repository, "a/y", "y", "shared");
      addTufTarget(repository, "b/x", "x", "shared");
    });
    expect(await stage.download("a/x", "b/x")).toBe(1);
    expect(readdirSync(join(stage.targetDir, ".."))).not.toContain("targets");
    expect(await stage.download("a/x", "a/y")).toBe(0);
    expect(readdirSync(join(stage.targetDir, "a")).toSorted()).toEqual(["x", "y"]);
  });
});

test("roles with names that are no file names", async () => {
  const stage = await makeStage((repository) => {
    for (const name of ["?", "#", "/delegatedrole", "../delegatedrole"]) delegateTuf(repository, "targets", name);
  });
  expect(await stage.download("nonexistent target")).toBe(1);
  const asked = stage.server.requests.slice(4);
  expect(asked).toEqual(
    ["1.%3F", "1.%23", "1.%2Fdelegatedrole", "1...%2Fdelegatedrole"].map((n) => `/metadata/${n}.json`),
  );
  expect(stage.trusted()).toHaveLength(8);
});

test("an initial root that is no root is refused, and nothing is asked for", async () => {
  const stage = await makeStage();
  writeFileSync(join(stage.metadataDir, "anchor"), "{}");
  expect(await stage.refresh()).toBe(1);
  expect(stage.server.requests).toEqual([]);
});

test("an expired root is kept, and nothing after it is touched", async () => {
  const stage = await makeStage();
  expect(await stage.refresh()).toBe(0);
  stage.repository.root.signed["expires"] = "2020-01-01T00:00:00Z";
  await publishTufRoot(stage.repository);
  await publishTuf(stage.repository);
  expect(await stage.refresh()).toBe(1);
  expect(stage.trusted()).toEqual(["root 2", "snapshot 1", "targets 1", "timestamp 1"]);
});

test("a snapshot that cannot be had leaves the timestamp", async () => {
  const stage = await makeStage();
  stage.repository.metadata.delete("1.snapshot.json");
  expect(await stage.refresh()).toBe(1);
  expect(stage.trusted()).toEqual(["root 1", "timestamp 1"]);
});

test("a target that was replaced is not taken, and what is there stays", async () => {
  const stage = await makeStage((repository) => addTufTarget(repository, "other", "fine"));
  expect(await stage.download("app.bin")).toBe(0);
  for (const address of stage.repository.targets.keys())
    stage.repository.targets.set(address, new TextEncoder().encode("malicious data"));
  await stage.download("app.bin");
  expect(await stage.download("other")).toBe(1);
  expect(readdirSync(stage.targetDir).filter((name) => !name.startsWith("."))).toEqual(["app.bin"]);
  expect(readFileSync(join(stage.targetDir, "app.bin"), "utf8")).toBe("the app");
});

test("a new key of timestamp is trusted, the old one no more, and its versions begin anew", async () => {
  const stage = await makeStage();
  expect(await stage.refresh()).toBe(0);
  const key = makeTufKey();
  const { keys, roles } = stage.repository.root.signed as unknown as Record<"keys" | "roles", LooseObject>;
  keys[key.keyid] = key.json as LooseObject;
  roles["timestamp"] = { keyids: [key.keyid], threshold: 1 };
  await publishTufRoot(stage.repository);
  await publishTuf(stage.repository);
  expect(await stage.refresh()).toBe(1);
  stage.repository.timestamp.signers.splice(0, 1, key);
  stage.repository.timestamp.signed["version"] = 0;
  await publishTuf(stage.repository);
  expect(await stage.refresh()).toBe(0);
  expect(stage.trusted()).toContain("timestamp 1");
});
