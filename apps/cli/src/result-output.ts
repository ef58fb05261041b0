import type { Finding } from "@countersign/core";
import { gather } from "./gather.ts";
import type { VerifyOptions } from "./options.ts";
import { evidenceLines, formatHints, plain, refusedLine, warningLine } from "./render-text.ts";
import { renderingOf } from "./rendering.ts";
import { exitCodeOfSummary, makeCounter, type Result } from "./result.ts";
import type { Terminal } from "./terminal.ts";

/** Where results go: as they come to standard error in words, or to standard output in a format, at most a moment later. */
export interface ResultOutput {
  readonly add: (result: Result) => void;
  /** Writes what was added and still waits: for whoever cannot go on. */
  readonly flush: () => void;
  /** Writes what stands at the end; returns the exit code. */
  readonly end: () => number;
  /** As `end`, for whoever is stopped: of `all`, those that have not been added yet are in the report, and only there. */
  readonly abandon: (all: readonly Result[], exitCode: number) => void;
}

/** Opens the output that the options ask for. `total` is how many results are expected, for whoever watches. */
export function openOutput(options: VerifyOptions, total: number, direct: Terminal): ResultOutput {
  const terminal = gather(direct);
  const rendering = renderingOf(options.json === true ? "json" : (options.format ?? "text"));
  const counter = makeCounter();
  const words = makeWords(options, terminal);
  const progress = makeCount(rendering === undefined || options.quiet === true ? 0 : total, terminal);
  const write = (text = ""): void => void (text !== "" && terminal.out(text));
  const finish = (exitCode: number): number => {
    progress.clear();
    const summary = counter.summary();
    write(rendering?.end({ summary, exitCode, at: terminal.now().toISOString() }));
    words.end();
    const counts = `${summary.allowed} allowed, ${summary.refused} refused, ${summary.unknown} could not be told`;
    if (options.quiet !== true || exitCode !== 0) terminal.err(`summary: ${counts}\n`);
    terminal.flush();
    return exitCode;
  };
  write(rendering?.begin);
  return {
    flush: terminal.flush,
    add(result) {
      counter.add(result);
      write(rendering?.each(result));
      // In a format the words would only repeat it, but what is wrong is never unsaid.
      if (rendering === undefined || result.verdict !== "allowed") {
        progress.clear();
        words.add(result);
      }
      progress.report(counter.summary().total);
    },
    end: () => finish(exitCodeOfSummary(counter.summary())),
    abandon(all, exitCode) {
      for (const result of all.slice(counter.summary().total)) {
        counter.add(result);
        write(rendering?.each(result));
      }
      finish(exitCode);
    },
  };
}

/** Whether anything is shown of a report's evidence: its checks, its claims. */
export function isEvidenceShown({ json, format, verbose }: VerifyOptions): boolean {
  return json === true || verbose === true || format === "json" || format === "jsonl";
}

/** The most different warnings and hints that are kept. */
const maxRemarks = 20;

/** Results in words; warnings and hints once, at the end. */
function makeWords(options: VerifyOptions, terminal: Terminal): { add: (result: Result) => void; end: () => void } {
  const detail = options.verbose === true ? "every-check" : "outcome";
  const remarks = new Set<string>();
  const remember = (line: string): void => void (remarks.size < maxRemarks && remarks.add(line));
  return {
    add(result) {
      const { report, verdict } = result;
      for (const finding of warningsOf(result)) remember(warningLine(finding, terminal));
      if (verdict !== "allowed" && result.fix !== undefined)
        for (const hint of formatHints([result as Finding & Result])) remember(hint);
      if (verdict === "allowed" && options.quiet === true) return;
      const lines = verdict === "allowed" ? [allowedLine(result, terminal)] : [refusedLine(result, terminal)];
      // One line each, unless every check was asked for: of ten thousand nobody reads more.
      const checks =
        detail === "outcome" ? [] : (report?.evidence.flatMap((each) => evidenceLines(each, terminal, detail)) ?? []);
      terminal.err([...lines, ...checks, ""].join("\n"));
    },
    end() {
      if (remarks.size > 0) terminal.err([...remarks, ""].join("\n"));
    },
  };
}

function warningsOf({ report }: Result): readonly Finding[] {
  return report?.findings.filter(({ level }) => level === "warn") ?? [];
}

function allowedLine({ name, reason }: Result, terminal: Terminal): string {
  return `${terminal.style("green", "allowed:")} ${plain(name)}: ${reason}`;
}

const watchedEveryMs = 200;
const unwatchedEveryMs = 5000;

/** How many are done, on standard error: one line rewritten for a person, one every five seconds for a log file. None for 0. */
function makeCount(total: number, terminal: Terminal): { report: (done: number) => void; clear: () => void } {
  const { isWatched } = terminal;
  let last = terminal.now().getTime();
  let shown = false;
  return {
    report(done) {
      if (total === 0) return;
      const now = terminal.now().getTime();
      if (now - last < (isWatched ? watchedEveryMs : unwatchedEveryMs)) return;
      [last, shown] = [now, true];
      const line = `verified ${done} of ${total}`;
      terminal.err(isWatched ? `\r${line}\u001b[K` : `${line}\n`);
    },
    clear() {
      if (shown && isWatched) terminal.err("\r\u001b[K");
      shown = false;
    },
  };
}
