import { fileURLToPath } from "node:url";

/** The folder that holds package.json of the workspace. */
export const repositoryRoot: string = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");

/** Prints each problem and one closing line; the process will exit 1 if there was a problem. */
export function reportAndExit(check: string, problems: readonly string[], looked: string): void {
  for (const problem of problems) process.stderr.write(`${problem}\n`);
  const verdict = problems.length === 0 ? "ok" : `${problems.length} problems`;
  process.stdout.write(`${check}: ${verdict} (${looked})\n`);
  if (problems.length > 0) process.exitCode = 1;
}
