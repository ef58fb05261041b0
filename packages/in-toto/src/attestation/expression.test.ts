import type { Json } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf } from "../sample.contract.ts";
import { mapTexts, type Expression } from "./expression.ts";
import { maxExpressionDepth, parseExpression } from "./expression-parse.ts";
import { maxExpressionChars } from "./expression-token.ts";
import { isTrue } from "./expression-value.ts";

const data: Readonly<Record<string, Json>> = {
  result: "PASSED",
  failed: [],
  passed: ["unit", "e2e"],
  byproducts: { "return-value": 0, stderr: "" },
  builder: { id: "https://ci.example/builder@v1" },
  policies: [{ Name: "open" }, { Name: "connect", level: 3 }],
  flag: true,
  nothing: null,
  big: 2 ** 53,
  half: 0.5,
};

function judge(text: string): boolean | string {
  let truth: boolean | undefined;
  const code = codeOf(() => {
    truth = isTrue(parseExpression(text), (name) => (Object.hasOwn(data, name) ? data[name] : undefined));
  });
  return code === "taken" ? (truth as boolean) : code;
}

const [absent, type, malformed] = ["INTOTO_ATTRIBUTE_ABSENT", "INTOTO_ATTRIBUTE_TYPE", "INTOTO_ATTRIBUTE_MALFORMED"];

test.each<[string, boolean | string]>([
  // The examples of ITE-11.
  ["result == 'PASSED'", true],
  ["builder.id == 'https://ci.example/builder@v1'", true],
  ["policies.exists(p, p['Name'] == 'connect')", true],
  ["size(failed) == 0", true],
  ["size(byproducts['stderr']) == 0", true],
  ["byproducts['return-value'] == 0", true],
  // The rest of what is supported.
  ['result != "PASSED"', false],
  ["!(result == 'PASSED')", false],
  ["!!flag", true],
  ["flag", true],
  ["nothing == null", true],
  ["'unit' in passed && !('x' in passed)", true],
  ["'stderr' in byproducts", true],
  ["passed == ['unit', 'e2e'] && passed != ['e2e', 'unit']", true],
  ["policies[1] == policies[1] && policies[0] != policies[1]", true],
  ["passed.size() == 2 && byproducts.size() == 2 && '🙂é'.size() == 2", true],
  [
    "builder.id.startsWith('https://ci.example/') && builder.id.endsWith('@v1') && builder.id.contains('builder')",
    true,
  ],
  ["builder.id.contains('Builder')", false],
  ["passed.all(name, size(name) <= 4) && passed.all(n, n < 'v')", true],
  ["failed.all(n, false) && !failed.exists(n, true)", true],
  ["byproducts.exists(name, name == 'stderr')", true],
  ["has(builder.id) && !has(builder.version)", true],
  ["half < 1 && half > -1 && half <= 0.5 && half >= 0.5", true],
  ["'\\uFB01' < '🙂'", true],
  ["1 == 1.0 && 1 != '1' && [] != ''", true],
  ["result == 'PASS\\u0045D' && '\\\\' == \"\\\\\" && 'a\\'b' == \"a'b\"", true],
  // One side that decides is enough, whatever the other lacks.
  ["flag || missing == 1", true],
  ["missing == 1 || flag", true],
  ["!flag && missing == 1", false],
  ["missing == 1 && !flag", false],
  ["missing == 1 && flag", absent],
  ["missing == 1 || !flag", absent],
  ["policies.exists(p, p.level == 3)", true],
  ["policies.exists(p, p.level == 4)", absent],
  ["policies.all(p, p.level == 3)", absent],
  // What is not there.
  ["missing", absent],
  ["builder.version == '1'", absent],
  ["passed[2] == ''", absent],
  ["passed[-1] == ''", absent],
  ["constructor == 1 || builder['__proto__'] == 1", absent],
  // Other kinds.
  ["result", type],
  ["result.id == 1", type],
  ["result < 1", type],
  ["failed < failed", type],
  ["passed['0'] == ''", type],
  ["passed[0.5] == ''", type],
  ["builder[0] == ''", type],
  ["size(flag) == 1", type],
  ["'a' in 'abc'", type],
  ["flag.contains('a')", type],
  ["'a'.startsWith(1)", type],
  ["nothing && flag", type],
  ["result.all(c, true)", type],
  ["big == 9007199254740991", type],
  // What CEL has beyond, and what is nonsense.
  ["1 + 1 == 2", malformed],
  ["result.matches('P.*')", malformed],
  ["int(half) == 0", malformed],
  ["{'a': 1} == {}", malformed],
  ["flag ? true : false", malformed],
  ["r'a' == 'a'", malformed],
  ["b'a' == 'a'", malformed],
  ["1u == 1", malformed],
  ["0x1 == 1", malformed],
  ["a.exists_one(x, true)", malformed],
  ["a.map(x, x) == []", malformed],
  ["1 < 2 < 3", malformed],
  ["has(result)", malformed],
  ["", malformed],
  ["flag flag", malformed],
  ["flag &&", malformed],
  ["(flag", malformed],
  ["[1", malformed],
  ["'a", malformed],
  ["'\\q' == ''", malformed],
  ["passed.size(1) == 1", malformed],
  ["passed.all(1, true)", malformed],
  ["passed.all(x)", malformed],
  ["in == 1", malformed],
  ["9007199254740993 == 1", malformed],
  ["flag; flag", malformed],
  ["result = 'PASSED'", malformed],
])("%s", (text, expected) => {
  expect(judge(text)).toBe(expected);
});

describe("limits", () => {
  test("of length and depth", () => {
    expect(judge(`flag${" ".repeat(maxExpressionChars)}`)).toBe(malformed);
    const nested = (depth: number): string => `${"(".repeat(depth)}flag${")".repeat(depth)}`;
    expect(judge(nested(maxExpressionDepth - 1))).toBe(true);
    expect(judge(nested(maxExpressionDepth))).toBe(malformed);
    expect(judge(`result${".a".repeat(100)}`)).toBe(malformed);
    expect(judge(`${"!".repeat(3000)}flag`)).toBe(true);
  });

  test("of time: nested loops end, and search is linear", () => {
    const items = Array.from({ length: 1000 }, (_, at) => at);
    const scope = (name: string): Json | undefined => (name === "items" ? items : undefined);
    const loops = parseExpression("items.all(a, items.all(b, items.all(c, a != -1)))");
    expect(codeOf(() => isTrue(loops, scope))).toBe("INTOTO_TOO_LARGE");
    const texts: Readonly<Record<string, string>> = { text: "a".repeat(400_000), part: `${"a".repeat(200_000)}b` };
    expect(isTrue(parseExpression("text.contains(part)"), (name) => texts[name])).toBe(false);
  });

  test("contains agrees with the obvious search", () => {
    const letters = fc.string({ unit: fc.constantFrom("a", "b"), maxLength: 12 });
    fc.assert(
      fc.property(letters, letters, (text, part) => {
        const found = isTrue(parseExpression("text.contains(part)"), (name) => (name === "text" ? text : part));
        expect(found).toBe(text.includes(part));
      }),
    );
  });

  test("any text is parsed or refused by a typed error", () => {
    const word = fc.constantFrom(
      "a",
      ".",
      "(",
      ")",
      "[",
      "]",
      "==",
      "&&",
      "||",
      "!",
      "'x'",
      "1",
      "in",
      ",",
      "size",
      "all",
      " ",
      "<",
      '"',
    );
    fc.assert(
      fc.property(fc.array(word, { maxLength: 20 }), fc.string(), (words, text) => {
        for (const each of [words.join(""), text])
          expect([malformed, "taken"]).toContain(codeOf(() => parseExpression(each)));
      }),
    );
  });
});

test("texts are replaced wherever they stand, and stay texts", () => {
  const changed = (text: string): Expression =>
    mapTexts(parseExpression(text), (each) => each.replaceAll("{x}", "' || true || '"));
  const texts = "['{x}'].exists(t, t.startsWith('{x}') && !(t != '{x}' || size('{x}') == m['{x}'])) || has(a.b)";
  const spelled = JSON.stringify(changed(texts));
  expect(spelled.match(/' \|\| true \|\| '/g)).toHaveLength(5);
  expect(isTrue(changed("result == '{x}'"), () => "PASSED")).toBe(false);
});
