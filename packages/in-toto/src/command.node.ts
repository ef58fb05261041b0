import { spawn } from "node:child_process";
import { constants } from "node:os";
import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";

/** How a command is run. */
export interface CommandOptions {
  /** Its directory; default: the current one. */
  readonly cwd?: string;
  /** All of its environment; default: ours. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * `record`: standard output and error are kept and passed on; not for programs that want a terminal. `pass-to-stderr`:
   * both go to our standard error. Default: `pass`.
   */
  readonly streams?: "pass" | "pass-to-stderr" | "record";
  /** How much of each stream is kept, in bytes; what comes later is passed on and counted. Default: `defaultStreamBytes`. */
  readonly maxStreamBytes?: number;
  /** Where recorded streams are passed on to; default: our own. */
  readonly output?: { readonly stdout: Writable; readonly stderr: Writable };
  /** The longest it may take, in milliseconds; default: no limit. */
  readonly timeoutMs?: number;
}

/** How a command ended. */
export interface CommandResult {
  /** Its exit code; minus the number of the signal that ended it, as the reference records it. */
  readonly returnValue: number;
  /** What a shell would say: the exit code, or 128 and the number of the signal. */
  readonly exitCode: number;
  readonly stdout: Stream;
  readonly stderr: Stream;
}

/** What was kept of a stream; empty if it was not recorded. */
export interface Stream {
  /** Read as UTF-8; what is not becomes U+FFFD. */
  readonly text: string;
  /** How much of it was not kept, in bytes. */
  readonly lostBytes: number;
}

/** How much of a stream is kept unless the caller says otherwise, in bytes. */
export const defaultStreamBytes: number = 4 * 1024 * 1024;
/** How long a command has to end after it was told to, before it is killed, in milliseconds. */
export const killGraceMs: number = 2000;
/** How long output is still waited for that a process left behind by the command may hold open, in milliseconds. */
export const drainMs: number = 1000;

/**
 * Runs a command, without a shell, and waits for its end. SIGTERM, SIGHUP and SIGQUIT that reach us meanwhile are passed
 * on; SIGINT the terminal sends to both. With a time limit it runs as a group of its own, so that all of it ends then.
 * Rejects with INTOTO_RUN_FAILED if it cannot be started and INTOTO_RUN_TIMEOUT.
 */
export async function runCommand(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const isRecorded = options.streams === "record";
  const maxBytes = options.maxStreamBytes ?? defaultStreamBytes;
  const output = options.output ?? process;
  let child: ChildProcess | undefined;
  // Before it runs: a signal that came in between would end us and leave it running.
  const stopForwarding = forwardSignals(() => child, options);
  let [stdout, stderr] = [silence, silence];
  try {
    child = await start(command, options);
    if (isRecorded) stdout = keep(child.stdout, output.stdout, maxBytes);
    if (isRecorded) stderr = keep(child.stderr, output.stderr, maxBytes);
    const { code, signal } = await untilEnd(child, command, options);
    const number = signal === null ? 0 : constants.signals[signal];
    return {
      returnValue: code ?? -number,
      exitCode: code ?? 128 + number,
      stdout: stdout.take(),
      stderr: stderr.take(),
    };
  } finally {
    stopForwarding();
    stdout.stop();
    stderr.stop();
  }
}

/** A group of its own costs it the terminal, so only where a limit says that nobody sits there. */
function hasOwnGroup({ timeoutMs }: CommandOptions): boolean {
  return timeoutMs !== undefined && process.platform !== "win32";
}

function start(command: readonly string[], options: CommandOptions): Promise<ChildProcess> {
  const [file = "", ...args] = command;
  const { cwd, env, streams } = options;
  return new Promise((resolve, reject) => {
    const failed = (error: unknown): void => {
      const got = (error as NodeJS.ErrnoException).code ?? "an error";
      reject(inTotoError("INTOTO_RUN_FAILED", { checked: quote(file), got }, error));
    };
    try {
      const out = streams === "record" ? "pipe" : "inherit";
      const stdout = streams === "pass-to-stderr" ? 2 : out;
      const child = spawn(file, args, {
        stdio: ["inherit", stdout, out],
        detached: hasOwnGroup(options),
        windowsHide: true,
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env: { ...env } }),
      });
      child.once("error", failed);
      child.once("spawn", () => resolve(child));
    } catch (error) {
      // Node refuses an empty name and NUL characters before it asks the system.
      failed(error);
    }
  });
}

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

async function untilEnd(child: ChildProcess, command: readonly string[], options: CommandOptions): Promise<End> {
  let isLate = false;
  const late = (): void => {
    isLate = true;
    kill(child, "SIGTERM", options);
    force = setTimeout(() => kill(child, "SIGKILL", options), killGraceMs);
  };
  let force: NodeJS.Timeout | undefined;
  const limit = options.timeoutMs === undefined ? undefined : setTimeout(late, options.timeoutMs);
  const end = await new Promise<End>((resolve) => {
    let drain: NodeJS.Timeout | undefined;
    child.once("exit", (code, signal) => {
      drain = setTimeout(() => resolve({ code, signal }), drainMs);
    });
    child.once("close", (code, signal) => {
      clearTimeout(drain);
      resolve({ code, signal });
    });
  });
  clearTimeout(limit);
  clearTimeout(force);
  if (!isLate) return end;
  throw inTotoError("INTOTO_RUN_TIMEOUT", {
    checked: quote(command[0] ?? ""),
    expected: `an end within ${options.timeoutMs} ms`,
  });
}

function kill(child: ChildProcess | undefined, signal: NodeJS.Signals, options: CommandOptions): void {
  try {
    if (child?.pid !== undefined && hasOwnGroup(options)) process.kill(-child.pid, signal);
    else child?.kill(signal);
  } catch {
    // It has just ended.
  }
}

/** A signal that would end us must not leave the command running, nor its end unrecorded. */
function forwardSignals(childOf: () => ChildProcess | undefined, options: CommandOptions): () => void {
  const names: readonly NodeJS.Signals[] = ["SIGTERM", "SIGHUP", "SIGQUIT", "SIGINT"];
  const handlers = names.map((name) => {
    const isShared = name === "SIGINT" && !hasOwnGroup(options);
    const pass = (): void => (isShared ? undefined : kill(childOf(), name, options));
    process.on(name, pass);
    return () => void process.off(name, pass);
  });
  return () => handlers.forEach((stop) => stop());
}

interface Keeper {
  readonly take: () => Stream;
  readonly stop: () => void;
}

const silence: Keeper = { take: () => ({ text: "", lostBytes: 0 }), stop: () => {} };

/** Keeps the start of a stream and passes all of it on, no faster than it is taken. */
function keep(from: Readable | null, to: Writable, maxBytes: number): Keeper {
  if (from === null) return silence;
  const parts: Uint8Array[] = [];
  let kept = 0;
  let lostBytes = 0;
  // A reader that went away ends the passing on, not the recording.
  const readOn = (): void => {
    from.unpipe(to);
    from.resume();
  };
  from.on("data", (chunk: Uint8Array) => {
    const part = chunk.subarray(0, maxBytes - kept);
    if (part.length > 0) parts.push(part);
    kept += part.length;
    lostBytes += chunk.length - part.length;
  });
  to.on("error", readOn);
  to.on("close", readOn);
  from.pipe(to, { end: false });
  return {
    take: () => ({ text: new TextDecoder().decode(Buffer.concat(parts)), lostBytes }),
    stop: () => {
      from.unpipe(to);
      from.destroy();
      to.off("error", readOn);
      to.off("close", readOn);
    },
  };
}
