import { maxPatternChars } from "@countersign/core";
import { expect, test } from "vitest";
import { compileGlob } from "./glob.ts";
import { codeOf } from "./sample.contract.ts";

test("I7: a pattern that is longer than any honest one is refused, and no other", () => {
  expect(compileGlob("a".repeat(maxPatternChars)).literal).toHaveLength(maxPatternChars);
  expect(codeOf(() => compileGlob("*".repeat(maxPatternChars + 1)))).toBe("INTOTO_RULE_MALFORMED");
});

test("I7: thousands of stars take no time to speak of", () => {
  expect(compileGlob(`${"*a?".repeat(1000)}c`).isMatch(`${"a".repeat(5000)}b`)).toBe(false);
});
