import { describe, expect, test } from "vitest";
import { makeProgress } from "./progress.ts";
import { openTerminal, quietened, type Terminal } from "./terminal.ts";

function watch(isWatched: boolean): {
  readonly terminal: Terminal;
  readonly lines: string[];
  readonly later: (ms: number) => void;
} {
  const lines: string[] = [];
  let nowMs = 0;
  const terminal = {
    isWatched,
    now: () => new Date(nowMs),
    err: (text: string) => void lines.push(text),
  } as unknown as Terminal;
  return { terminal, lines, later: (ms) => void (nowMs += ms) };
}

describe("progress of a download", () => {
  test("is a bar that is rewritten in place for a person", () => {
    const { terminal, lines, later } = watch(true);
    const progress = makeProgress("app.bin", 4_000_000, terminal, "downloading");
    progress.report(1_000_000);
    later(250);
    progress.report(1_000_000);
    progress.report(2_000_000);
    later(250);
    progress.report(4_000_000);
    progress.end();
    expect(lines).toEqual([
      "\rdownloading app.bin: [#####---------------] 1 MB of 4 MB (25 %)\u001b[K",
      "\rdownloading app.bin: [####################] 4 MB of 4 MB (100 %)\u001b[K",
      "\r\u001b[K",
    ]);
  });

  test("is a line now and then for a log", () => {
    const { terminal, lines, later } = watch(false);
    const progress = makeProgress("app.bin", 4_000_000, terminal, "downloading");
    later(5001);
    progress.report(1_000_000);
    progress.end();
    expect(lines).toEqual(["downloading app.bin: 1 MB of 4 MB (25 %)\n"]);
  });

  test("with --quiet there is none", () => {
    const { terminal, lines, later } = watch(false);
    const progress = makeProgress("app.bin", 4_000_000, { ...terminal, isQuiet: true }, "downloading");
    later(5001);
    progress.report(1_000_000);
    progress.end();
    expect(lines).toEqual([]);
  });

  test("a quiet terminal is a whole one, also where some of it is replaced", () => {
    const terminal = openTerminal();
    const replaced = { ...quietened(terminal), now: () => new Date(0) };
    expect(Object.keys(replaced).toSorted()).toEqual([...Object.keys(terminal), "isQuiet"].toSorted());
    expect(replaced.isQuiet).toBe(true);
  });

  test("of reading is silent about small files", () => {
    const { terminal, lines, later } = watch(true);
    later(1000);
    makeProgress("app.bin", 4_000_000, terminal).report(1_000_000);
    expect(lines).toEqual([]);
  });
});
