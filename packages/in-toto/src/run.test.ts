import { spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { generateSigner } from "@countersign/core";
import { afterAll, describe, expect, test } from "vitest";
import { runCommand, type CommandOptions } from "./command.node.ts";
import { defaultExcludes } from "./exclude.ts";
import { publicKeyOf, type InTotoSigner } from "./key-file.ts";
import {
  linkFileName,
  mockFileName,
  readLinkFile,
  removeLinkFile,
  unfinishedFileName,
  writeLinkFile,
} from "./link-file.node.ts";
import { matchLocalProducts } from "./match-products.node.ts";
import { parseMetadata } from "./metadata.ts";
import { startRecord, stopRecord } from "./record-session.node.ts";
import { formatRunBinding, parseRunBinding } from "./run-binding.ts";
import { mockStep, runStep, writeLink } from "./run.node.ts";
import { checkSignature } from "./signature.ts";
import type { Link } from "./link.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function makeFolder(files: Readonly<Record<string, string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), "countersign-run-"));
  folders.push(root);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content);
  return root;
}

const makeSigner = (): InTotoSigner => {
  const signer = generateSigner("ed25519");
  return { signer, key: publicKeyOf(signer.spki) };
};
const signer = makeSigner();
const now = (): Date => new Date(Date.now());
const nowMs = Date.now();
const node = (program: string): readonly string[] => [process.execPath, "-e", program];
const refusal = (code: string): unknown => expect.objectContaining({ name: "TrustError", code });

/** The link in a file, whose signature by `signer` was checked. */
function openLink(path: string): Link {
  const metadata = parseMetadata(readFileSync(path), "strict");
  checkSignature(metadata, signer.key, nowMs);
  if (metadata.type !== "link") throw new Error("no link");
  return metadata.link;
}

/** Takes what is written to it. */
function makeSink(): { readonly sink: Writable; readonly text: () => string } {
  const sink = new PassThrough();
  const parts: Buffer[] = [];
  sink.on("data", (part: Buffer) => parts.push(part));
  return { sink, text: () => Buffer.concat(parts).toString() };
}

const quiet = (): Pick<CommandOptions, "output"> => ({ output: { stdout: makeSink().sink, stderr: makeSink().sink } });

describe("commands", () => {
  test("the exit code is passed through", async () => {
    expect(await runCommand(node("process.exit(7)"))).toMatchObject({ returnValue: 7, exitCode: 7 });
    expect(await runCommand(["true"])).toEqual({
      returnValue: 0,
      exitCode: 0,
      stdout: { text: "", lostBytes: 0 },
      stderr: { text: "", lostBytes: 0 },
    });
  });

  test("an end by a signal is recorded as the reference does", async () => {
    const result = await runCommand(node("process.kill(process.pid, 'SIGKILL')"));
    expect(result).toMatchObject({ returnValue: -9, exitCode: 137 });
  });

  test("streams are kept and passed on", async () => {
    const out = makeSink();
    const err = makeSink();
    const program = "process.stdout.write('é\\0\\n'); process.stderr.write(Buffer.from([0x61, 0xff]))";
    const result = await runCommand(node(program), {
      streams: "record",
      output: { stdout: out.sink, stderr: err.sink },
    });
    expect([result.stdout.text, result.stderr.text]).toEqual(["é\0\n", "a\ufffd"]);
    expect([out.text(), err.text()]).toEqual(["é\0\n", "a\ufffd"]);
  });

  test("both streams may be full at once, and only their starts are kept", async () => {
    const program = "const b = Buffer.alloc(3e6, 'x'); process.stdout.write(b); process.stderr.write(b)";
    const result = await runCommand(node(program), { streams: "record", maxStreamBytes: 10, ...quiet() });
    expect(result.stdout).toEqual({ text: "x".repeat(10), lostBytes: 3e6 - 10 });
    expect(result.stderr).toEqual({ text: "x".repeat(10), lostBytes: 3e6 - 10 });
  });

  test("a reader that goes away does not end the recording", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    const result = await runCommand(node("for (let i = 0; i < 1e5; i++) console.log(i)"), {
      streams: "record",
      output: { stdout: broken, stderr: makeSink().sink },
    });
    expect(result.returnValue).toBe(0);
    expect(result.stdout.text.endsWith("99999\n")).toBe(true);
  });

  test("its environment and directory can be chosen", async () => {
    const cwd = makeFolder({ here: "" });
    const program = "console.log(JSON.stringify([Object.keys(process.env), require('fs').readdirSync('.')]))";
    const result = await runCommand(node(program), { streams: "record", cwd, env: { ONLY: "1" }, ...quiet() });
    expect(JSON.parse(result.stdout.text)).toEqual([["ONLY"], ["here"]]);
  });

  test.each([[["/nonexistent/program"]], [[""]], [["a\0b"]], [[makeFolder()]], [[]]])(
    "%j cannot be started",
    async (command) => {
      await expect(runCommand(command)).rejects.toEqual(refusal("INTOTO_RUN_FAILED"));
    },
  );

  test("a time limit ends it and what it started", async () => {
    const folder = makeFolder();
    // Whoever outlives it says so once it is let go on: how long the end takes does not matter.
    const program = `(while [ ! -e ${folder}/go ]; do sleep 0.05; done; touch ${folder}/late) & sleep 30`;
    const start = performance.now();
    await expect(runCommand(["sh", "-c", program], { timeoutMs: 100, streams: "record", ...quiet() })).rejects.toEqual(
      refusal("INTOTO_RUN_TIMEOUT"),
    );
    expect(performance.now() - start).toBeLessThan(25_000);
    writeFileSync(join(folder, "go"), "");
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(existsSync(join(folder, "late"))).toBe(false);
  });

  test("a command that does not want to end is killed", async () => {
    const program = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
    await expect(runCommand(node(program), { timeoutMs: 300 })).rejects.toEqual(refusal("INTOTO_RUN_TIMEOUT"));
  });

  test("output that a process left behind holds open is not waited for", async () => {
    const start = performance.now();
    const result = await runCommand(["sh", "-c", "echo done; sleep 40 &"], { streams: "record", ...quiet() });
    expect(result).toMatchObject({ returnValue: 0, stdout: { text: "done\n" } });
    expect(performance.now() - start).toBeLessThan(35_000);
  });

  test("no handler of signals is left", async () => {
    const before = process.listenerCount("SIGTERM");
    await runCommand(["true"]);
    await expect(runCommand(["/nonexistent"])).rejects.toEqual(refusal("INTOTO_RUN_FAILED"));
    expect(process.listenerCount("SIGTERM")).toBe(before);
  });

  test("a signal that reaches us is passed on, and its end recorded", async () => {
    const cwd = makeFolder();
    const module = new URL("../dist/index.node.js", import.meta.url).href;
    const inner = JSON.stringify(["sh", "-c", "trap 'exit 9' TERM; touch ready; while :; do sleep 0.05; done"]);
    const program = `const { runCommand } = await import(${JSON.stringify(module)});
      console.log((await runCommand(${inner})).exitCode);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      cwd,
      stdio: ["ignore", "pipe", "inherit"],
    });
    while (!existsSync(join(cwd, "ready"))) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGTERM");
    const said = new Promise<string>((resolve) =>
      child.stdout.once("data", (text: Buffer) => resolve(text.toString())),
    );
    expect(await said).toBe("9\n");
  });
});

describe("link files", () => {
  const id = "0123456789abcdef";

  test("names", () => {
    expect(linkFileName("build", id)).toBe("build.01234567.link");
    expect(unfinishedFileName("build", id)).toBe(".build.01234567.link-unfinished");
    expect(mockFileName("build")).toBe("build.link");
  });

  test.each(["../x", "a/b", "a\\b", "", "..", "a\0b", "a\nb", "x".repeat(200)])(
    "I5: the step name %j is refused",
    async (step) => {
      for (const name of [linkFileName, unfinishedFileName, mockFileName])
        expect(() => name(step, id)).toThrow(expect.objectContaining({ code: "INTOTO_NAME_UNSAFE" }));
      const directory = makeFolder();
      const unsafe = refusal("INTOTO_NAME_UNSAFE");
      const run = { step, command: ["touch", join(directory, "ran")] };
      await expect(runStep(run, { signer, directory }, now)).rejects.toEqual(unsafe);
      await expect(mockStep(run, directory, now)).rejects.toEqual(unsafe);
      await expect(startRecord({ step }, { signer, directory })).rejects.toEqual(unsafe);
      await expect(stopRecord({ step }, { signer, directory }, nowMs)).rejects.toEqual(unsafe);
      expect(readdirSync(directory)).toEqual([]);
    },
  );

  test.each(["", "0123", "../../xx", "ABCDEF0123"])("the key id %j is refused", (keyid) => {
    expect(() => linkFileName("a", keyid)).toThrow(expect.objectContaining({ code: "INTOTO_NAME_UNSAFE" }));
  });

  test("a file is replaced whole, or not at all", () => {
    const directory = makeFolder({ "a.link": "old" });
    expect(writeLinkFile(directory, "a.link", "new")).toBe(join(directory, "a.link"));
    expect(readFileSync(join(directory, "a.link"), "utf8")).toBe("new");
    mkdirSync(join(directory, "b.link"));
    for (const [folder, name] of [
      [directory, "b.link"],
      [join(directory, "none"), "c.link"],
    ] as const)
      expect(() => writeLinkFile(folder, name, "x")).toThrow(
        expect.objectContaining({ code: "INTOTO_LINK_UNWRITABLE" }),
      );
    expect(readdirSync(directory).toSorted()).toEqual(["a.link", "b.link"]);
  });

  test("what is no file is not read, nor waited for", () => {
    const directory = makeFolder();
    spawnSync("mkfifo", [join(directory, "pipe")]);
    for (const name of ["pipe", "none", "."])
      expect(() => readLinkFile(join(directory, name))).toThrow(
        expect.objectContaining({ code: "INTOTO_LINK_UNREADABLE" }),
      );
    expect(() => removeLinkFile(join(directory, "none"))).toThrow(
      expect.objectContaining({ code: "INTOTO_LINK_UNWRITABLE" }),
    );
  });

  test("a link that is too large is not read", () => {
    const directory = makeFolder();
    writeFileSync(join(directory, "big"), "");
    truncateSync(join(directory, "big"), 300 * 1024 * 1024);
    expect(() => readLinkFile(join(directory, "big"))).toThrow(expect.objectContaining({ code: "INTOTO_TOO_LARGE" }));
  });
});

describe.each(["metablock", "dsse"] as const)("running a step, %s", (form) => {
  test("materials, command, products", async () => {
    const base = makeFolder({ in: "in" });
    const directory = makeFolder();
    const command = node("require('fs').writeFileSync('out', 'o'); console.log('hi'); process.exit(3)");
    const outcome = await runStep(
      {
        step: "build",
        materials: ["."],
        products: ["."],
        command,
        record: { base },
        run: { cwd: base, streams: "record", ...quiet() },
        environment: { workdir: "/w", ...formatRunBinding({ id: "run-1" }) },
      },
      { signer, form, directory },
      now,
    );
    expect(outcome).toMatchObject({ exitCode: 3, path: join(directory, `build.${signer.key.keyid.slice(0, 8)}.link`) });
    const link = openLink(outcome.path);
    expect(link).toMatchObject({
      name: "build",
      command,
      byproducts: { "return-value": 3, stdout: "hi\n", stderr: "" },
      environment: { workdir: "/w" },
    });
    expect(parseRunBinding(link)).toEqual({ id: "run-1" });
    expect([[...link.materials.keys()], [...link.products.keys()]]).toEqual([["in"], ["in", "out"]]);
    expect([...outcome.link.products]).toEqual([...link.products]);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  test("without a command", async () => {
    const base = makeFolder({ a: "" });
    const { path, exitCode } = await runStep(
      { step: "review", materials: ["a"], record: { base } },
      { signer, form, directory: base },
      now,
    );
    expect(exitCode).toBe(0);
    expect(openLink(path)).toMatchObject({ byproducts: {}, command: [], environment: {} });
  });

  test("lost output is counted in the link", async () => {
    const directory = makeFolder();
    const run = { streams: "record", maxStreamBytes: 2, ...quiet() } as const;
    const program = "process.stdout.write('abc'); process.stderr.write('defg')";
    const { path } = await runStep({ step: "s", command: node(program), run }, { signer, form, directory }, now);
    expect(openLink(path).byproducts).toEqual({
      "return-value": 0,
      stderr: "de",
      "stderr-lost-bytes": 2,
      stdout: "ab",
      "stdout-lost-bytes": 1,
    });
  });

  test("start and stop", async () => {
    const base = makeFolder({ in: "in" });
    const target = { signer, form, directory: base };
    const record = { base, exclude: defaultExcludes };
    const started = await startRecord({ step: "edit", materials: ["."], record, environment: { a: "1" } }, target);
    expect(started.path).toBe(join(base, `.edit.${signer.key.keyid.slice(0, 8)}.link-unfinished`));
    expect(openLink(started.path)).toMatchObject({ name: "edit", environment: { a: "1" } });
    writeFileSync(join(base, "out"), "out");
    const stopped = await stopRecord({ step: "edit", products: ["."], record, environment: { b: "2" } }, target, nowMs);
    const link = openLink(stopped.path);
    expect([[...link.materials.keys()], [...link.products.keys()]]).toEqual([["in"], ["in", "out"]]);
    expect(link).toMatchObject({ name: "edit", byproducts: {}, command: [], environment: { a: "1", b: "2" } });
    expect(readdirSync(base).toSorted()).toEqual([`edit.${signer.key.keyid.slice(0, 8)}.link`, "in", "out"]);
  });
});

describe("steps that fail", () => {
  test("a command that cannot be run leaves no link", async () => {
    const directory = makeFolder();
    const target = { signer, directory };
    await expect(runStep({ step: "s", command: ["/nonexistent"] }, target, now)).rejects.toEqual(
      refusal("INTOTO_RUN_FAILED"),
    );
    const late = { step: "s", command: ["sleep", "9"], run: { timeoutMs: 10 } };
    await expect(runStep(late, target, now)).rejects.toEqual(refusal("INTOTO_RUN_TIMEOUT"));
    expect(readdirSync(directory)).toEqual([]);
  });

  test("a product that did not change is not hashed again, one that did is", async () => {
    const base = makeFolder({ same: "same", other: "one" });
    // As if the files had been there for a minute.
    const later = (): Date => new Date(Date.now() + 60_000);
    const command = ["sh", "-c", `printf two > ${base}/other`];
    const run = { step: "s", materials: ["."], products: ["."], command, record: { base, exclude: ["*.link"] } };
    const { link } = await runStep(run, { signer, directory: base }, later);
    expect(link.products.get("same")).toBe(link.materials.get("same"));
    expect(link.products.get("other")).not.toBe(link.materials.get("other"));
  });

  test("start and stop: not started, another key, another step, a changed file", async () => {
    const directory = makeFolder();
    const stop = (step: string, by: InTotoSigner) => stopRecord({ step }, { signer: by, directory }, nowMs);
    await expect(stop("a", signer)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    const { path } = await startRecord({ step: "a" }, { signer, directory });
    const other = makeSigner();
    await expect(stop("a", other)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    // Passed off as the other key's and as another step's.
    writeFileSync(join(directory, unfinishedFileName("a", other.key.keyid)), readFileSync(path));
    await expect(stop("a", other)).rejects.toEqual(refusal("INTOTO_SIGNATURE_MISSING"));
    writeFileSync(join(directory, unfinishedFileName("b", signer.key.keyid)), readFileSync(path));
    await expect(stop("b", signer)).rejects.toEqual(refusal("INTOTO_RECORD_NOT_STARTED"));
    writeFileSync(path, readFileSync(path, "utf8").replace('"command": []', '"command": ["x"]'));
    await expect(stop("a", signer)).rejects.toEqual(refusal("INTOTO_SIGNATURE_BAD"));
    mkdirSync(join(directory, unfinishedFileName("c", signer.key.keyid)));
    await expect(stop("c", signer)).rejects.toEqual(refusal("INTOTO_LINK_UNREADABLE"));
    expect(readdirSync(directory).filter((name) => name.endsWith(".link"))).toEqual([]);
  });

  test("a mock has no signature", async () => {
    const base = makeFolder({ a: "" });
    const run = { step: "m", products: ["."], command: ["true"], record: { base } };
    const { path } = await mockStep(run, base, now);
    expect(path).toBe(join(base, "m.link"));
    const metadata = parseMetadata(readFileSync(path), "strict");
    expect(metadata).toMatchObject({ form: "metablock", type: "link", signatures: [] });
    expect(() => checkSignature(metadata, signer.key, nowMs)).toThrow(
      expect.objectContaining({ code: "INTOTO_SIGNATURE_MISSING" }),
    );
  });
});

describe("matching products", () => {
  const hashes = ["sha256", "sha512"] as const;

  async function makeLink(base: string, directory: string): Promise<Uint8Array> {
    const { path } = await runStep(
      { step: "s", products: ["."], record: { base, hashes } },
      { signer, directory },
      now,
    );
    return readFileSync(path);
  }

  test("the same, and each way to differ", async () => {
    const base = makeFolder({ a: "a", b: "b", c: "c" });
    const bytes = await makeLink(base, makeFolder());
    const match = () => matchLocalProducts(bytes, { record: { base }, nowMs });
    expect(await match()).toEqual({ onlyInProducts: [], notInProducts: [], differ: [], signers: [], skipped: [] });
    rmSync(join(base, "a"));
    writeFileSync(join(base, "b"), "B");
    writeFileSync(join(base, "d"), "d");
    expect(await match()).toMatchObject({ onlyInProducts: ["a"], notInProducts: ["d"], differ: ["b"] });
    expect(await matchLocalProducts(bytes, { paths: ["c"], record: { base }, nowMs })).toMatchObject({
      onlyInProducts: ["a", "b"],
      notInProducts: [],
      differ: [],
    });
  });

  test("a hash that we cannot make is no match", async () => {
    const base = makeFolder({ a: "a" });
    const directory = makeFolder();
    const link: Link = {
      name: "s",
      materials: new Map(),
      products: new Map([["a", '{"md5":"0cc175b9c0f1b6a831c399e269772661"}']]) as unknown as Link["products"],
      byproducts: {},
      command: [],
      environment: {},
    };
    const bytes = readFileSync(await writeLink(link, { signer, directory }));
    expect(await matchLocalProducts(bytes, { record: { base }, nowMs })).toMatchObject({ differ: ["a"] });
  });

  test("with a key, the link's signature is checked", async () => {
    const base = makeFolder({ a: "a" });
    const bytes = await makeLink(base, makeFolder());
    const record = { base };
    expect((await matchLocalProducts(bytes, { record, keys: [signer.key], nowMs })).signers).toEqual([
      signer.key.keyid,
    ]);
    const keys = [makeSigner().key];
    await expect(matchLocalProducts(bytes, { record, keys, nowMs })).rejects.toEqual(
      refusal("INTOTO_SIGNATURE_MISSING"),
    );
    const forged = Buffer.from(bytes.toString().replace('"name": "s"', '"name": "t"'));
    await expect(matchLocalProducts(forged, { record, keys: [signer.key], nowMs })).rejects.toEqual(
      refusal("INTOTO_SIGNATURE_BAD"),
    );
    expect(await matchLocalProducts(forged, { record, nowMs })).toMatchObject({ differ: [] });
  });
});
