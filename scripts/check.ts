import { spawnSync } from "node:child_process";
import { repositoryRoot } from "./report.ts";

/** The checks of `pnpm check`, in order, each a script of package.json. They need a build. */
export const checks: readonly string[] = [
  "typecheck",
  "lint",
  "format:check",
  "check:layers",
  "knip",
  "check:errors",
  "check:api",
  "check:package",
  "check:readme",
  "check:bench",
  "demo",
];

/** Runs the named checks (all without names) one after the other, whatever each says. Returns those that failed. */
export function runChecks(names: readonly string[]): readonly string[] {
  return (names.length === 0 ? checks : names).filter((name) => !runCheck(name));
}

function runCheck(name: string): boolean {
  const start = Date.now();
  const env = { ...process.env, CI: "true" };
  const { status } = spawnSync("npm", ["run", "--silent", name], {
    cwd: repositoryRoot,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  process.stdout.write(`check ${status === 0 ? "passed" : "FAILED"}: ${name} (${seconds} s)\n`);
  return status === 0;
}

if (import.meta.main) {
  const failed = runChecks(process.argv.slice(2));
  if (failed.length > 0) {
    process.stderr.write(`checks that failed: ${failed.join(", ")}\n`);
    process.exitCode = 1;
  }
}
