import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readHashes } from "./hashes.ts";
import { recordArtifacts, type RecordOptions } from "./record.node.ts";

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function makeTree(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "countersign-resolver-"));
  folders.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

const sha256 = (content: string): string => createHash("sha256").update(content).digest("hex");
const sha512 = (content: string): string => createHash("sha512").update(content).digest("hex");

async function refuse(code: string, uris: readonly string[], options: RecordOptions): Promise<void> {
  await expect(recordArtifacts(uris, options)).rejects.toMatchObject({ name: "TrustError", code });
}

describe("file:", () => {
  test("records files under names with the scheme, beside others without", async () => {
    const base = makeTree({ "src/a": "a", "src/b": "b", c: "c" });
    const { artifacts } = await recordArtifacts(["file:./src/", "c", "file:c"], { base, lstrip: ["src/"] });
    expect([...artifacts.keys()].toSorted()).toEqual(["c", "file:a", "file:b", "file:c"]);
    expect(artifacts.get("file:c")).toBe(artifacts.get("c"));
  });

  test("a file of such a name is not taken for an artifact of the resolver", async () => {
    const base = makeTree({ "file:a": "1", a: "2" });
    await refuse("INTOTO_RECORD_TWICE", ["./file:a", "file:a"], { base });
    expect([...(await recordArtifacts(["./file:a"], { base })).artifacts]).toEqual([
      ["file:a", `{"sha256":"${sha256("1")}"}`],
    ]);
  });

  test("an unknown scheme is part of a path, one that nobody serves is refused", async () => {
    const base = makeTree({ "x:y": "", "oci:z": "" });
    expect([...(await recordArtifacts(["x:y", "./oci:z"], { base })).artifacts.keys()]).toEqual(["oci:z", "x:y"]);
    await refuse("INTOTO_RESOLVER_UNKNOWN", ["oci:z"], { base });
  });
});

describe("oci:", () => {
  const images = (reference: string): Promise<Uint8Array> => Promise.resolve(Buffer.from(`manifest of ${reference}`));

  test("the hash of an image is that of its manifest, under the name that was given", async () => {
    const reference = `localhost:5000/team/app@sha256:${"a".repeat(64)}`;
    const uris = ["oci:localhost:5000/app:1.0", `oci:${reference}`];
    const { artifacts } = await recordArtifacts(uris, { images, hashes: ["sha256", "sha512"] });
    expect([...artifacts.keys()]).toEqual(uris);
    const [first] = artifacts.values();
    expect(readHashes(first as never).get("sha256")).toBe(sha256("manifest of localhost:5000/app:1.0"));
  });

  test("refused: names that no link may have, twice, a gitoid, what the registry does not give", async () => {
    await refuse("INTOTO_RECORD_NAME", ["oci:../x"], { images });
    await refuse("INTOTO_RECORD_TWICE", ["oci:a/b:1", "oci:a/b:1"], { images });
    await refuse("INTOTO_RESOLVER_HASH", ["oci:a/b:1"], { images, hashes: ["gitoid:blob:sha256"] });
    const failing = (): Promise<Uint8Array> => Promise.reject(new Error("no such image"));
    await expect(recordArtifacts(["oci:a/b:1"], { images: failing })).rejects.toThrow("no such image");
  });
});

describe("dir:", () => {
  const files = { "d/b": "b", "d/a/x": "x", "d/é": "é", "d/a b": "ab", "d/z.log": "z" };

  test("one artifact: what sha256sum says of the files, by the bytes of their names", async () => {
    const base = makeTree(files);
    const { artifacts } = await recordArtifacts(["dir:d/"], { base });
    const shell =
      "cd d && find . -type f | cut -c3- | LC_ALL=C sort | xargs -d '\\n' sha256sum | sha256sum | cut -f1 -d' '";
    const { stdout } = spawnSync("sh", ["-c", shell], { cwd: base, encoding: "utf8" });
    expect([...artifacts]).toEqual([["dir:d", `{"sha256":"${stdout.trim()}"}`]]);
  });

  test("names beyond U+FFFF come after U+FFFD, as their bytes do", async () => {
    const base = makeTree({ "d/\uff5e": "1", "d/🙂": "2" });
    const { artifacts } = await recordArtifacts(["dir:d"], { base });
    const lines = `${sha256("1")}  \uff5e\n${sha256("2")}  🙂\n`;
    expect(artifacts.get("dir:d")).toBe(`{"sha256":"${sha256(lines)}"}`);
  });

  test("excludes are meant inside it, prefixes outside", async () => {
    const base = makeTree(files);
    const options = { base, exclude: ["*.log", "é", "a*", "d"], lstrip: ["d"], hashes: ["sha512", "sha256"] as const };
    const { artifacts } = await recordArtifacts(["dir:d/a", "dir:d"], { ...options, lstrip: ["d/"] });
    expect([...artifacts.keys()]).toEqual(["dir:a", "dir:d"]);
    expect(Object.fromEntries(readHashes(artifacts.get("dir:d") as never))).toEqual({
      sha256: sha256(`${sha256("b")}  b\n`),
      sha512: sha512(`${sha512("b")}  b\n`),
    });
    await refuse("INTOTO_RECORD_NAME", ["dir:d"], options);
  });

  test("an empty directory has the hash of nothing", async () => {
    const base = makeTree({ "d/x/.keep": "" });
    const { artifacts } = await recordArtifacts(["dir:d"], { base, exclude: [".keep"] });
    expect(artifacts.get("dir:d")).toBe(`{"sha256":"${sha256("")}"}`);
  });

  test("what was passed over inside is said", async () => {
    const base = makeTree({ "d/a": "" });
    symlinkSync("nowhere", join(base, "d/l"));
    expect((await recordArtifacts(["dir:d"], { base })).skipped).toEqual([{ path: "d/l", why: "broken-link" }]);
  });

  test("refused: no directory, twice, a gitoid", async () => {
    const base = makeTree({ ...files, f: "" });
    await refuse("INTOTO_RECORD_MISSING", ["dir:f"], { base });
    for (const name of ["none", "nul\0", "x".repeat(5000)])
      await refuse("INTOTO_RECORD_MISSING", [`dir:${name}`], { base });
    await refuse("INTOTO_RECORD_TWICE", ["dir:d", "dir:./d/"], { base });
    await refuse("INTOTO_RECORD_NAME", ["dir:.."], { base: join(base, "d") });
    await refuse("INTOTO_RESOLVER_HASH", ["dir:d"], { base, hashes: ["gitoid:blob:sha256"] });
  });
});

const hasOstree = spawnSync("ostree", ["--version"]).status === 0;

describe.skipIf(!hasOstree).each(["archive", "bare"])("ostree: a repository that the real ostree made (%s)", (mode) => {
  test("has the commits that it says", async () => {
    const base = makeTree({ "tree/a": "hi", "tree/d/b": "x" });
    const ostree = (...words: readonly string[]): string => {
      const ran = spawnSync("ostree", ["--repo=repo", ...words], { cwd: base, encoding: "utf8" });
      expect([ran.status, ran.status === 0 ? "" : ran.stderr]).toEqual([0, ""]);
      return ran.stdout.trim();
    };
    ostree("init", `--mode=${mode}`);
    const branches = ["main", "os/x86_64/stable"];
    const ids = branches.map((branch) => ostree("commit", `--branch=${branch}`, `--subject=${branch}`, "tree"));
    const uris = branches.map((branch) => `ostree:${branch}`);
    const { artifacts } = await recordArtifacts(uris, { base: `${base}/repo` });
    expect([...artifacts.values()]).toEqual(ids.map((each) => `{"sha256":"${each}"}`));
  });
});

describe("ostree:", () => {
  const commit = "a commit object";
  const id = sha256(commit);
  const repository = {
    "refs/heads/main": `${id}\n`,
    "refs/heads/app/x86_64/stable": id,
    [`objects/${id.slice(0, 2)}/${id.slice(2)}.commit`]: commit,
  };

  test("the hash of a branch is the id of its commit", async () => {
    const base = makeTree(repository);
    const { artifacts } = await recordArtifacts(["ostree:main", "ostree:app/x86_64/stable"], { base });
    expect([...artifacts]).toEqual([
      ["ostree:main", `{"sha256":"${id}"}`],
      ["ostree:app/x86_64/stable", `{"sha256":"${id}"}`],
    ]);
    const both = await recordArtifacts(["ostree:main"], { base, hashes: ["sha256", "sha384"] });
    expect(readHashes(both.artifacts.get("ostree:main") as never).get("sha384")).toBe(
      createHash("sha384").update(commit).digest("hex"),
    );
  });

  test("refused: no branch, no id, no commit, another commit, paths that lead out", async () => {
    const base = makeTree({
      ...repository,
      "refs/heads/text": "main",
      "refs/heads/long": `${id}${id}`,
      "refs/heads/path": `${"../".repeat(21)}x`,
      "refs/heads/gone": "0".repeat(64),
      "refs/heads/other": "1".repeat(64),
      [`objects/11/${"1".repeat(62)}.commit`]: "something else",
    });
    await refuse("INTOTO_RECORD_UNREADABLE", ["ostree:none"], { base });
    await refuse("INTOTO_RECORD_UNREADABLE", ["ostree:gone"], { base });
    for (const branch of ["text", "long", "path", "other", "app"])
      await refuse("INTOTO_OSTREE_MALFORMED", [`ostree:${branch}`], { base });
    for (const branch of ["../../x", "/main", "a//b", ""])
      await refuse("INTOTO_RECORD_NAME", [`ostree:${branch}`], { base });
    await refuse("INTOTO_RECORD_TWICE", ["ostree:main", "ostree:main"], { base });
    await refuse("INTOTO_RESOLVER_HASH", ["ostree:main"], { base, hashes: ["gitoid:blob:sha256"] });
  });
});
