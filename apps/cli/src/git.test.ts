import { execFileSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { devNull } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { readGit } from "./git.node.ts";
import { makeFolder } from "./scenario.ts";

const { path: folder, remove } = makeFolder();
// A hook of Git, which may well run the tests, says by variables which working copy is meant: not ours.
beforeAll(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith("GIT_")) vi.stubEnv(name, undefined);
  vi.stubEnv("GIT_CONFIG_GLOBAL", devNull);
  vi.stubEnv("GIT_CONFIG_NOSYSTEM", "1");
});
afterAll(() => {
  vi.unstubAllEnvs();
  remove();
});

function git(...args: readonly string[]): string {
  const who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
  return execFileSync("git", [...who, ...args], {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  }).trim();
}

test("no working copy, or one without a commit", () => {
  expect(readGit(folder)).toEqual({});
  git("init", "--quiet");
  expect(readGit(folder)).toEqual({});
});

test("commit, origin and state, and no program of the working copy's own is started", () => {
  writeFileSync(join(folder, "a.txt"), "a");
  git("add", "a.txt");
  git("commit", "--quiet", "--message", "a");
  const commit = git("rev-parse", "HEAD");
  expect(readGit(folder)).toEqual({ commit, isModified: false });
  git("remote", "add", "origin", "https://example.com/a.git");
  git("config", "core.fsmonitor", `touch '${join(folder, "started")}'`);
  writeFileSync(join(folder, "a.txt"), "b");
  expect(readGit(folder)).toEqual({ commit, repository: "https://example.com/a.git", isModified: true });
  expect(existsSync(join(folder, "started"))).toBe(false);
});
