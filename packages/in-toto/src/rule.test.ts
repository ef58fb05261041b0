import type { Json } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { formatRule, parseRule } from "./rule.ts";
import { codeOf } from "./sample.contract.ts";

describe("the seven kinds", () => {
  test.each(["CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW"])("%s takes a pattern", (word) => {
    const words = [word, "src/*"];
    const rule = parseRule(words);
    expect(rule).toEqual({ kind: word.toLowerCase(), pattern: "src/*", words });
    expect(formatRule(rule)).toEqual(words);
  });

  test("REQUIRE takes a path, which is no pattern", () => {
    expect(parseRule(["REQUIRE", "src/*"])).toEqual({ kind: "require", path: "src/*", words: ["REQUIRE", "src/*"] });
  });

  test.each([
    [["MATCH", "p", "WITH", "MATERIALS", "FROM", "s"], { side: "materials" }],
    [["MATCH", "p", "IN", "a", "WITH", "PRODUCTS", "FROM", "s"], { side: "products", sourcePrefix: "a" }],
    [["MATCH", "p", "WITH", "PRODUCTS", "IN", "b", "FROM", "s"], { side: "products", destinationPrefix: "b" }],
    [
      ["MATCH", "p", "IN", "a", "WITH", "PRODUCTS", "IN", "b", "FROM", "s"],
      { side: "products", sourcePrefix: "a", destinationPrefix: "b" },
    ],
  ])("%j", (words, expected) => {
    const rule = parseRule(words);
    expect(rule).toEqual({ kind: "match", pattern: "p", from: "s", words, ...expected });
    expect(formatRule(rule)).toEqual(words);
  });

  test("keywords in any case, words that look like keywords where values stand", () => {
    const words = ["match", "with", "In", "in", "wIth", "products", "from", "from"];
    expect(parseRule(words)).toMatchObject({ pattern: "with", sourcePrefix: "in", side: "products", from: "from" });
    expect(formatRule(parseRule(words))).toEqual(["MATCH", "with", "IN", "in", "WITH", "PRODUCTS", "FROM", "from"]);
  });

  test("an empty prefix is none", () => {
    const rule = parseRule(["MATCH", "p", "IN", "", "WITH", "PRODUCTS", "IN", "", "FROM", "s"]);
    expect(formatRule(rule)).toEqual(["MATCH", "p", "WITH", "PRODUCTS", "FROM", "s"]);
  });
});

const wrong: readonly Json[] = [
  null,
  "ALLOW *",
  {},
  [],
  ["ALLOW"],
  ["ALLOW", 1],
  ["ALLOW", "a", "b"],
  ["EAT", "*"],
  ["", "*"],
  ["REQUIRE", "a", "b"],
  ["MATCH", "p"],
  ["MATCH", "p", "WITH", "PRODUCTS"],
  ["MATCH", "p", "FROM", "s", "WITH", "PRODUCTS"],
  ["MATCH", "p", "WITH", "THINGS", "FROM", "s"],
  ["MATCH", "p", "WITH", "PRODUCTS", "FROM", "s", "IN", "a"],
  ["MATCH", "p", "IN", "a", "IN", "b", "WITH", "PRODUCTS", "FROM", "s"],
  ["MATCH", "p", "WITH", "PRODUCTS", "FROM", "s", "x"],
  ["MATCH", "p", "IN", "a", "WITH", "PRODUCTS", "FROM"],
];

test.each(wrong.map((value) => [value]))("refuses %j", (value) => {
  expect(codeOf(() => parseRule(value))).toBe("INTOTO_RULE_MALFORMED");
});
