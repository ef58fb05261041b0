import { expect, test } from "vitest";
import { openOutput } from "./result-output.ts";
import type { Result } from "./result.ts";
import type { Terminal } from "./terminal.ts";

const allowed: Result = { name: "a", verdict: "allowed", reason: "signed by x" };
const refused: Result = { name: "b\u001b[2J", verdict: "refused", reason: "no", code: "POLICY_NO_CLAIMS", fix: "do" };

/** A terminal whose clock moves on by `stepMs` whenever it is looked at. */
function watch(isWatched: boolean, stepMs: number): { terminal: Terminal; written: { out: string; err: string } } {
  const written = { out: "", err: "" };
  let nowMs = 0;
  const terminal: Terminal = {
    env: {},
    now: () => new Date((nowMs += stepMs)),
    out: (data) => void (written.out += String(data)),
    deliver: () => {},
    err: (text) => void (written.err += text),
    style: (_, text) => text,
    isWatched,
    canAsk: false,
    ask: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(""),
  };
  return { terminal, written };
}

test("progress: one line rewritten for a person, lines of their own for a log file, none where results are the lines", () => {
  const person = watch(true, 300);
  const shown = openOutput({ format: "junit" }, 2, person.terminal);
  shown.add(allowed);
  shown.add(allowed);
  expect(shown.end()).toBe(0);
  expect(person.written.err).toBe(
    "\rverified 1 of 2\u001b[K\rverified 2 of 2\u001b[K\r\u001b[Ksummary: 2 allowed, 0 refused, 0 could not be told\n",
  );
  const log = watch(false, 6000);
  openOutput({ json: true }, 9, log.terminal).add(allowed);
  expect(log.written.err).toBe("verified 1 of 9\n");
  const words = watch(true, 6000);
  openOutput({}, 9, words.terminal).add(allowed);
  expect(words.written.err).toBe("allowed: a: signed by x\n");
  for (const options of [{ quiet: true }, { quiet: true, json: true }] as const) {
    const nothing = watch(true, 6000);
    openOutput(options, 9, nothing.terminal).add(allowed);
    expect(nothing.written.err).toBe("");
  }
});

test("a refusal does not stand behind the line of progress", () => {
  const { terminal, written } = watch(true, 300);
  const output = openOutput({ format: "junit" }, 3, terminal);
  for (const result of [allowed, refused]) output.add(result);
  expect(written.err).toMatch(/^\rverified 1 of 3\u001b\[K\r\u001b\[Kcountersign: error: refused: b/);
  expect(written.err).toMatch(/\n\rverified 2 of 3\u001b\[K$/);
});

test("what is wrong is said in words whatever the format, escaped, and its hint once", () => {
  const { terminal, written } = watch(false, 0);
  const output = openOutput({ format: "sarif", quiet: true }, 3, terminal);
  for (const result of [refused, allowed, refused]) output.add(result);
  expect(output.end()).toBe(1);
  expect(written.err.match(/error: refused: b\\u001b\[2J: no \[POLICY_NO_CLAIMS\]/g)).toHaveLength(2);
  expect(written.err.match(/hint: do/g)).toHaveLength(1);
  expect(written.err).not.toContain("allowed: a");
  expect(JSON.parse(written.out)).toMatchObject({ version: "2.1.0" });
});

test("whoever is stopped leaves a whole report: what has no result could not be told, and is said once in words", () => {
  const rest: Result = { name: "c", verdict: "unknown", reason: "ended", code: "CLI_INTERRUPTED", fix: "again" };
  const all = [allowed, refused, { ...rest, name: "b" }, rest].map((each) => ({ ...rest, name: each.name }));
  const programs = watch(false, 1);
  const json = openOutput({ json: true }, 4, programs.terminal);
  json.add(allowed);
  json.abandon(all, 130);
  expect(JSON.parse(programs.written.out)).toMatchObject({
    results: [{ verdict: "allowed" }, ...all.slice(1)],
    summary: { total: 4, allowed: 1, refused: 0, unknown: 3 },
    exitCode: 130,
  });
  const people = watch(false, 1);
  const words = openOutput({}, 4, people.terminal);
  words.add(allowed);
  words.abandon(all, 130);
  expect(people.written).toEqual({
    out: "",
    err: "allowed: a: signed by x\nsummary: 1 allowed, 0 refused, 3 could not be told\n",
  });
});
