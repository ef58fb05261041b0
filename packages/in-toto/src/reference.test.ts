import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { generateSigner, TrustError } from "@countersign/core";
import { afterAll, describe, expect, test } from "vitest";
import { defaultExcludes } from "./exclude.ts";
import { formatArtifacts } from "./artifacts.ts";
import { parseKeyFile, parseSignerFile, publicKeyOf } from "./key-file.ts";
import { matchLocalProducts } from "./match-products.node.ts";
import { parseMetadata } from "./metadata.ts";
import { startRecord, stopRecord } from "./record-session.node.ts";
import { recordArtifacts, type RecordOptions } from "./record.node.ts";
import { mockStep, runStep } from "./run.node.ts";
import { checkSignature } from "./signature.ts";

// Debian's in-toto, which .ci/run installs.
const isInstalled = existsSync("/usr/bin/in-toto-run");
const python = "/usr/bin/python3";
const root = mkdtempSync(join(tmpdir(), "countersign-reference-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const now = (): Date => new Date(Date.now());

function makeFolder(): string {
  return mkdtempSync(join(root, "f-"));
}

/** Runs a program of the reference; its exit code and what it said. */
function reference(cwd: string, program: string, ...words: readonly string[]): readonly [number | null, string] {
  const { status, stderr } = spawnSync(`/usr/bin/${program}`, words, { cwd, encoding: "utf8" });
  return [status, stderr];
}

describe.skipIf(!isInstalled)("recordings, with in-toto 1.3.1", () => {
  const part = fc.constantFrom("a", "b", "c.pyc", "d~", ".git", "é🙂", "x y", "s.link", "src", "lib");
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  const content = fc.oneof(fc.constantFrom("", "same", "a\r\nb\rc\n", "\r\r\n"), fc.string());
  const target = fc.oneof(
    fc.constant("nowhere"),
    part,
    part.map((name) => `../${name}`),
  );
  const tree = fc.record({
    files: fc.dictionary(path, content, { minKeys: 1, maxKeys: 8 }),
    links: fc.dictionary(path, target, { maxKeys: 2 }),
    uris: fc.oneof(
      fc.constant(["."]),
      fc.array(fc.oneof(path, part, fc.constant("./src/")), { minLength: 1, maxLength: 3 }),
    ),
    exclude: fc.oneof(
      fc.constant([]),
      fc.constant([...defaultExcludes]),
      fc.array(fc.constantFrom("a", "*.pyc", "src/*", "/b", "**/lib", "src/", "[ab]", "x?y", "!b", "a/**/b"), {
        maxLength: 3,
      }),
    ),
    lstrip: fc.oneof(
      { weight: 2, arbitrary: fc.constant([]) },
      fc.constantFrom(
        ["src/"],
        ["lib/", "src/"],
        ["a/", "b/", "src/", "lib/"],
        ["sr"],
        ["b/a"],
        ["a/", "a/b"],
        ["a", "a"],
      ),
    ),
    lineEndings: fc.constantFrom("keep", "lf"),
  });
  type Tree = typeof tree extends fc.Arbitrary<infer T> ? T : never;

  function make({ files, links }: Tree): string {
    const base = makeFolder();
    for (const [name, text] of Object.entries(files)) attempt(() => writeFileSync(at(base, name), text));
    for (const [name, to] of Object.entries(links)) attempt(() => symlinkSync(to, at(base, name)));
    return base;
  }

  function at(base: string, name: string): string {
    mkdirSync(dirname(join(base, name)), { recursive: true });
    return join(base, name);
  }

  /** A path that is a file cannot be a directory too: then one of them is left out. */
  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toMatch(/^(EEXIST|ENOTDIR|EISDIR|ENOENT|ELOOP)$/);
    }
  }

  const program = `import json,sys
from in_toto.runlib import record_artifacts_as_dict
from in_toto.exceptions import PrefixError
for c in json.load(sys.stdin):
  # An empty list would bring the default patterns.
  x=c["exclude"] or ["/no/such/file"]
  try: r=record_artifacts_as_dict(c["uris"],exclude_patterns=x,base_path=c["base"],follow_symlink_dirs=True,normalize_line_endings=c["lineEndings"]=="lf",lstrip_paths=c["lstrip"])
  except PrefixError: r="PrefixError"
  print(json.dumps(r))`;

  test("of 300 random trees are the same", async () => {
    // With prefixes to strip the reference takes a file that is listed twice for a clash.
    const once = (each: Tree): Tree => (each.lstrip.length === 0 ? each : { ...each, uris: ["."] });
    const cases = fc.sample(tree, { numRuns: 300, seed: 11 }).map((each) => ({ ...once(each), base: make(each) }));
    // In a directory that contains itself the reference goes round forty times; ours refuses.
    const ours = await Promise.all(cases.map(record));
    const isLoop = (at: number): boolean => ours[at] === "INTOTO_RECORD_LOOP";
    const asked = cases.filter((_, at) => !isLoop(at));
    const { stdout } = spawnSync(python, ["-c", program], { input: JSON.stringify(asked), encoding: "utf8" });
    const theirs = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    const mine = ours.filter((_, at) => !isLoop(at));
    const wrong = asked.flatMap((each, index) =>
      isSame(mine[index], theirs[index]) ? [] : [{ ...each, ours: mine[index], theirs: theirs[index] }],
    );
    expect(wrong.slice(0, 2)).toEqual([]);
    expect(theirs.length).toBeGreaterThan(280);
    expect(theirs.filter((each) => each === "PrefixError").length).toBeGreaterThan(3);
    expect(theirs.filter((each) => Object.keys(each as object).length > 1).length).toBeGreaterThan(120);
  });

  async function record({ base, uris, exclude, lstrip, lineEndings }: Tree & { base: string }): Promise<unknown> {
    const options = {
      base,
      exclude,
      lstrip,
      lineEndings,
      names: "any",
      missing: "skip",
      directoryLinks: "follow",
    } as RecordOptions;
    try {
      return formatArtifacts((await recordArtifacts(uris, options)).artifacts);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      return error.code;
    }
  }

  function isSame(mine: unknown, theirs: unknown): boolean {
    if (theirs === "PrefixError")
      return mine === "INTOTO_LSTRIP_CLASH" || mine === "INTOTO_RECORD_TWICE" || mine === "INTOTO_RECORD_NAME";
    return JSON.stringify(sorted(mine)) === JSON.stringify(sorted(theirs));
  }

  function sorted(value: unknown): unknown {
    return typeof value === "object" && value !== null
      ? Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
      : value;
  }
});

describe.skipIf(!isInstalled)("links, with in-toto 1.3.1", () => {
  function makeRsa(folder: string): string {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    writeFileSync(join(folder, "rsa"), privateKey);
    writeFileSync(join(folder, "rsa.pub"), publicKey);
    return join(folder, "rsa");
  }

  test.each([
    ["ed25519", "ed25519"],
    ["ecdsa", "ecdsa-p256-sha256"],
    ["ecdsa", "ecdsa-p384-sha384"],
  ] as const)("signed by us with %s (%s) are verified by in-toto-sign, changed ones not", async (type, algorithm) => {
    const directory = makeFolder();
    const signer = generateSigner(algorithm);
    const key = publicKeyOf(signer.spki);
    const { keytype, scheme } = key;
    const json = { keytype, scheme, keyid_hash_algorithms: ["sha256", "sha512"], keyval: { public: key.public } };
    writeFileSync(join(directory, "key.pub"), JSON.stringify(json));
    writeFileSync(join(directory, 'é🙂 "'), "x");
    const output = { stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
    const command = ["sh", "-c", "printf '\\001é\"\\\\\\r\\n'"];
    const run = {
      step: "s",
      materials: ["."],
      command,
      record: { base: directory },
      run: { streams: "record", output },
    } as const;
    const { path } = await runStep(run, { signer: { key, signer }, directory }, now);
    const verify = (): readonly [number | null, string] =>
      reference(directory, "in-toto-sign", "--verify", "-f", path, "-k", "key.pub", "-t", type);
    expect(verify()).toEqual([0, ""]);
    writeFileSync(path, readFileSync(path, "utf8").replace('"name": "s"', '"name": "t"'));
    expect(verify()[0]).toBe(1);
  });

  test("by RSA, each way: run, match, re-sign", async () => {
    const directory = makeFolder();
    const signer = parseSignerFile(readFileSync(makeRsa(directory)));
    const base = makeFolder();
    writeFileSync(join(base, "a"), "a");
    const { path } = await runStep({ step: "s", products: ["."], record: { base } }, { signer, directory }, now);
    expect(reference(directory, "in-toto-sign", "--verify", "-f", path, "-k", "rsa.pub")).toEqual([0, ""]);
    // Theirs has the same name and says the same.
    const ours = parseMetadata(readFileSync(path), "strict");
    rmSync(path);
    const words = ["-n", "s", "-k", "rsa", "-p", ".", "-x", "--base-path", base];
    expect(reference(directory, "in-toto-run", ...words)).toEqual([0, ""]);
    const theirs = parseMetadata(readFileSync(path), "strict");
    checkSignature(theirs, signer.key, Date.now());
    expect(new TextDecoder().decode(theirs.signedBytes())).toBe(new TextDecoder().decode(ours.signedBytes()));
    const keys = [parseKeyFile(readFileSync(join(directory, "rsa.pub")))];
    expect(await matchLocalProducts(readFileSync(path), { record: { base }, keys, nowMs: Date.now() })).toMatchObject({
      onlyInProducts: [],
      notInProducts: [],
      differ: [],
    });
  });

  test("a recording that one starts the other stops", async () => {
    const directory = makeFolder();
    const signer = parseSignerFile(readFileSync(makeRsa(directory)));
    writeFileSync(join(directory, "a"), "a");
    const record = { base: directory };
    await startRecord({ step: "ours", materials: ["a"], record }, { signer, directory });
    expect(reference(directory, "in-toto-record", "stop", "-n", "ours", "-k", "rsa", "-p", "a")).toEqual([0, ""]);
    expect(reference(directory, "in-toto-record", "start", "-n", "theirs", "-k", "rsa", "-m", "a")).toEqual([0, ""]);
    const { path } = await stopRecord({ step: "theirs", products: ["a"], record }, { signer, directory }, Date.now());
    expect(reference(directory, "in-toto-sign", "--verify", "-f", path, "-k", "rsa.pub")).toEqual([0, ""]);
    const links = [path, path.replace("theirs", "ours")].map((each) => parseMetadata(readFileSync(each), "strict"));
    for (const link of links) checkSignature(link, signer.key, Date.now());
    expect(links.map((link) => link.type === "link" && [...link.link.materials, ...link.link.products].length)).toEqual(
      [2, 2],
    );
  });

  test("our mock can be signed by in-toto-sign", async () => {
    const directory = makeFolder();
    makeRsa(directory);
    await mockStep({ step: "m", command: ["true"] }, directory, now);
    expect(reference(directory, "in-toto-sign", "-f", "m.link", "-k", "rsa", "-o", "signed.link")).toEqual([0, ""]);
    const signer = parseSignerFile(readFileSync(join(directory, "rsa")));
    checkSignature(parseMetadata(readFileSync(join(directory, "signed.link")), "strict"), signer.key, Date.now());
  });
});
