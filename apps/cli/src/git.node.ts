import { spawnSync } from "node:child_process";
import type { BuildFacts } from "@countersign/pipeline";

type Git = NonNullable<BuildFacts["git"]>;

const timeoutMs = 10_000;
const maxBytes = 1024 * 1024;

/**
 * Commit, origin and state of the working copy around a folder; nothing where there is no Git or no commit. Git's own filters
 * may run: this is for a folder in which a build has run already.
 */
export function readGit(folder: string = "."): ReturnType<Git> {
  const git = (...args: readonly string[]): string | undefined => runGit(folder, args);
  const commit = git("rev-parse", "--verify", "HEAD^{commit}");
  if (commit === undefined || !/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(commit)) return {};
  const repository = git("remote", "get-url", "origin");
  const changes = git("status", "--porcelain", "--untracked-files=no");
  return {
    commit,
    ...(repository !== undefined && repository !== "" && { repository }),
    ...(changes !== undefined && { isModified: changes !== "" }),
  };
}

/** The working copy's own settings may name a program to watch files with: it is not started. */
function runGit(folder: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync("git", ["-c", "core.fsmonitor=false", ...args], {
    cwd: folder,
    encoding: "utf8",
    timeout: timeoutMs,
    maxBuffer: maxBytes,
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" },
  });
  return status === 0 ? stdout.trim() : undefined;
}
