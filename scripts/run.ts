import { spawn } from "node:child_process";

export interface RunOptions {
  readonly cwd: string;
  /** Added to the environment of this process; undefined takes one away. */
  readonly variables?: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

export interface RunResult {
  /** 124 if the time ran out. */
  readonly code: number;
  readonly stdout: string;
  /** Standard output and standard error as they came. */
  readonly output: string;
}

/** How long a command may take unless the caller says otherwise. */
export const runTimeoutMs = 180_000;

/** Runs a command with nothing on its standard input and `CI=true`. Rejects only if it cannot be started. */
export function run(command: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const env = { ...process.env, CI: "true", NO_COLOR: "1", ...options.variables };
  const child = spawn(command, args, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? runTimeoutMs);
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.on("error", reject);
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve({ code: code ?? 124, stdout, output });
  });
  return promise;
}
