import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { flipLastHex } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import { runHere, runBuilt, type Outcome } from "./scenario.ts";
import { now, at, repo, good, refused, begin, useHome } from "./repo-stage.contract.ts";

useHome();

describe("a repository", () => {
  test("goes from nothing to what clients read", async () => {
    await begin("first");
    const { stdout } = await good("first", ["status", "--json"]);
    const status = JSON.parse(stdout) as { roles: readonly { role: string; published: { version: number } }[] };
    expect(status.roles.map(({ role, published }) => [role, published.version])).toEqual([
      ["root", 1],
      ["timestamp", 1],
      ["snapshot", 1],
      ["targets", 1],
    ]);
    expect(readdirSync(at("first", "public", "metadata"))).toEqual([
      "1.root.json",
      "1.snapshot.json",
      "1.targets.json",
      "timestamp.json",
    ]);
    expect(readdirSync(at("first", "public", "targets", "releases"))).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}\.app\.tgz$/),
    ]);
    expect(readdirSync(at("first", "staged"))).toEqual([]);
    expect(readdirSync(at("first", "files"))).toEqual([]);
    expect((await good("first", ["lint", "--json"])).stdout).toContain('"verdict": "passed"');
    expect((await good("first", ["status"])).stdout).toContain("timestamp  version 1 until 2026-06-08, 7 days left");
  });

  test("takes folders, other paths, more hashes and custom metadata, and lets go of targets", async () => {
    await begin("more");
    await good("more", ["add", at("tree"), "--hash", "sha512"]);
    const added = await good("more", [
      "add",
      at("app.tgz"),
      "--as",
      "latest",
      "--custom",
      '{"channel":"beta"}',
      "--json",
    ]);
    expect(JSON.parse(added.stdout)).toMatchObject({
      targets: [{ path: "latest", length: 7, custom: { channel: "beta" } }],
      roles: { targets: ["latest"] },
    });
    await good("more", ["remove", "releases/app.tgz"]);
    const staged = JSON.parse(readFileSync(at("more", "staged", "targets.json"), "utf8")) as {
      signed: { targets: Record<string, { hashes: object }> };
    };
    expect(Object.keys(staged.signed.targets)).toEqual(["a.txt", "latest", "sub/b.txt"]);
    expect(Object.keys(staged.signed.targets["a.txt"]?.hashes ?? {})).toEqual(["sha256", "sha512"]);
    await good("more", ["sign", "--key", at("release.pem"), "--yes"]);
    expect((await good("more", ["publish", "--key", at("online.pem"), "--json"])).stdout).toContain('"targets": 5');
  });

  test("refuses what clients could not use, and says how to go on", async () => {
    await begin("wrong");
    expect(await refused("wrong", ["init", "--key", at("ada.pem")])).toBe("2 TUF_WORKSPACE_EXISTS");
    expect(await refused("nowhere", ["status"])).toBe("2 TUF_WORKSPACE_MISSING");
    expect(await refused("nowhere", ["init", "--key", at("absent.pem")])).toBe("2 CLI_FILE_MISSING");
    expect(existsSync(at("nowhere"))).toBe(false);
    await good("nowhere/yet", ["init", "--key", at("ada.pem")]);
    expect(await refused("wrong", ["add", at("absent")])).toBe("2 CLI_FILE_MISSING");
    expect(await refused("wrong", ["add", at("app.tgz"), "--as", "../x"])).toBe("2 TUF_TARGET_PATH");
    for (const path of ["x".repeat(256), "x".repeat(191), ".countersign-x"])
      expect(await refused("wrong", ["add", at("app.tgz"), "--as", path])).toBe("2 TUF_TARGET_PATH");
    for (const custom of ["{", '{"a":1.5}', '{"a":1,"a":2}'])
      expect(await refused("wrong", ["add", at("app.tgz"), "--custom", custom])).toBe("2 CLI_OPTION_VALUE");
    expect(await refused("wrong", ["add", at("tree"), "--as", "x"])).toBe("2 CLI_OPTION_CONFLICT");
    expect(
      await refused("wrong", ["add", at("app.tgz"), at("tree"), at("wrong", "..", "app.tgz"), "--custom", "[]"]),
    ).toBe("2 CLI_OPTION_VALUE");
    expect(await refused("wrong", ["remove", "nothing"])).toBe("2 TUF_TARGET_UNLISTED");
    expect(await refused("wrong", ["publish"])).toBe("2 TUF_PUBLISH_NOTHING");
    expect(await refused("wrong", ["rotate", "root", "--threshold", "2"])).toBe("2 TUF_THRESHOLD_UNMEETABLE");
    expect(await refused("wrong", ["rotate", "root", "--remove", "0000"])).toBe("2 CLI_OPTION_VALUE");
    expect(await refused("wrong", ["rotate", "root"])).toBe("2 CLI_USAGE");
    for (const role of ["targets", "2.root", "Timestamp"])
      expect(await refused("wrong", ["delegate", role, "--key", at("bob.pub"), "--path", "*"])).toBe("2 TUF_ROLE_NAME");
    writeFileSync(at("wrong", "staged", "%zz.json"), "not ours");
    writeFileSync(at("wrong", "staged", "._root.json"), "nor this");
    await good("wrong", ["status"]);
    expect(await refused("wrong", ["bins", "bin", "--bits", "99", "--key", at("bob.pub")])).toBe("2 TUF_BINS_COUNT");
    mkdirSync(at("odd"));
    expect(await refused("odd", ["init", "--key", at("ada.pem"), "--threshold", "roots=2"])).toBe("2 CLI_OPTION_VALUE");
    expect(await refused("odd", ["init", "--root-key", at("ada.pem")])).toBe("2 CLI_USAGE");
    expect(readdirSync(at("odd"))).toEqual([]);
  });

  test("is refused for publishing while targets lack a signature, and published without them once others are ready", async () => {
    await begin("partly");
    await good("partly", ["add", at("tree")]);
    expect(await refused("partly", ["publish"])).toBe("2 TUF_PUBLISH_NOTHING");
    await good("partly", ["timestamp", "--key", at("online.pem")]);
    const { stderr } = await good("partly", ["publish"]);
    expect(stderr).toBe("published: timestamp 2; 0 files\nstill staged: targets\n");
  });
});

describe("a ceremony", () => {
  test("of two out of three people, each on a machine of their own, who see what they sign", async () => {
    mkdirSync(at("three"));
    const root = ["ada", "bob", "cy"].flatMap((name) => ["--root-key", at(`${name}.pub`)]);
    await good("three", ["init", ...root, "--threshold", "root=2", "--key", at("online.pem")]);
    const draft = at("three", "staged", "root.json");
    const shown = await runHere(["repo", "sign", draft, "--key", at("ada.pem"), "-o", at("root.ada.json"), "--yes"], {
      now,
    });
    expect(shown.stderr).toContain('+ role "root": { "keyids": [');
    await runHere(["repo", "sign", draft, "--key", at("bob.pem"), "-o", at("root.bob.json"), "--yes"], { now });
    expect(await refused("three", ["publish", "--key", at("online.pem")])).toBe("2 TUF_PUBLISH_NOTHING");
    const merged = await good("three", [
      "sign",
      "--merge",
      at("root.ada.json"),
      "--merge",
      at("root.bob.json"),
      "--json",
    ]);
    expect(JSON.parse(merged.stdout)).toMatchObject({ merged: [{ role: "root" }, { role: "root" }] });
    await good("three", ["publish", "--key", at("online.pem")]);
  });

  test("needs a yes, from a person or by --yes, and a key that may sign", async () => {
    await begin("asked");
    await good("asked", ["rotate", "targets", "--add", at("plugins.pub")]);
    expect(await refused("asked", ["sign", "--key", at("ada.pem")])).toBe("2 CLI_REPO_YES_NEEDED");
    expect(await refused("asked", ["sign", "--key", at("ada.pem")], { answer: "n" })).toBe("2 CLI_REPO_YES_REFUSED");
    expect(await refused("asked", ["sign", "--key", at("cy.pem"), "--yes"])).toBe("2 CLI_REPO_NOTHING_TO_SIGN");
    const { code, stderr } = await repo("asked", ["sign", "--key", at("ada.pem")], { answer: "y" });
    expect([code, stderr.includes('~ role "targets": keyids:')]).toEqual([0, true]);
  });

  test("refuses signatures over another draft, forged ones, and a base that is not the version before", async () => {
    await begin("forged");
    await good("forged", ["rotate", "root", "--add", at("bob.pub"), "--threshold", "2"]);
    const draft = at("forged", "staged", "root.json");
    const sign = (argv: readonly string[]): Promise<Outcome> =>
      runHere(["repo", "sign", draft, "--key", at("bob.pem"), "--yes", ...argv], { now });
    expect(
      (await sign(["--base", at("asked", "public", "metadata", "1.root.json"), "-o", at("forged.json")])).code,
    ).toBe(0);
    expect(
      (await sign(["--base", at("forged", "public", "metadata", "1.targets.json"), "-o", at("x.json")])).stderr,
    ).toContain("CLI_OPTION_CONFLICT");
    expect((await sign(["-o", at("bob.pem")])).stderr).toContain("CLI_OUTPUT_SECRET");
    const text = readFileSync(at("forged.json"), "utf8");
    writeFileSync(at("other.json"), text.replace('"threshold":2', '"threshold":1'));
    expect(await refused("forged", ["sign", "--merge", at("other.json")])).toBe("1 TUF_MERGE_DIFFERENT");
    writeFileSync(at("damaged.json"), text.replace(/"sig":"30../, flipLastHex));
    expect(await refused("forged", ["sign", "--merge", at("damaged.json")])).toBe("1 TUF_SIGNATURE_WRONG");
    expect(await refused("forged", ["sign", "--merge", at("app.tgz")])).toMatch(/^1 CORE_JSON_MALFORMED$/);
    await good("forged", ["sign", "--merge", at("forged.json")]);
  });
});

describe("without consistent snapshots", () => {
  test("public is a link that moves from one whole repository to the next", async () => {
    await begin("plain", ["--inconsistent-snapshots"]);
    expect(readdirSync(at("plain", "public", "metadata"))).toEqual([
      "1.root.json",
      "snapshot.json",
      "targets.json",
      "timestamp.json",
    ]);
    writeFileSync(at("app.tgz"), "app two");
    await good("plain", ["add", at("app.tgz"), "--prefix", "releases/"]);
    await good("plain", ["sign", "--key", at("release.pem"), "--yes"]);
    await good("plain", ["publish", "--key", at("online.pem")]);
    expect(readFileSync(at("plain", "public", "targets", "releases", "app.tgz"), "utf8")).toBe("app two");
    expect(readFileSync(at("plain", "generations", "1", "targets", "releases", "app.tgz"), "utf8")).toBe("app one");
    expect((await good("plain", ["lint", "--json"])).stdout).toContain('"verdict": "passed"');
  });
});

test("serve answers on loopback, with ranges, and nothing outside of public", async () => {
  await begin("served");
  const { serveRepository } = await import("@countersign/tuf/node");
  const { url, close } = await serveRepository(at("served", "public"), 0);
  try {
    const whole = await fetch(`${url}/metadata/1.root.json`);
    const text = await whole.text();
    const tag = whole.headers.get("etag") ?? "";
    expect([whole.status, JSON.parse(text)]).toMatchObject([200, { signed: { _type: "root" } }]);
    const get = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
      const answer = await fetch(url + path, { headers });
      return `${answer.status} ${await answer.text()}`;
    };
    expect(await get("/metadata/1.root.json", { range: "bytes=0-1" })).toBe('206 {"');
    expect(await get("/metadata/1.root.json", { range: "bytes=-2" })).toBe("206 }\n");
    expect(await get("/metadata/1.root.json", { range: "bytes=0-1", "if-range": tag })).toBe('206 {"');
    expect(await get("/metadata/1.root.json", { range: "bytes=0-1", "if-range": '"old"' })).toBe(`200 ${text}`);
    expect(await get("/metadata/1.root.json", { range: "bytes=999999-" })).toBe("416 ");
    expect(await get("/metadata/1.root.json", { "if-none-match": tag })).toBe("304 ");
    expect((await fetch(`${url}/metadata/1.root.json`, { method: "HEAD" })).headers.get("content-length")).toBe(
      String(text.length),
    );
    symlinkSync(at("served", "repository.json"), at("served", "public", "metadata", "out.json"));
    for (const path of [
      "/metadata",
      "/",
      "/metadata/2.root.json",
      "/%2e%2e/repository.json",
      "/..%2frepository.json",
      "/metadata/%00",
      "/.hidden",
      "/metadata/out.json",
    ])
      expect(await get(path)).toBe("404 not found\n");
    expect((await fetch(`${url}/metadata/1.root.json`, { method: "POST" })).status).toBe(405);
    const port = Number(new URL(url).port);
    await expect(serveRepository(at("served", "public"), port)).rejects.toMatchObject({ code: "TUF_SERVE_PORT" });
  } finally {
    await close();
  }
});

test("clone copies a repository from a server, and brings the copy up to date", async () => {
  await begin("origin");
  const { serveRepository } = await import("@countersign/tuf/node");
  const { url, close } = await serveRepository(at("origin", "public"), 0);
  try {
    const root = at("origin", "public", "metadata", "1.root.json");
    const clone = (argv: readonly string[]): Promise<Outcome> =>
      good("mirror", ["clone", `${url}/metadata`, "--root", root, ...argv]);
    mkdirSync(at("mirror"));
    expect(JSON.parse((await clone(["--json"])).stdout)).toMatchObject({
      versions: { root: 1, timestamp: 1 },
      targets: 1,
      oldestRoot: 1,
    });
    await good("origin", ["timestamp", "--key", at("online.pem")]);
    await good("origin", ["publish"]);
    expect((await clone([])).stderr).toContain("timestamp 2, snapshot 1, targets 1; 1 targets role, 1 file,");
    expect(readdirSync(at("mirror", "public", "metadata"))).toEqual(readdirSync(at("origin", "public", "metadata")));
    expect(await refused("mirror", ["clone", url])).toBe("2 CLI_USAGE");
  } finally {
    await close();
  }
});

test("two commands at once take turns, and no half-written file is left", async () => {
  await begin("busy");
  const runs = Array.from({ length: 4 }, (_, index) => {
    writeFileSync(at(`many-${index}.txt`), `${index}`);
    return runBuilt(["repo", "add", "--dir", at("busy"), at(`many-${index}.txt`)]);
  });
  for (const { code, stderr } of await Promise.all(runs)) expect([code, stderr.includes("error")]).toEqual([0, false]);
  const staged = JSON.parse(readFileSync(at("busy", "staged", "targets.json"), "utf8")) as {
    signed: { targets: object };
  };
  expect(Object.keys(staged.signed.targets)).toHaveLength(5);
  expect(existsSync(at("busy", "staged", "targets.json.tmp"))).toBe(false);
});
