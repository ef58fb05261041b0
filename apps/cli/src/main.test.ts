import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  copyFileSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
} from "node:fs";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { builtMain, runBuilt, runProgram } from "./scenario.ts";
import { setStage, textOf, type Stage } from "./stage.ts";

const preload = fileURLToPath(new URL("sockets.preload.ts", import.meta.url));

let stage: Stage;
let file: string;
let verify: readonly string[];

beforeAll(async () => {
  stage = await setStage();
  file = await stage.sign("release.tgz");
  verify = ["verify", file, ...stage.trust, ...stage.expected];
});
afterAll(() => stage.close());

async function calledBy(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<unknown> {
  const list = stage.path("called.json");
  const outcome = await runBuilt(argv, { preload, env: { ...env, SOCKETS_FILE: list } });
  return { code: outcome.code, called: JSON.parse(textOf(list)) as unknown };
}

describe("no socket", () => {
  test("the hook counts: signing does open sockets", async () => {
    const argv = ["sign", stage.write("counted", "x"), "--identity-token", stage.path("token.jwt"), ...stage.signing];
    expect(await calledBy(argv)).toMatchObject({ code: 0, called: expect.arrayContaining(["fetch"]) as unknown });
  });

  test.each([
    { name: "verify --offline", extra: ["--offline"] },
    { name: "verify", extra: [] },
    { name: "verify --json -v", extra: ["--json", "-v"] },
  ])("$name: zero calls", async ({ extra }) => {
    expect(await calledBy([...verify, ...extra])).toEqual({ code: 0, called: [] });
  });

  test("with an empty home and the built-in trust root", async () => {
    const home = stage.path("empty-home");
    mkdirSync(home, { recursive: true });
    const env = { HOME: home, XDG_CACHE_HOME: `${home}/cache`, XDG_STATE_HOME: `${home}/state` };
    expect(await calledBy(["verify", file, ...stage.expected, "--offline"], env)).toEqual({ code: 1, called: [] });
    expect(readdirSync(home)).toEqual([]);
  });

  test.each([["doctor"], ["version"], ["--help"]])("%s: zero calls", async (command) => {
    expect(await calledBy([command])).toEqual({ code: 0, called: [] });
  });

  test("inspect: zero calls", async () => {
    expect(await calledBy(["inspect", `${file}.sigstore.json`])).toEqual({ code: 0, called: [] });
  });
});

describe("streams", () => {
  test("standard input, also from a pipe that comes in pieces", async () => {
    const argv = ["verify", "-", "--bundle", `${file}.sigstore.json`, ...stage.trust, ...stage.expected];
    expect(await runBuilt(argv, { input: "hello" })).toMatchObject({ code: 0 });
    expect(await runBuilt(argv, { input: "hellp" })).toMatchObject({ code: 1 });
    const shell = `(printf hel; sleep 0.2; printf lo) | "${process.execPath}" "${builtMain}" ${argv.join(" ")}`;
    expect(await runProgram("sh", ["-c", shell])).toMatchObject({ code: 0 });
  });

  test("a predicate from standard input, as cosign's users pipe it", async () => {
    const more = ["--type", "custom", "--bundle", stage.path("piped.json"), ...stage.signing];
    const argv = ["attest-blob", file, "--predicate", "-", "--key", stage.makeKey("piped").secret, ...more];
    expect(await runBuilt(argv, { input: '{"answer":42}' })).toMatchObject({ code: 0 });
    const { dsseEnvelope } = JSON.parse(textOf(stage.path("piped.json"))) as { dsseEnvelope: { payload: string } };
    expect(Buffer.from(dsseEnvelope.payload, "base64").toString()).toContain("42");
    expect(await runBuilt(["attest-blob", "-", ...argv.slice(2)], { input: "{}" })).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_OPTION_CONFLICT") as string,
    });
  });

  test("a reader that went away is no error", async () => {
    const shell = `{ "${process.execPath}" "${builtMain}" completion bash; echo "code $?" >&2; } | true`;
    for (let times = 0; times < 3; times++)
      expect(await runProgram("sh", ["-c", shell])).toMatchObject({ stderr: "code 0\n" });
    const verdict = `{ "${process.execPath}" "${builtMain}" ${verify.join(" ")} --json -q; echo "code $?" >&2; } | exec 0<&-`;
    expect(await runProgram("sh", ["-c", verdict])).toMatchObject({ stderr: "code 0\n" });
  });

  test.skipIf(!existsSync("/dev/full"))("a full disk behind standard output is said, with exit code 3", async () => {
    const shell = `"${process.execPath}" "${builtMain}" ${verify.join(" ")} --json -q > /dev/full`;
    const { code, stderr } = await runProgram("sh", ["-c", shell]);
    expect(code).toBe(3);
    expect(stderr).toMatch(/^countersign: error: .*ENOSPC.*\[CLI_OUTPUT_FAILED\]$/m);
  });

  test("colour only where it is wanted", async () => {
    const escape = "\u001b[";
    expect((await runBuilt(verify)).stderr).not.toContain(escape);
    expect((await runBuilt(verify, { env: { FORCE_COLOR: "1" } })).stderr).toContain(escape);
    expect((await runBuilt(verify, { env: { NO_COLOR: "1" } })).stderr).not.toContain(escape);
    expect((await runBuilt(verify, { env: { FORCE_COLOR: "0" } })).stderr).not.toContain(escape);
  });

  test("never a stack trace without --debug", async () => {
    const argv = ["verify", stage.path("nothing"), "--bundle", `${file}.sigstore.json`, ...stage.expected];
    expect((await runBuilt(argv)).stderr).not.toMatch(/^\s+at /m);
    expect((await runBuilt([...argv, "--debug"])).stderr).toMatch(/^\s+at /m);
  });
});

describe("signals", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const)("%s while signing: told, also to programs, %i for a shell, no temporary file", async (signal, code) => {
    stage.sigstore.faults.set("tsa", { kind: "hang", times: 1 });
    const target = stage.write("interrupted", "x");
    const argv = ["sign", target, "--json", "--identity-token", stage.path("token.jwt"), ...stage.signing];
    const child = spawn(process.execPath, [builtMain, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    const [ended, said, json] = [once(child, "close"), text(child.stderr), text(child.stdout)];
    // The fault is used up: the authority was asked, and will not answer.
    await vi.waitUntil(() => stage.sigstore.faults.list().length === 0, { timeout: 60_000 });
    child.kill(signal);
    // By the signal itself, or a loop in a shell script would go on with the next file.
    expect(await ended).toEqual([null, signal]);
    expect(await said).toMatch(/error: ended by a signal .*\[CLI_INTERRUPTED\]\n.*hint: run it again/);
    expect(JSON.parse(await json)).toMatchObject({ exitCode: code, error: { code: "CLI_INTERRUPTED" } });
    expect(readdirSync(stage.folder).filter((name) => name.includes("interrupted"))).toEqual(["interrupted"]);
  });

  test("a list that is interrupted has a whole report, in which the rest could not be told", async () => {
    const endless = stage.write("endless", "");
    truncateSync(endless, 2 ** 38);
    copyFileSync(`${file}.sigstore.json`, `${endless}.sigstore.json`);
    const argv = ["verify", file, endless, "--format", "jsonl", ...stage.trust, ...stage.expected];
    const child = spawn(process.execPath, [builtMain, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    const [ended, said] = [once(child, "close"), text(child.stderr)];
    let written = "";
    child.stdout.on("data", (data: Buffer) => {
      // The first result is there, and the second takes minutes.
      if (written === "") child.kill("SIGTERM");
      written += data.toString("utf8");
    });
    expect(await ended).toEqual([null, "SIGTERM"]);
    expect(await said).toMatch(/summary: 1 allowed, 0 refused, 1 could not be told\n.*\[CLI_INTERRUPTED\]\n/);
    const lines = written
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { verdict?: string; exitCode?: number });
    expect(lines.map(({ verdict, exitCode }) => verdict ?? exitCode)).toEqual(["allowed", "unknown", 143]);
  });

  /** One thread never waits for its files, and the first process of a container has signals that do not end it. */
  const first = ["unshare", "--pid", "--fork", "--kill-child"];
  const canBeFirst = spawnSync("unshare", [...first.slice(1), "true"]).status === 0;
  const ways: readonly (readonly [string, readonly string[], unknown])[] = [
    ["in one thread", [], [null, "SIGINT"]],
    ...(canBeFirst ? [["of a container's first process", first, [130, null]] as const] : []),
  ];

  test.each(ways)("a list %s ends by a signal, with one report", async (_, before, end) => {
    const names = Array.from({ length: 30_000 }, () => file).join("\n");
    const argv = ["verify", "--list", stage.write("long.list", `${names}\n`), "--jobs", "1", "--format", "jsonl"];
    const [run = "", ...command] = [...before, process.execPath, builtMain, ...argv, ...stage.trust, ...stage.expected];
    const child = spawn(run, command, { stdio: ["ignore", "pipe", "ignore"] });
    const ended = once(child, "close");
    let written = "";
    child.stdout.on("data", (data: Buffer) => {
      if (written === "") process.kill(before.length === 0 ? (child.pid ?? 0) : childOf(child.pid), "SIGINT");
      written += data.toString("utf8");
    });
    expect(await ended).toEqual(end);
    const lines = written.trimEnd().split("\n");
    expect(lines).toHaveLength(30_001);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ summary: { total: 30_000, refused: 0 }, exitCode: 130 });
  });

  test("dev up prints usable flags, serves, and stops when told to", async () => {
    const dir = stage.path("second");
    const child = spawn(process.execPath, [builtMain, "dev", "up", "--dir", dir, "--json"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [first] = (await once(child.stdout, "data")) as [Buffer];
    const { url, directory } = JSON.parse(first.toString("utf8")) as { url: string; directory: string };
    expect(directory).toBe(dir);
    expect((await runBuilt(["dev", "token", "--dir", dir, "--email", "me@example.com"])).stdout).toMatch(/^eyJ/);
    expect((await fetch(`${url}/trusted_root.json`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
    expect(existsSync(`${dir}/trusted_root.json`)).toBe(true);
  });
});

describe("bin/countersign", () => {
  const bin = fileURLToPath(new URL("../../../bin/countersign", import.meta.url));

  test("runs from any folder, whatever node is on the PATH", async () => {
    const { code, stdout } = await runProgram(bin, ["version", "--json"], {
      cwd: stage.folder,
      env: { PATH: "/usr/bin:/bin" },
    });
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as { node: string }).node).toBe(process.versions.node);
  });

  test("through a symbolic link", async () => {
    const shell = `ln -s "${bin}" link && ./link --version`;
    expect(await runProgram("sh", ["-c", shell], { cwd: stage.folder })).toMatchObject({ code: 0 });
  });
});

test("large files take constant memory", async () => {
  const path = stage.path("large.bin");
  const stream = createWriteStream(path);
  stream.write(Buffer.alloc(1));
  stream.end();
  await once(stream, "close");
  await runProgram("truncate", ["-s", "400M", path]);
  const reporter = stage.write(
    "memory.mjs",
    'process.once("exit", () => process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`));',
  );
  const argv = ["verify", path, "--bundle", `${file}.sigstore.json`, ...stage.trust, ...stage.expected];
  const { code, stderr } = await runBuilt(argv, { preload: reporter });
  expect(code).toBe(1);
  expect(Number(/^peak (\d+)$/m.exec(stderr)?.[1])).toBeLessThan(150_000);
});

/** The only process that another one started. */
function childOf(pid = 0): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
}
