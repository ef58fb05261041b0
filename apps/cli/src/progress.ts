import { plain } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/** Files below this size are done before anybody could read a line about them, in bytes. */
export const minProgressBytes: number = 64 * 1024 * 1024;

const watchedEveryMs = 200;
const unwatchedEveryMs = 5000;

/** Tells how much of something has been read. */
export interface Progress {
  readonly report: (doneBytes: number) => void;
  /** Ends the line that a terminal shows. */
  readonly end: () => void;
}

const silent: Progress = { report: () => {}, end: () => {} };

/** Progress on standard error: one line rewritten in place for a person, one line every five seconds for a log file, none with --quiet. */
export function makeProgress(
  name: string,
  totalBytes: number | undefined,
  terminal: Terminal,
  verb: "reading" | "downloading" = "reading",
): Progress {
  const { isWatched, isQuiet = false } = terminal;
  if (isQuiet) return silent;
  // A disk is quick, a network may not be.
  const quietBytes = verb === "reading" ? minProgressBytes / 4 : 0;
  let last = terminal.now().getTime();
  let shown = false;
  return {
    report(doneBytes) {
      const now = terminal.now().getTime();
      if (doneBytes < quietBytes || now - last < (isWatched ? watchedEveryMs : unwatchedEveryMs)) return;
      last = now;
      shown = true;
      const bar = isWatched && verb === "downloading" ? `${barOf(doneBytes, totalBytes)} ` : "";
      const line = `${verb} ${plain(name)}: ${bar}${amount(doneBytes, totalBytes)}`;
      terminal.err(isWatched ? `\r${line}\u001b[K` : `${line}\n`);
    },
    end() {
      if (shown && isWatched) terminal.err("\r\u001b[K");
    },
  };
}

function amount(doneBytes: number, totalBytes: number | undefined): string {
  const done = `${Math.floor(doneBytes / 1_000_000)} MB`;
  if (totalBytes === undefined || totalBytes === 0) return done;
  return `${done} of ${Math.ceil(totalBytes / 1_000_000)} MB (${Math.min(100, Math.floor((doneBytes / totalBytes) * 100))} %)`;
}

const barWidth = 20;

function barOf(doneBytes: number, totalBytes: number | undefined): string {
  if (totalBytes === undefined || totalBytes === 0) return "";
  const filled = Math.min(barWidth, Math.floor((doneBytes / totalBytes) * barWidth));
  return `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}]`;
}
