import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A program that was built from Go modules, or why it cannot be had. */
export type Built = { readonly program: string } | { readonly missing: string };

/** How long a build may take: Vault has two thousand packages. */
export const buildTimeoutMs = 1_800_000;

/** Builds one of the folders beside this file. Go fetches modules through whatever proxy it is set up with. */
export function build(name: string, folder: string): Built {
  const cwd = fileURLToPath(new URL(`${name}/`, import.meta.url));
  if (spawnSync("go", ["version"]).status !== 0) return { missing: "no Go on the PATH" };
  const program = join(folder, name);
  const built = spawnSync("go", ["build", "-buildvcs=false", "-o", program, "."], {
    cwd,
    encoding: "utf8",
    timeout: buildTimeoutMs,
  });
  if (built.status === 0) return { program };
  return { missing: `go build: ${built.stderr.trim().split("\n").at(-1) ?? ""}` };
}

/** Runs a program and gives what it prints; throws what it complains about. */
export function ask(program: string, ...argv: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, argv, { encoding: "utf8", timeout: 60_000 });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

/** A Vault that runs. */
export interface RunningVault {
  readonly address: string;
  readonly token: string;
  readonly process: ChildProcess;
}

/** Starts the Vault that was built, which prints where it listens and its root token. */
export function startVault(program: string): Promise<RunningVault> {
  const child = spawn(program, [], { stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error("vault ended")));
    child.stdout.once("data", (line: Buffer) => {
      const said = JSON.parse(line.toString("utf8")) as Omit<RunningVault, "process">;
      resolve({ ...said, process: child });
    });
  });
}
