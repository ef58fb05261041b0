import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { defaultExcludes } from "./exclude.ts";
import { hashFile, hashBufferBytes } from "./file-hash.node.ts";
import { hashFiles } from "./hash-pool.node.ts";
import { readHashes } from "./hashes.ts";
import { recordArtifacts, type RecordOptions } from "./record.node.ts";
import { maxWalkDepth } from "./walk.node.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A directory with these files; a value that starts with `->` is a link. */
function makeTree(files: Readonly<Record<string, string | Uint8Array>>): string {
  const root = mkdtempSync(join(tmpdir(), "countersign-record-"));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (typeof content === "string" && content.startsWith("->")) symlinkSync(content.slice(2), join(root, path));
    else writeFileSync(join(root, path), content);
  }
  return root;
}

const sha256 = (content: string | Uint8Array): string => createHash("sha256").update(content).digest("hex");

async function namesOf(uris: readonly string[], options: RecordOptions): Promise<readonly string[]> {
  return [...(await recordArtifacts(uris, options)).artifacts.keys()];
}

async function refuse(code: string, uris: readonly string[], options: RecordOptions): Promise<void> {
  await expect(recordArtifacts(uris, options)).rejects.toMatchObject({ name: "TrustError", code });
}

describe("recording", () => {
  test("files and directories, by normalised name, each once", async () => {
    const base = makeTree({ "a.txt": "a", "d/b.txt": "b", "d/e/c.txt": "" });
    const { artifacts } = await recordArtifacts(["./d/", "d/../a.txt", "d//b.txt"], { base });
    expect([...artifacts]).toEqual([
      ["a.txt", `{"sha256":"${sha256("a")}"}`],
      ["d/b.txt", `{"sha256":"${sha256("b")}"}`],
      ["d/e/c.txt", `{"sha256":"${sha256("")}"}`],
    ]);
  });

  test("nothing asked for is nothing recorded", async () => {
    expect((await recordArtifacts([])).artifacts.size).toBe(0);
  });

  test("all hashes, with the gitoid as git makes it", async () => {
    const base = makeTree({ f: "hello\n" });
    const hashes = ["sha512", "gitoid:blob:sha256", "sha256", "sha384"] as const;
    const { artifacts } = await recordArtifacts(["f"], { base, hashes });
    expect([...readHashes(artifacts.get("f") as never)]).toEqual([
      ["gitoid:blob:sha256", sha256("blob 6\0hello\n")],
      ["sha256", sha256("hello\n")],
      ["sha384", createHash("sha384").update("hello\n").digest("hex")],
      ["sha512", createHash("sha512").update("hello\n").digest("hex")],
    ]);
    await refuse("CORE_DIGEST_MISSING", ["f"], { base, hashes: [] });
  });

  test("a file larger than the buffer, with every hash", async () => {
    const content = Buffer.alloc(3 * hashBufferBytes + 17, "0123456789\r\n");
    const base = makeTree({ f: content });
    const record = async (lineEndings: "keep" | "lf") => {
      const options = { base, lineEndings, hashes: ["sha256", "gitoid:blob:sha256"] as const };
      return Object.fromEntries(readHashes((await recordArtifacts(["f"], options)).artifacts.get("f") as never));
    };
    const text = Buffer.from(content.toString("latin1").replaceAll("\r\n", "\n"), "latin1");
    const gitoid = (bytes: Uint8Array): string => sha256(Buffer.concat([Buffer.from(`blob ${bytes.length}\0`), bytes]));
    expect(await record("keep")).toEqual({ sha256: sha256(content), "gitoid:blob:sha256": gitoid(content) });
    expect(await record("lf")).toEqual({ sha256: sha256(text), "gitoid:blob:sha256": gitoid(text) });
  });

  test.each([
    ["a\r\nb\rc\n", "a\nb\nc\n"],
    ["\r\r\n\r", "\n\n\n"],
    ["\n\r", "\n\n"],
    [`${"x".repeat(hashBufferBytes - 1)}\r\ny`, `${"x".repeat(hashBufferBytes - 1)}\ny`],
    [`${"x".repeat(hashBufferBytes - 1)}\r`, `${"x".repeat(hashBufferBytes - 1)}\n`],
  ])("line endings, also across pieces: %#", async (text, normal) => {
    const base = makeTree({ f: text });
    const { artifacts } = await recordArtifacts(["f"], { base, lineEndings: "lf" });
    expect(artifacts.get("f")).toBe(`{"sha256":"${sha256(normal)}"}`);
  });

  test("excluded files and directories are not seen, whatever they are", async () => {
    const base = makeTree({ "a.py": "", "a.pyc": "", ".git/HEAD": "", "x.link": "", "d/y~": "", "d/z": "" });
    execFileSync("mkfifo", [join(base, "pipe.link")]);
    expect(await namesOf(["."], { base, exclude: defaultExcludes })).toEqual(["a.py", "d/z"]);
    expect(await namesOf(["a.pyc"], { base, exclude: defaultExcludes })).toEqual([]);
    await refuse("INTOTO_EXCLUDE_MALFORMED", ["."], { base, exclude: ["!"] });
  });

  test("I6: nothing is excluded by default", async () => {
    const base = makeTree({ "evil.pyc": "", "run.sh~": "", "evil.link.sh": "", ".git/hook": "" });
    expect(await namesOf(["."], { base })).toEqual([".git/hook", "evil.link.sh", "evil.pyc", "run.sh~"]);
  });

  test("prefixes are stripped, and clashes refused", async () => {
    const base = makeTree({ "src/a": "", "lib/a": "", "lib/b": "" });
    expect(await namesOf(["."], { base, lstrip: ["src/"] })).toEqual(["lib/a", "lib/b", "a"]);
    await refuse("INTOTO_RECORD_TWICE", ["."], { base, lstrip: ["src/", "lib/"] });
    await refuse("INTOTO_LSTRIP_CLASH", ["."], { base, lstrip: ["src/", "x", "src/a"] });
    await refuse("INTOTO_LSTRIP_CLASH", ["."], { base, lstrip: ["src/", "src/"] });
    await refuse("INTOTO_RECORD_NAME", ["."], { base, lstrip: ["src"] });
    await refuse("INTOTO_RECORD_NAME", ["src/a"], { base, lstrip: ["src/a"] });
  });

  test("names that strict verification would refuse need to be asked for", async () => {
    const base = makeTree({ "a/x": "", "b/y": "" });
    const inner = { base: join(base, "a") };
    await refuse("INTOTO_RECORD_NAME", ["../b"], inner);
    await refuse("INTOTO_RECORD_NAME", [join(base, "b")], inner);
    expect(await namesOf(["../b"], { ...inner, names: "any" })).toEqual(["../b/y"]);
    expect(await namesOf([join(base, "b")], { ...inner, lstrip: [`${base}/`] })).toEqual(["b/y"]);
  });

  test.each([["back\\slash"], ["line\nfeed"], ["tab\t"], ["del\u007f"], ["c1\u0085"]])(
    "the name %j is refused",
    async (name) => {
      const base = makeTree({ [name]: "" });
      await refuse("INTOTO_RECORD_NAME", ["."], { base, names: "any" });
      expect(await namesOf(["."], { base, exclude: ["*"] })).toEqual([]);
    },
  );

  test("a name that is not UTF-8 is refused, one that holds U+FFFD is not", async () => {
    const base = makeTree({ "fine\ufffd": "", other: "" });
    expect(await namesOf(["."], { base })).toEqual(["fine\ufffd", "other"]);
    const bad = Buffer.concat([Buffer.from(`${base}/bad`), Buffer.from([0xff])]);
    writeFileSync(bad, "");
    await refuse("INTOTO_RECORD_NAME", ["."], { base });
    expect(await namesOf(["."], { base, exclude: ["bad*"] })).toEqual(["fine\ufffd", "other"]);
    unlinkSync(bad);
  });

  test("names with quotes, blanks, emoji and prototype members", async () => {
    const names = ['"', "a b", "é", "🙂", "__proto__", "constructor"];
    const base = makeTree(Object.fromEntries(names.map((name) => [name, name])));
    expect((await namesOf(["."], { base })).toSorted()).toEqual(names.toSorted());
  });
});

describe("links and special files", () => {
  test("links to files count as the files, broken ones are reported", async () => {
    const base = makeTree({ a: "a", l: "->a", gone: "->nowhere", self: "->self", "d/up": "->../a" });
    const { artifacts, skipped } = await recordArtifacts(["."], { base });
    expect([...artifacts.keys()]).toEqual(["a", "d/up", "l"]);
    expect(artifacts.get("l")).toBe(artifacts.get("a"));
    expect(skipped.toSorted((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
      { path: "gone", why: "broken-link" },
      { path: "self", why: "broken-link" },
    ]);
  });

  test("links to directories are followed only if asked, or if they are what was asked for", async () => {
    const base = makeTree({ "d/a": "", l: "->d" });
    const plain = await recordArtifacts(["."], { base });
    expect([...plain.artifacts.keys()]).toEqual(["d/a"]);
    expect(plain.skipped).toEqual([{ path: "l", why: "directory-link" }]);
    expect(await namesOf(["."], { base, directoryLinks: "follow" })).toEqual(["d/a", "l/a"]);
    expect(await namesOf(["l"], { base })).toEqual(["l/a"]);
  });

  test("I7: a directory that contains itself is refused, not walked for ever", async () => {
    const base = makeTree({ "d/a": "", "d/up": "->.." });
    await refuse("INTOTO_RECORD_LOOP", ["."], { base, directoryLinks: "follow" });
    await refuse("INTOTO_RECORD_LOOP", ["d"], { base, directoryLinks: "follow" });
    expect(await namesOf(["."], { base })).toEqual(["d/a"]);
    expect(await namesOf(["."], { base, directoryLinks: "follow", exclude: ["up"] })).toEqual(["d/a"]);
  });

  test("directories nested too deeply are refused", async () => {
    const base = makeTree({ [`${"d/".repeat(maxWalkDepth)}f`]: "" });
    await refuse("INTOTO_RECORD_LOOP", ["."], { base });
  });

  test("paths that do not exist are refused unless told otherwise", async () => {
    const base = makeTree({ a: "" });
    await refuse("INTOTO_RECORD_MISSING", ["a", "b"], { base });
    const { artifacts, skipped } = await recordArtifacts(["a", "b", "a/c"], { base, missing: "skip" });
    expect([[...artifacts.keys()], skipped]).toEqual([
      ["a"],
      [
        { path: "b", why: "missing" },
        { path: "a/c", why: "missing" },
      ],
    ]);
  });

  test("a FIFO is refused without waiting for its writer", async () => {
    const base = makeTree({ "d/a": "", l: "->d/pipe" });
    execFileSync("mkfifo", [join(base, "d/pipe")]);
    for (const path of [".", "d", "d/pipe", "l"]) await refuse("INTOTO_RECORD_SPECIAL", [path], { base });
    const plan = { hashes: ["sha256"], lineEndings: "keep" } as const;
    expect(hashFile(join(base, "d/pipe"), plan, new Uint8Array(8))).toMatchObject({ failed: "special" });
  });

  test("sockets and devices are refused", async () => {
    const base = makeTree({ a: "" });
    await refuse("INTOTO_RECORD_SPECIAL", ["/dev/null"], { names: "any" });
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(base, "socket"), resolve));
    await refuse("INTOTO_RECORD_SPECIAL", ["."], { base });
    const plan = { hashes: ["sha256"], lineEndings: "keep" } as const;
    expect(hashFile(join(base, "socket"), plan, new Uint8Array(8))).toMatchObject({ failed: "special" });
    await new Promise((resolve) => server.close(resolve));
  });

  test.skipIf(process.getuid?.() === 0)("what may not be read is refused", async () => {
    const base = makeTree({ "d/a": "", b: "" });
    chmodSync(join(base, "b"), 0);
    await refuse("INTOTO_RECORD_UNREADABLE", ["b"], { base });
    chmodSync(join(base, "d"), 0);
    await refuse("INTOTO_RECORD_UNREADABLE", ["d"], { base });
    chmodSync(join(base, "d"), 0o700);
  });

  test("a path longer than the system allows is refused", async () => {
    await refuse("INTOTO_RECORD_UNREADABLE", ["x".repeat(5000)], {});
    await refuse("INTOTO_RECORD_UNREADABLE", ["nul\0"], {});
  });
});

describe("files that change", () => {
  test("while they are read", () => {
    const base = makeTree({ log: "x" });
    // Asking for the buffer's length is what happens between the two looks at the file.
    const path = join(base, "log");
    const growing = Object.defineProperty(new Uint8Array(8), "length", {
      get: () => {
        appendFileSync(path, "y");
        return 8;
      },
    });
    const result = hashFile(path, { hashes: ["sha256"], lineEndings: "keep" }, growing);
    expect(result).toMatchObject({ failed: "changed" });
  });

  test("between listing and reading", async () => {
    const plan = { hashes: ["sha256"], lineEndings: "keep" } as const;
    const [result] = await hashFiles([join(makeTree({}), "gone")], { plan });
    expect(result).toEqual({ failed: "gone", errno: "ENOENT" });
  });

  test("a file that comes or goes during a recording is refused", async () => {
    const base = makeTree(
      Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`f${at}`, Buffer.alloc(8_000_000)])),
    );
    // The recording gives timers their turn after each 64 MiB.
    const later = setTimeout(() => writeFileSync(join(base, "new"), ""), 0);
    await refuse("INTOTO_RECORD_CHANGED", ["."], { base, maxThreads: 1 });
    clearTimeout(later);
    setTimeout(() => rmSync(join(base, "f0")), 0);
    await refuse("INTOTO_RECORD_CHANGED", ["."], { base, maxThreads: 1 });
    setTimeout(() => writeFileSync(join(base, "x.log"), ""), 0);
    expect(await namesOf(["."], { base, maxThreads: 1, exclude: ["*.log"] })).toContain("new");
  });

  test("a signal stops a recording", async () => {
    const base = makeTree(
      Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`f${at}`, Buffer.alloc(8_000_000)])),
    );
    await refuse("CORE_STREAM_ABORTED", ["."], { base, signal: AbortSignal.abort() });
  });
});

describe("threads", () => {
  test.each([1, 2, 4])("%i give the same as one file after another", async (maxThreads) => {
    const files = Array.from({ length: 300 }, (_, at) => [`f${at}`, Buffer.alloc(at * 2000, at)] as const);
    const base = makeTree(Object.fromEntries(files));
    const { artifacts } = await recordArtifacts(["."], { base, maxThreads });
    expect(artifacts.size).toBe(300);
    for (const [name, content] of files) expect(artifacts.get(name)).toBe(`{"sha256":"${sha256(content)}"}`);
  });
});

describe("memory", () => {
  const later = (): number => Date.now() + 60_000;

  test("files in the state they were in are not hashed again", async () => {
    const base = makeTree({ a: "a", b: "b", c: "c" });
    linkSync(join(base, "a"), join(base, "a2"));
    const first = await recordArtifacts(["."], { base, nowMs: later() });
    expect(first.memory.size).toBe(3);
    // A memory that lies shows that it was used.
    const lying = new Map([...first.memory.keys()].map((stamp) => [stamp, ["00"]]));
    writeFileSync(join(base, "b"), "B");
    writeFileSync(join(base, "new"), "n");
    const { artifacts } = await recordArtifacts(["."], { base, memory: lying });
    expect(Object.fromEntries(artifacts)).toEqual({
      a: '{"sha256":"00"}',
      a2: '{"sha256":"00"}',
      b: `{"sha256":"${sha256("B")}"}`,
      c: '{"sha256":"00"}',
      new: `{"sha256":"${sha256("n")}"}`,
    });
  });

  test("a change is seen even if size and time of change are put back", async () => {
    const base = makeTree({ a: "one" });
    const past = new Date(1_000_000_000_000);
    utimesSync(join(base, "a"), past, past);
    const { memory } = await recordArtifacts(["."], { base, nowMs: later() });
    writeFileSync(join(base, "a"), "two");
    utimesSync(join(base, "a"), past, past);
    const { artifacts } = await recordArtifacts(["."], { base, memory });
    expect(artifacts.get("a")).toBe(`{"sha256":"${sha256("two")}"}`);
  });

  test("what changed just now, or at an unknown time, is not remembered", async () => {
    const base = makeTree({ a: "a" });
    expect((await recordArtifacts(["."], { base, nowMs: Date.now() })).memory.size).toBe(0);
    expect((await recordArtifacts(["."], { base })).memory.size).toBe(0);
  });

  test("what is remembered stays remembered", async () => {
    const base = makeTree({ a: "a" });
    const { memory } = await recordArtifacts(["."], { base, nowMs: later() });
    expect((await recordArtifacts(["."], { base, nowMs: later(), memory })).memory).toEqual(memory);
  });
});
