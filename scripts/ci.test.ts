import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { checks } from "./check.ts";
import { repositoryRoot } from "./report.ts";
import { run, type RunResult } from "./run.ts";

const script = readFileSync(join(repositoryRoot, ".ci/run"), "utf8");
/** Its own steps, each of which counts as one. */
const steps = (script.match(/^step "/gm) ?? []).length;
/** The commands that it installs where they are missing. */
const wanted = [...script.matchAll(/command -v ([a-z0-9+-]+)/g)].map((match) => match[1] ?? "");

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ci-test-"));
  mkdirSync(join(folder, ".ci"));
  mkdirSync(join(folder, "bin"));
  cpSync(join(repositoryRoot, ".ci/run"), join(folder, ".ci/run"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Runs .ci/run in an empty repository, with the given shell scripts in the place of npm and node. */
async function play(npm: string, node = 'echo "check passed: lint (1.0 s)"'): Promise<RunResult & { last: string }> {
  const fakes: Record<string, string> = { ...Object.fromEntries(wanted.map((name) => [name, ""])), npm, node };
  for (const [name, script] of Object.entries(fakes)) {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, "bin", name), 0o755);
  }
  const variables = { PATH: [join(folder, "bin"), process.env["PATH"]].join(delimiter) };
  const result = await run(join(folder, ".ci/run"), [], { cwd: tmpdir(), variables });
  return { ...result, last: result.stdout.trimEnd().split("\n").at(-1) ?? "" };
}

const closing = "vitest: 5 passed, 0 failed, 2 skipped";

test("sums the tests, its own steps and the checks", async () => {
  const npm = `[ "$1" = test ] && printf 'x\\n\\033[1mvitest: 1 passed, 0 failed, 0 skipped\\033[0m\\n${closing}\\n' || true`;
  const node = 'echo "check passed: lint (1 s)"; echo "check passed: knip (1 s)"';
  // 1 + 5 tests, 2 checks
  expect(await play(npm, node)).toMatchObject({ code: 0, last: `${steps + 8} passed, 0 failed, 2 skipped` });
});

test.each([
  [
    "no test ran",
    "exit 0",
    undefined,
    `${steps + 1} passed, 1 failed, 0 skipped`,
    "npm test (exit code 0, 0 tests passed)",
  ],
  [
    "npm test broke before any test",
    "[ $1 = run ] || exit 2",
    undefined,
    `${steps + 1} passed, 1 failed, 0 skipped`,
    "npm test (exit code 2",
  ],
  [
    "npm test broke after good tests",
    `[ $1 = run ] || { echo "${closing}"; exit 1; }`,
    undefined,
    `${steps + 6} passed, 1 failed, 2 skipped`,
    "npm test (exit code 1",
  ],
  [
    "a test failed",
    '[ $1 = run ] || { echo "vitest: 5 passed, 2 failed, 0 skipped"; exit 1; }',
    undefined,
    `${steps + 6} passed, 2 failed, 0 skipped`,
    "failed: npm test",
  ],
  [
    "the build failed",
    `[ $1 = test ] && echo "${closing}"; [ "$3" != build ]`,
    undefined,
    `${steps + 5} passed, 1 failed, 2 skipped`,
    "failed: build",
  ],
  [
    "a check failed",
    `echo "${closing}"`,
    'echo "check passed: lint (1 s)"; echo "check FAILED: knip (1 s)"; exit 1',
    `${steps + 6} passed, 1 failed, 2 skipped`,
    "failed: knip",
  ],
  [
    "the checks did not start",
    `echo "${closing}"`,
    "exit 127",
    `${steps + 5} passed, 1 failed, 2 skipped`,
    "checks (exit code 127)",
  ],
  ["no check ran", `echo "${closing}"`, "exit 0", `${steps + 5} passed, 1 failed, 2 skipped`, "checks (exit code 0)"],
])("%s: a failure that is named, and the rest still runs", async (_title, npm, node, last, says) => {
  const result = await play(npm, node);
  expect(result.last).toBe(last);
  expect(result.code).toBe(1);
  expect(result.stdout).toContain(says);
});

test("understands what scripts/check.ts prints", async () => {
  const npm = `[ "$1" = test ] && echo "${closing}"; [ "$3" != knip ]`;
  const node = `exec '${process.execPath}' '${join(repositoryRoot, "scripts/check.ts")}'`;
  const result = await play(npm, node);
  // 5 tests, and the checks but one
  expect(result.last).toBe(`${5 + steps + checks.length - 1} passed, 1 failed, 2 skipped`);
  expect(result.stdout).toContain("checks that failed: knip\n");
  expect(result.stdout).toContain("failed: knip\n");
});
