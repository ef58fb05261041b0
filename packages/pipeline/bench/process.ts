import { spawnSync } from "node:child_process";

/** What a program that ended well left behind. */
export interface Ran {
  readonly ms: number;
  readonly stdout: string;
}

/** Runs a program to its end. Throws unless it says that all went well. */
export function run(program: string, args: readonly string[]): Ran {
  const start = performance.now();
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const ms = performance.now() - start;
  if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${error?.message ?? `${status}: ${stderr}`}`);
  return { ms, stdout };
}

/** As `run`, with the Node that runs this. */
export function runNode(args: readonly string[]): Ran {
  return run(process.execPath, args);
}
