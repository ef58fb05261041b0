import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { loadInstance } from "@countersign/pipeline";
import { describe, expect, test } from "vitest";
import { hasCases, outcomeOf, readCases, readInput, type Input, type Mode } from "./case.ts";
import { variants } from "./variant.ts";

const now = new Date("2026-06-01T00:00:00Z");
const modes: readonly Mode[] = ["path", "digest"];
/** Reviewed by hand: for each `_fail` the code that names the reason its README gives. */
const expected = JSON.parse(readFileSync(new URL("expected.json", import.meta.url), "utf8")) as Record<string, string>;
const cases = readCases();

/** A case with the trust root spelt out, so that a variant may change it. */
async function inputOf(name: string): Promise<Input> {
  const found = cases.find((each) => each.name === name);
  if (found === undefined) throw new Error(`no case ${name}`);
  const input = readInput(found);
  const { trustedRoot } = await loadInstance("public-good");
  return input.trustedRoot === undefined ? { ...input, trustedRoot: new TextEncoder().encode(trustedRoot) } : input;
}

describe.skipIf(!hasCases)("the suite's bundles", () => {
  test("every case that is there has a reviewed outcome", () => {
    expect(cases.map(({ name }) => name)).toEqual(Object.keys(expected).toSorted());
    for (const [name, outcome] of Object.entries(expected)) expect(outcome === "allowed", name).toBe(!name.endsWith("_fail"));
  });

  describe.each(modes)("by %s", (mode) => {
    test.each(cases.map((each) => [each.name, each] as const))("%s", async (name, each) => {
      expect(await outcomeOf(readInput(each), mode, now)).toBe(expected[name]);
    });

    test.each(variants.map((each) => [each.name, each] as const))("edited: %s", async (_, variant) => {
      const inputs = new Map(await Promise.all(cases.map(async ({ name }) => [name, await inputOf(name)] as const)));
      const other = (name: string): Input => inputs.get(name) as Input;
      expect(await outcomeOf(variant.change(other(variant.from), other), mode, now)).toBe(variant.expected);
    });
  });
});
