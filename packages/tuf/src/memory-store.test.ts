import { describe, expect, test } from "vitest";
import { utf8 } from "@countersign/core";
import { checkStoreName } from "./store.ts";
import { makeMemoryStore } from "./memory-store.ts";

describe("names of a store", () => {
  test.each(["root.json", "2.root.json", "a%2Fb.json", "__proto__.json", "constructor.json", "x".repeat(200)])(
    "%s can be one",
    (name) => {
      expect(() => checkStoreName(name)).not.toThrow();
    },
  );

  test.each([
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    ".hidden",
    "a.",
    "con.json",
    "NUL",
    "com1.x",
    "lock",
    "LOCK",
    "a b",
    "ä",
    "x\0",
    "x".repeat(201),
  ])("%j cannot", (name) => {
    expect(() => checkStoreName(name)).toThrow(expect.objectContaining({ code: "TUF_STORE_NAME" }));
  });
});

describe("a store in memory", () => {
  test("keeps copies, lists in order and forgets", async () => {
    const bytes = utf8("one");
    await makeMemoryStore(new Map([["b.json", utf8("two")]])).open(async (session) => {
      await session.write("a.json", bytes);
      bytes.fill(0);
      expect(await session.read("a.json", 3)).toEqual(utf8("one"));
      expect(await session.list()).toEqual(["a.json", "b.json"]);
      await session.remove("a.json");
      expect(await session.read("a.json", 3)).toBeUndefined();
      await expect(session.read("b.json", 2)).rejects.toMatchObject({ code: "TUF_STORE_DAMAGED" });
    });
  });

  test("lets one session in at a time, and the next one in after a failure", async () => {
    const store = makeMemoryStore();
    const order: string[] = [];
    const first = store.open(async () => {
      order.push("first in");
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push("first out");
      throw new Error("failed");
    });
    const second = store.open(async () => void order.push("second"));
    await expect(first).rejects.toThrow("failed");
    await second;
    expect(order).toEqual(["first in", "first out", "second"]);
    const stopped = store.open(async () => {}, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ code: "TUF_STORE_ABORTED" });
  });
});
