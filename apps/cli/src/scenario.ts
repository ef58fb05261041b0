import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reportFailure } from "./failure.ts";
import { run } from "./program.ts";
import type { Terminal } from "./terminal.ts";

/** What a command line came to. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ScenarioOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Uint8Array;
  /** Module that is loaded before the command. */
  readonly preload?: string;
  readonly now?: Date;
  /** What the person at the terminal answers; without it there is nobody. */
  readonly answer?: string;
  /** What they type unseen, one for each question; the last one again and again. */
  readonly secrets?: readonly string[];
}

/** The built command, as users run it. `npm test` builds it first. */
export const builtMain: string = fileURLToPath(new URL("../dist/main.js", import.meta.url));

const oldNode = fileURLToPath(
  new URL(`../../../node_modules/node-22-${process.platform}-${process.arch}/bin/node`, import.meta.url),
);
/** This Node, and one of the oldest line that the command promises to run in, where the workspace has it. */
export const nodes: readonly string[] = [process.execPath, oldNode].filter((path) => existsSync(path));

/** Runs a command line in this process, from the sources; in a folder, which the whole process then works in. */
export async function runHere(argv: readonly string[], options: ScenarioOptions = {}): Promise<Outcome> {
  const { cwd, ...rest } = options;
  if (cwd === undefined) return runScenario(argv, rest);
  const before = process.cwd();
  process.chdir(cwd);
  return runScenario(argv, rest).finally(() => process.chdir(before));
}

async function runScenario(argv: readonly string[], options: ScenarioOptions): Promise<Outcome> {
  const written = { out: [] as Uint8Array[], err: [] as string[] };
  const secrets = [...(options.secrets ?? [])];
  const terminal: Terminal = {
    env: options.env ?? {},
    now: () => options.now ?? new Date(Date.now()),
    out: (data) => void written.out.push(typeof data === "string" ? Buffer.from(data) : data),
    deliver: (data) => void written.out.push(Buffer.from(data)),
    err: (text) => void written.err.push(text),
    style: (_, text) => text,
    isWatched: false,
    canAsk: options.answer !== undefined || options.secrets !== undefined,
    ask: () => Promise.resolve(options.answer ?? ""),
    askSecret: (question) => {
      written.err.push(question);
      return Promise.resolve(secrets.length > 1 ? (secrets.shift() ?? "") : (secrets[0] ?? ""));
    },
  };
  const code = await run(argv, terminal).catch((error: unknown) => reportFailure(error, argv, terminal));
  return { code, stdout: Buffer.concat(written.out).toString("utf8"), stderr: written.err.join("") };
}

/** Runs the built command in a process of its own, with nothing in its environment but what is given. */
export function runBuilt(argv: readonly string[], options: ScenarioOptions = {}): Promise<Outcome> {
  const preload = options.preload === undefined ? [] : ["--import", options.preload];
  return runProgram(process.execPath, [...preload, builtMain, ...argv], options);
}

/** Runs any program and collects what it writes. */
export function runProgram(program: string, argv: readonly string[], options: ScenarioOptions = {}): Promise<Outcome> {
  const child = spawn(program, argv, {
    env: { PATH: process.env["PATH"] ?? "", ...options.env },
    cwd: options.cwd,
    stdio: "pipe",
  });
  const written = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (written.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (written.stderr += text));
  child.stdin.on("error", () => {}).end(options.input ?? "");
  return new Promise((resolve, reject) => {
    child.once("error", reject).once("close", (code) => resolve({ code, ...written }));
  });
}

/** A fresh folder, and what removes it. */
export function makeFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "countersign-cli-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
