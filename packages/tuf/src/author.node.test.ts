import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findSources, nodeGenerations, takeFiles, withWorkspace } from "./author.node.ts";
import { createWorkspace, type Workspace } from "./author-workspace.ts";
import { defaultValidDays } from "./author-settings.ts";
import { makeNodeDisk } from "./disk.node.ts";
import { codeOfAsync } from "./sample.contract.ts";

let home = "";
let workspace: Workspace;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), "tuf-author-"));
  mkdirSync(join(home, "repo"));
  workspace = await createWorkspace(makeNodeDisk(), join(home, "repo"), { validDays: defaultValidDays });
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(home, name), content);
  return join(home, name);
};
const sha = (name: "sha256" | "sha512", content: string | Uint8Array): string =>
  createHash(name).update(content).digest("hex");

describe("taking files in", () => {
  test("keeps each under its SHA-256 and says what metadata is to say of it", async () => {
    const big = new Uint8Array(3 * 1024 * 1024 + 7).fill(5);
    const sources = [
      { path: write("a", "a"), target: "x/a" },
      { path: write("big", big), target: "big" },
      { path: write("empty", ""), target: "empty" },
    ];
    let seen = 0;
    const entries = await takeFiles(workspace, sources, {
      hashes: ["sha512"],
      custom: { n: 1 },
      onProgress: (done) => (seen = done),
    });
    expect([...entries.keys()]).toEqual(["x/a", "big", "empty"]);
    expect(entries.get("big")).toEqual({
      length: big.length,
      hashes: { sha256: sha("sha256", big), sha512: sha("sha512", big) },
      custom: { n: 1 },
    });
    expect(readdirSync(join(home, "repo", "files")).toSorted()).toEqual(
      [sha("sha256", "a"), sha("sha256", big), sha("sha256", "")].toSorted(),
    );
    expect(readFileSync(join(home, "repo", "files", sha("sha256", "a")), "utf8")).toBe("a");
    expect(seen).toBe(big.length + 1);
  });

  test("refuses what is no plain file, leaves nothing half-written, and stops when told to", async () => {
    const take = (path: string, signal?: AbortSignal): Promise<string> =>
      codeOfAsync(() => takeFiles(workspace, [{ path, target: "x" }], { hashes: [], ...(signal && { signal }) }));
    expect(await take(home)).toMatch(/^TUF_(?:TARGET_CHANGED|DISK_FAILED)$/);
    expect(await take("/dev/null")).toBe("TUF_TARGET_CHANGED");
    expect(await take(join(home, "absent"))).toBe("TUF_DISK_FAILED");
    expect(await take(write("a", "a"), AbortSignal.abort())).toBe("CORE_STREAM_ABORTED");
    expect(readdirSync(join(home, "repo", "files"))).toEqual([]);
  });
});

describe("finding files", () => {
  test("takes a file by its name and a folder's files by their paths in it, without following links in it", async () => {
    mkdirSync(join(home, "tree", "sub"), { recursive: true });
    write("tree/sub/b", "b");
    write("tree/a", "a");
    symlinkSync("/etc", join(home, "tree", "link"));
    symlinkSync(join(home, "tree"), join(home, "way"));
    expect((await findSources([join(home, "tree"), write("c", "c")], "p/")).map(({ target }) => target)).toEqual([
      "p/a",
      "p/sub/b",
      "p/c",
    ]);
    expect((await findSources([join(home, "way")])).map(({ target }) => target)).toEqual(["a", "sub/b"]);
    expect(await codeOfAsync(() => findSources([join(home, "c")], "/"))).toBe("TUF_TARGET_PATH");
  });
});

test("a workspace in use keeps others out", async () => {
  const directory = join(home, "repo");
  await withWorkspace(directory, async () => {
    expect(await codeOfAsync(() => withWorkspace(directory, async () => {}, { maxWaitMs: 20 }))).toBe(
      "TUF_WORKSPACE_BUSY",
    );
  });
  expect(await withWorkspace(directory, async ({ settings }) => settings.validDays.get("root"))).toBe(365);
  expect(await codeOfAsync(() => withWorkspace(home, async () => {}))).toBe("TUF_WORKSPACE_MISSING");
});

test("links are replaced in one step", async () => {
  const path = join(home, "link");
  expect(await nodeGenerations.readLink(path)).toBeUndefined();
  await nodeGenerations.replaceLink("one", path);
  await nodeGenerations.replaceLink("two", path);
  expect(await nodeGenerations.readLink(path)).toBe("two");
  expect(await codeOfAsync(() => nodeGenerations.readLink(home))).toBe("TUF_DISK_FAILED");
  expect(readdirSync(home).toSorted()).toEqual(["link", "repo"]);
});
