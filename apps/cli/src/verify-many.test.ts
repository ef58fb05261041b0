import { createHash } from "node:crypto";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtMain, runBuilt } from "./scenario.ts";
import { parsed, setStage, textOf, type Stage } from "./stage.ts";

let stage: Stage;
let flags: readonly string[];
let good: string;
let other: string;
let tampered: string;

beforeAll(async () => {
  stage = await setStage();
  flags = [...stage.trust, ...stage.expected];
  good = await stage.sign("good.tgz", "good");
  other = await stage.sign("other.tgz", "other");
  tampered = stage.write("tampered.tgz", "tampered");
  stage.write("tampered.tgz.sigstore.json", textOf(`${good}.sigstore.json`));
});
afterAll(() => stage.close());

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");
interface Reports {
  readonly results: readonly { readonly name: string; readonly verdict: string; readonly code?: string }[];
  readonly summary: object;
}

describe("several artifacts", () => {
  test("one line each in their order, a summary, exit code 1 if any was refused", async () => {
    const missing = stage.path("missing.tgz");
    const { code, stdout, stderr } = await stage.run(["verify", good, tampered, missing, other, ...flags]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    const lines = stderr.split("\n");
    expect(lines[0]).toBe(`allowed: ${good}: signed by "${stage.identity}" vouched for by "${stage.sigstore.url}"`);
    expect(lines[1]).toMatch(/refused: .*tampered\.tgz: .*\[SIGSTORE_ARTIFACT_MISMATCH\]$/);
    expect(lines[2]).toMatch(/refused: .*missing\.tgz: .*\[PIPELINE_NO_EVIDENCE\]$/);
    expect(lines[3]).toMatch(/^allowed: .*other\.tgz/);
    expect(stderr).toContain("summary: 2 allowed, 2 refused, 0 could not be told\n");
  });

  test("exit code 3 if one could not be told and none was refused, 0 if all were allowed", async () => {
    const gone = await stage.sign("gone.tgz", "gone");
    rmSync(gone);
    const outcome = await stage.run(["verify", good, gone, ...flags]);
    expect(outcome).toMatchObject({ code: 3, stderr: expect.stringContaining("PIPELINE_FILE_UNREADABLE") as string });
    expect(await stage.run(["verify", good, other, ...flags, "-q"])).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("a pipe in a list keeps nobody", async () => {
    execFileSync("mkfifo", [stage.path("pipe")]);
    stage.write("pipe.sigstore.json", textOf(`${good}.sigstore.json`));
    expect(await stage.run(["verify", good, stage.path("pipe"), ...flags])).toMatchObject({ code: 3 });
    const pool = ["--bundles", `${good}.sigstore.json`, `${other}.sigstore.json`];
    expect(await stage.run(["verify", good, stage.path("pipe"), ...flags, ...pool])).toMatchObject({ code: 3 });
    symlinkSync("circle", stage.path("circle"));
    const circle = await stage.run(["verify", good, stage.path("circle"), ...flags, ...pool]);
    expect(circle).toMatchObject({ code: 3, stderr: expect.stringContaining("got ELOOP") as string });
  });

  test("--json: one object with every report; --format jsonl: one a line", async () => {
    const outcome = await stage.run(["verify", good, tampered, ...flags, "--json"]);
    expect(parsed(outcome)).toMatchObject({
      schema: "countersign.reports/v1",
      results: [
        { name: good, verdict: "allowed", report: { schema: "countersign.report/v1" } },
        { name: tampered, verdict: "refused", code: "SIGSTORE_ARTIFACT_MISMATCH" },
      ],
      summary: { total: 2, allowed: 1, refused: 1, unknown: 0 },
      exitCode: 1,
    });
    const { stdout } = await stage.run(["verify", good, tampered, ...flags, "--format", "jsonl"]);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line) as { verdict?: string }).map(({ verdict }) => verdict)).toEqual([
      "allowed",
      "refused",
      undefined,
    ]);
  });

  test("a failure is JSON too if --format json asked for it", async () => {
    for (const argv of [["--format", "json"], ["--format=json"]])
      expect(parsed(await stage.run(["verify", good, "--list", stage.path("no"), ...flags, ...argv]))).toMatchObject({
        error: { code: "CLI_FILE_MISSING" },
      });
    for (const argv of [["--format", "jsonl"], ["--format=jsonl"]]) {
      const { stdout } = await stage.run(["verify", good, "--list", stage.path("no"), ...flags, ...argv]);
      expect(stdout).toMatch(/^[^\n]+\n$/);
      expect(JSON.parse(stdout)).toMatchObject({ schema: "countersign.failure/v1", exitCode: 2 });
    }
  });

  test("a name that was no UTF-8 is not taken for the file that it looks like", async () => {
    const decoy = stage.write("x\ufffd", "good");
    stage.write("x\ufffd.sigstore.json", textOf(`${good}.sigstore.json`));
    // As a shell hands it on: Node has made U+FFFD of it before anybody sees it.
    const verify = ["-c", `exec "$0" "$1" verify "$2"$(printf '\\377') ${flags.join(" ")}`];
    const sh = spawnSync("sh", [...verify, process.execPath, builtMain, decoy.slice(0, -1)], { encoding: "utf8" });
    expect(sh).toMatchObject({ status: 2, stderr: expect.stringContaining("CLI_NOT_UTF8") as string });
    const list = stage.write("decoy.list", `${decoy}\n`);
    expect(await stage.run(["verify", "--list", list, ...flags])).toMatchObject({ code: 0 });
  });

  test("nothing at all is wrong usage", async () => {
    expect(await stage.run(["verify", ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("missing required argument 'artifact'") as string,
    });
    const empty = stage.write("empty.list", "");
    expect(await stage.run(["verify", "--list", empty, ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_LIST_EMPTY") as string,
    });
    for (const end of ["\n", "\0"]) {
      const list = stage.path("latin1.list");
      writeFileSync(list, Buffer.from(`${good}${end}caf\u00e9${end}`, "latin1"));
      const outcome = await stage.run(["verify", "--list", list, ...flags]);
      expect(outcome).toMatchObject({ code: 2, stderr: expect.stringContaining('line 2, got "caf') as string });
      expect(outcome.stderr).toContain("CLI_NOT_UTF8");
    }
  });
});

describe("lists", () => {
  test("of paths and digests; a digest that is also a file's name is refused", async () => {
    const list = stage.write("list", `${good}\n${other}\n`);
    expect(await stage.run(["verify", "--list", list, ...flags])).toMatchObject({ code: 0 });
    const digest = `sha256:${sha256("good")}`;
    const withDigest = stage.write("list2", `${digest}\0${other}\0`);
    const pool = ["--bundles", `${good}.sigstore.json`, `${other}.sigstore.json`];
    const outcome = await stage.run(["verify", "--list", withDigest, ...flags, ...pool, "--json"]);
    expect(parsed(outcome)).toMatchObject({ summary: { allowed: 2 } });
    expect(await stage.run(["verify", "--list", withDigest, ...flags])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("CLI_BUNDLE_NEEDED") as string,
    });
  });

  test("--bundles a b.jsonl - < list, in a process of its own", async () => {
    const lines = [other, good].map((file) => textOf(`${file}.sigstore.json`).trim());
    const jsonl = stage.write("all.jsonl", `${lines.join("\n")}\n`);
    const argv = ["verify", ...flags, "--json", "--bundles", `${tampered}.sigstore.json`, jsonl, "-"];
    const outcome = await runBuilt(argv, { input: `${good}\n${tampered}\n${other}\n` });
    const { results } = parsed(outcome) as unknown as Reports;
    expect(results.map(({ name, verdict, code }) => [name, verdict, code])).toEqual([
      [good, "allowed", undefined],
      [tampered, "refused", "PIPELINE_NO_EVIDENCE"],
      [other, "allowed", undefined],
    ]);
  });

  test("a line of bundles that is cut: its own code, and nothing is verified", async () => {
    const whole = textOf(`${good}.sigstore.json`).trim();
    const noText = Buffer.concat([Buffer.from(`${whole}\n"`), Buffer.of(0xff), Buffer.from('"')]);
    for (const text of [`${whole}\n${whole.slice(0, 100)}`, `${whole}\n\n${whole}\n`, noText, ""]) {
      const cut = stage.write("cut.jsonl", text);
      const outcome = await stage.run(["verify", good, "--bundles", cut, ...flags, "--json"]);
      const message = expect.stringContaining(`line ${text.length === 0 ? 1 : 2}`) as string;
      expect(parsed(outcome)).toMatchObject({ error: { code: "CLI_BUNDLE_LINE_CUT", message }, exitCode: 1 });
    }
  });

  test("a line that is JSON and no bundle is said in the report, and stops no good one", async () => {
    const jsonl = stage.write("some.jsonl", `{}\n${textOf(`${good}.sigstore.json`).trim()}\n`);
    const outcome = await stage.run(["verify", good, "--bundle", jsonl, ...flags, "--json"]);
    expect(outcome.code).toBe(0);
    expect(parsed(outcome)).toMatchObject({ evidence: [{ source: `${jsonl}:1` }, { source: `${jsonl}:2` }] });
  });

  test("--digests: names with digests, judged by the bundles alone", async () => {
    const sums = stage.write("sums", `${sha256("good")}  a\nSHA256 (b) = ${sha256("no")}\n`);
    const pool = ["--bundles", `${good}.sigstore.json`, `${other}.sigstore.json`];
    const outcome = await stage.run(["verify", "--digests", sums, ...pool, ...flags, "--json"]);
    const { results } = parsed(outcome) as unknown as Reports;
    expect(results.map(({ name, verdict }) => [name, verdict])).toEqual([
      ["a", "allowed"],
      ["b", "refused"],
    ]);
  });

  test("over threads the results are the same and in order", async () => {
    const files = Array.from({ length: 80 }, (_, at) => (at % 5 === 3 ? tampered : good));
    const list = stage.write("long", `${files.join("\n")}\n`);
    const outcome = await runBuilt(["verify", "--list", list, ...flags, "--json"]);
    const { results } = parsed(outcome) as unknown as Reports;
    expect(results.map(({ name }) => name)).toEqual(files);
    expect(results.every(({ name, verdict }) => (verdict === "allowed") === (name === good))).toBe(true);
    expect(outcome.code).toBe(1);
    for (const jobs of ["1", "3"])
      expect(parsed(await runBuilt(["verify", "--list", list, ...flags, "--json", "--jobs", jobs]))).toMatchObject({
        results: results.map(({ name, verdict }) => ({ name, verdict })),
      });
    // A V8 that does not know the mode that was asked for says so on a line of its own.
    expect(outcome.stderr).toMatch(/^(?:(?:refused|summary|countersign): .*\n)+$/);
  });
});

test.each([["0"], ["257"], ["two"], ["1", "--checksums", "x"]])("--jobs %s is wrong usage", async (...argv) => {
  for (const files of [[good], [good, good]])
    expect(await stage.run(["verify", ...files, ...flags, "--jobs", ...argv])).toMatchObject({ code: 2 });
});

test("--jobs of more than there are artifacts", async () => {
  expect(await runBuilt(["verify", good, good, ...flags, "--jobs", "256"])).toMatchObject({ code: 0 });
});

test("several bundles of one artifact count together for m of n", async () => {
  const keys = ["alice", "bob"].map((name) => stage.makeKey(name));
  const bundles = keys.map((_, at) => stage.path(`by-${at}.sigstore.json`));
  for (const [at, key] of keys.entries())
    await stage.run(["sign", good, "--key", key.secret, "--bundle", bundles[at] ?? "", ...stage.signing]);
  const signers = keys.map((key) => `  - key: ${key.public}\n`).join("");
  const policy = stage.write("two.yaml", `version: countersign.policy/v1\nthreshold: 2\nsigners:\n${signers}`);
  const argv = (given: readonly string[]): string[] => [
    "verify",
    good,
    ...stage.trust,
    "--policy",
    policy,
    "--bundles",
    ...given,
  ];
  expect(await stage.run(argv(bundles))).toMatchObject({ code: 0 });
  const [first = ""] = bundles;
  for (const given of [[first], [first, first]])
    expect(await stage.run(argv(given))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("POLICY_TOO_FEW_SIGNERS") as string,
    });
  expect(await stage.run([...argv(bundles), "--format", "junit"])).toMatchObject({ code: 0 });
});

describe("--checksums: files by a signed checksum file", () => {
  const inDirectory = async (lines: string): Promise<string> => {
    const directory = stage.path(`dist${Math.random()}`);
    mkdirSync(join(directory, "sub"), { recursive: true });
    for (const name of ["a", "b", "sub/c"]) writeFileSync(join(directory, name), name);
    const sums = await stage.sign("checksums.txt", lines);
    for (const suffix of ["", ".sigstore.json"])
      writeFileSync(join(directory, `checksums.txt${suffix}`), textOf(`${sums}${suffix}`));
    return directory;
  };
  const lines = `${sha256("a")}  a\n${sha256("b")} *b\nSHA256 (sub/c) = ${sha256("sub/c")}\n`;
  const run = (directory: string, operands: readonly string[], more: readonly string[] = []) =>
    stage.run(["verify", ...operands, "--checksums", join(directory, "checksums.txt"), ...flags, ...more]);

  test("one file, all that is named, and a whole directory", async () => {
    const directory = await inDirectory(lines);
    expect(await run(directory, [join(directory, "a")])).toMatchObject({ code: 0 });
    const all = await run(directory, [], ["--json"]);
    expect(parsed(all)).toMatchObject({ summary: { total: 4, allowed: 4 } });
    expect(await run(directory, [directory])).toMatchObject({ code: 0 });
  });

  test("a file elsewhere is found by its own name", async () => {
    const directory = await inDirectory(lines);
    expect(await run(directory, [stage.write("a", "a")])).toMatchObject({ code: 0 });
    expect(await run(directory, [stage.write("a", "changed")])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("CLI_CHECKSUM_MISMATCH") as string,
    });
  });

  test("what is changed, added or missing is refused", async () => {
    const directory = await inDirectory(lines);
    writeFileSync(join(directory, "sub/extra"), "x");
    expect(await run(directory, [directory])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("CLI_CHECKSUM_UNLISTED") as string,
    });
    expect(await run(directory, [])).toMatchObject({ code: 0 });
    rmSync(join(directory, "b"));
    expect(await run(directory, [])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("CLI_CHECKSUM_MISSING") as string,
    });
    expect(await run(directory, [], ["--ignore-missing"])).toMatchObject({ code: 0 });
  });

  test("--ignore-missing passes over nothing that is there", async () => {
    const directory = await inDirectory(lines);
    const elsewhere = stage.path("elsewhere");
    mkdirSync(elsewhere, { recursive: true });
    writeFileSync(join(elsewhere, "evil"), "x");
    symlinkSync(elsewhere, join(directory, "plugins"));
    expect(await run(directory, [directory], ["--ignore-missing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("CLI_CHECKSUM_UNLISTED") as string,
    });
    rmSync(join(directory, "plugins"));
    // Read as text this has the name of a file that a list could name.
    const latin1 = Buffer.concat([Buffer.from(`${directory}/sub/a`), Buffer.of(0xff)]);
    writeFileSync(latin1, "x");
    expect(await run(directory, [directory])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining("expected names in UTF-8") as string,
    });
    rmSync(latin1);
    rmSync(join(directory, "b"));
    symlinkSync(elsewhere, join(directory, "b"));
    expect(await run(directory, [], ["--ignore-missing"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("CLI_CHECKSUM_MISSING") as string,
    });
  });

  test("a checksum file that is not proved is not read", async () => {
    const directory = await inDirectory(lines);
    writeFileSync(join(directory, "checksums.txt"), `${sha256("a")}  a\n`);
    const outcome = await run(directory, [join(directory, "a")], ["--json"]);
    expect(outcome.code).toBe(1);
    expect(parsed(outcome)).toMatchObject({ summary: { total: 1, refused: 1 } });
  });

  test("a signed file with names above the directory is refused as a whole", async () => {
    const directory = await inDirectory(`${sha256("a")}  a\n${sha256("x")}  ../x\n`);
    expect(await run(directory, [])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("PIPELINE_CHECKSUMS_MALFORMED") as string,
    });
  });

  test("none of its files there, with --ignore-missing, is no success", async () => {
    const directory = await inDirectory(`${sha256("z")}  z\n`);
    expect(await run(directory, [], ["--ignore-missing"])).toMatchObject({ code: 2 });
    expect(await run(directory, [`sha256:${sha256("a")}`])).toMatchObject({ code: 2 });
    expect(await stage.run(["verify", good, other, ...flags, "--ignore-missing"])).toMatchObject({ code: 2 });
  });
});
