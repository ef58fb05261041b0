import { hash, utf8 } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binName, searchTarget, type SearchOptions } from "./delegation.ts";
import { isPathMatch } from "./path-pattern.ts";
import { codeOfAsync } from "./sample.contract.ts";
import type { TrustedTargets } from "./trusted-set.ts";

describe("T4: patterns", () => {
  test.each([
    ["*", "a", true],
    ["*", "a/b", false],
    ["*/*", "a/b", true],
    ["a/*", "a/.b", true],
    ["a?c", "a/c", false],
    ["[!a]", "/", false],
    ["a[/]b", "a/b", false],
    ["!a", "b", false],
    ["{a,b}", "a", false],
    ["a*", "a", true],
    ["", "", true],
    ["a/", "a", false],
    ["a", "a", true],
  ])("%o and %o: %s", (pattern, path, isMatch) => {
    expect(isPathMatch(pattern, path)).toBe(isMatch);
  });

  test("no part of a pattern ever crosses a slash", () => {
    const property = fc.property(fc.string(), fc.string(), (pattern, path) => {
      if (isPathMatch(pattern, path)) expect(path.split("/")).toHaveLength(pattern.split("/").length);
    });
    fc.assert(property, { numRuns: 500 });
  });

  test("are linear", () => {
    const started = process.threadCpuUsage();
    expect(isPathMatch(`${"*?".repeat(2000)}#`, "a".repeat(4000))).toBe(false);
    expect(isPathMatch(`${"*a".repeat(2000)}b`, "a".repeat(4000))).toBe(false);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(2000);
  });
});

describe("bins with computed names", () => {
  test.each([
    [1, "ff", "b-1"],
    [3, "20", "b-1"],
    [8, "a7", "b-a7"],
    [9, "0180", "b-003"],
    [32, "deadbeef", "b-deadbeef"],
  ])("of %i bits", (bitLength, start, name) => {
    const digest = Uint8Array.from(Buffer.from(start.padEnd(64, "0"), "hex"));
    expect(binName({ bitLength, namePrefix: "b", keyids: [], threshold: 1 }, digest)).toBe(name);
  });

  test("take a view into a larger buffer", () => {
    const digest = hash("sha256", utf8("x"));
    const padded = new Uint8Array([0, 0, ...digest]).subarray(2);
    const bins = { bitLength: 16, namePrefix: "b", keyids: [], threshold: 1 };
    expect(binName(bins, padded)).toBe(binName(bins, digest));
  });
});

test("a search ends where it may visit no more roles, and says so", async () => {
  const keys = new Map();
  const role = (name: string) => ({
    name,
    keyids: [],
    threshold: 1,
    terminating: false,
    covers: { kind: "paths", patterns: ["*"] } as const,
  });
  const make = (next: string): TrustedTargets =>
    ({ targets: { get: () => undefined }, delegations: { keys, roles: [role(next)] } }) as unknown as TrustedTargets;
  const options: SearchOptions = {
    top: { targets: make("0"), trust: { name: "targets", role: { keyids: [], threshold: 1 }, keys } },
    load: async ({ name }) => make(String(Number(name) + 1)),
    maxRoles: 10,
  };
  expect(await codeOfAsync(() => searchTarget("x", options))).toBe("TUF_SEARCH_LIMIT");
});
