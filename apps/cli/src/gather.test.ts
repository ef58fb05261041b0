import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { gather, type GatheringTerminal } from "./gather.ts";
import type { Terminal } from "./terminal.ts";

/** A gathering terminal on a clock that stands still until it is set, and the writes that came through. */
function watch(): { terminal: GatheringTerminal; writes: string[]; clock: { ms: number } } {
  const writes: string[] = [];
  const clock = { ms: 0 };
  const direct: Terminal = {
    env: {},
    now: () => new Date(clock.ms),
    out: (data) => void writes.push(`out ${String(data)}`),
    deliver: () => {},
    err: (text) => void writes.push(`err ${text}`),
    style: (_, text) => text,
    isWatched: false,
    canAsk: false,
    ask: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(""),
  };
  return { terminal: gather(direct), writes, clock };
}

test("what comes after a pause is written at once, what follows closely together and in its order", () => {
  const { terminal, writes, clock } = watch();
  terminal.err("1");
  expect(writes).toEqual(["err 1"]);
  for (const text of ["2", "3"]) terminal.err(text);
  terminal.out("4");
  terminal.err("5");
  expect(writes).toEqual(["err 1"]);
  clock.ms = 20;
  terminal.err("6");
  expect(writes).toEqual(["err 1", "err 23", "out 4", "err 56"]);
});

test("nothing waits when all is quiet, when much has gathered, before bytes, and after flush", async () => {
  const { terminal, writes } = watch();
  for (const text of ["1", "2"]) terminal.err(text);
  await setTimeout(100);
  expect(writes.splice(0)).toEqual(["err 1", "err 2"]);
  const long = "x".repeat(64 * 1024);
  terminal.out(long);
  expect(writes.splice(0)).toEqual([`out ${long}`]);
  terminal.err("3");
  terminal.out(Uint8Array.of(0x34));
  expect(writes.splice(0)).toEqual(["err 3", "out 52"]);
  terminal.err("5");
  terminal.flush();
  terminal.flush();
  expect(writes).toEqual(["err 5"]);
});
