import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { mapInOrder } from "./in-order.ts";

/** Work that ends when it is told to. */
function makeWork() {
  const begun: string[] = [];
  const told: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const work = (item: string): Promise<string> => {
    begun.push(item);
    return new Promise((resolve, reject) => {
      ends.set(item, (error) => (error === undefined ? resolve(item.toUpperCase()) : reject(error)));
    });
  };
  const end = async (item: string, error?: Error): Promise<void> => {
    ends.get(item)?.(error);
    await turn();
  };
  return { begun, told, end, run: { work, tell: (result: string) => void told.push(result) } };
}

test("the first alone, then so many at once, shown in their order", async () => {
  const { begun, told, end, run } = makeWork();
  const all = mapInOrder(["a", "b", "c", "d", "e"], { atOnce: 3, ...run });
  expect(begun).toEqual(["a"]);
  await end("a");
  expect(begun).toEqual(["a", "b", "c", "d"]);
  await end("c");
  expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  expect(told).toEqual(["A"]);
  await end("b");
  expect(told).toEqual(["A", "B", "C"]);
  await end("e");
  await end("d");
  expect(told).toEqual(["A", "B", "C", "D", "E"]);
  expect(await all).toEqual(["A", "B", "C", "D", "E"]);
});

test("after a failure nothing is begun, and what was under way is waited for and shown", async () => {
  const { begun, told, end, run } = makeWork();
  const all = mapInOrder(["a", "b", "c", "d", "e"], { atOnce: 2, ...run });
  const outcome = all.then(
    () => "done",
    (error: unknown) => (error as Error).message,
  );
  await end("a");
  await end("b", new Error("no b"));
  await end("c");
  expect(await outcome).toBe("no b");
  expect([begun, told]).toEqual([
    ["a", "b", "c"],
    ["A", "C"],
  ]);
});

test("if the first fails nothing else is begun; none are none", async () => {
  const { begun, end, run } = makeWork();
  const all = mapInOrder(["a", "b"], { atOnce: 2, ...run });
  const outcome = all.catch((error: unknown) => (error as Error).message);
  await end("a", new Error("no a"));
  expect(await outcome).toBe("no a");
  expect(begun).toEqual(["a"]);
  expect(await mapInOrder([], { atOnce: 2, ...run })).toEqual([]);
});
