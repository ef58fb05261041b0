import { fstatSync, writeSync } from "node:fs";
import { styleText } from "node:util";

/** What the commands know of the outside: two streams, an environment and a clock. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>;
  now(): Date;
  /** Data for programs. */
  out(data: string | Uint8Array): void;
  /** As `out`, for what must not be lost: throws where its reader has gone. */
  deliver(data: string): void;
  /** Words for people. */
  err(text: string): void;
  /** Colours `text` if standard error wants colour. */
  style(format: Style, text: string): string;
  /** Whether a person is likely to read standard error as it appears. */
  readonly isWatched: boolean;
  /** Whether nothing is to be said unless something is wrong. */
  readonly isQuiet?: boolean;
  /** Whether a person can be asked something. */
  readonly canAsk: boolean;
  /** Asks a person on standard error and returns the line they type. */
  ask(question: string): Promise<string>;
  /** As `ask`, but what they type is not shown. */
  askSecret(question: string): Promise<string>;
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow";

/**
 * The terminal of this process. Writes are synchronous and straight to the file descriptor: nothing is lost at exit,
 * a reader that went away is no error, and no stream machinery is loaded for one line of output.
 */
export function openTerminal(): Terminal {
  let coloured: boolean | undefined;
  return {
    env: process.env,
    now: () => new Date(Date.now()),
    out: (data) => void writeAll(1, data),
    deliver(data) {
      if (!writeAll(1, data)) throw Object.assign(new Error("EPIPE"), { code: "EPIPE", syscall: "write" });
    },
    err: (text) => void writeAll(2, text),
    style(format, text) {
      coloured ??= isColoured();
      return coloured ? styleText(format, text, { stream: process.stderr }) : text;
    },
    get isWatched() {
      return isCharacterDevice(2) && process.stderr.isTTY;
    },
    get canAsk() {
      return isCharacterDevice(0) && isCharacterDevice(2) && process.stdin.isTTY && process.stderr.isTTY;
    },
    ask: askLine,
    askSecret: async (question) => {
      const { askHidden } = await import("./secret-prompt.ts");
      return askHidden(question, process.stdin, (text) => void writeAll(2, text));
    },
  };
}

/** The same terminal for who said --quiet; like every other it may be spread into a new one. */
export function quietened(terminal: Terminal): Terminal {
  return { ...terminal, isQuiet: true };
}

async function askLine(question: string): Promise<string> {
  const { createInterface } = await import("node:readline/promises");
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await prompt.question(question);
  } finally {
    prompt.close();
  }
}

/** process.stderr costs two milliseconds to make, so it is asked only where colour is possible at all. */
function isColoured(): boolean {
  return process.env["FORCE_COLOR"] !== undefined || isCharacterDevice(2);
}

function isCharacterDevice(fd: number): boolean {
  try {
    return fstatSync(fd).isCharacterDevice();
  } catch {
    return false;
  }
}

const retryDelayMs = 2;

/** Writes everything; false when the reader has gone (EPIPE), throws any other failure. */
export function writeAll(fd: number, data: string | Uint8Array): boolean {
  let rest: Uint8Array = typeof data === "string" ? Buffer.from(data, "utf8") : data;
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") return false;
      if (code !== "EAGAIN") throw error;
      // A pipe that another process made non-blocking is full: wait for its reader.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryDelayMs);
    }
  }
  return true;
}
