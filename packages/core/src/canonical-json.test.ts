import { canonicalize as tufCanonicalize } from "@tufjs/canonical-json";
import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseUtf8, utf8 } from "./bytes.ts";
import { formatCanonicalJson, formatJcs, maxCanonicalDepth } from "./canonical-json.ts";
import { parseJson } from "./json.ts";
import { codeOf } from "./sample.contract.ts";
import type { Json } from "./json.ts";

const olpc = (value: Json): string => parseUtf8(formatCanonicalJson(value));
const jcs = (value: Json): string => parseUtf8(formatJcs(value));

/** JSON with whole Unicode text; `number` and `unit` say which numbers and characters. */
function json(number: fc.Arbitrary<number>, unit: "grapheme-ascii" | "grapheme"): fc.Arbitrary<Json> {
  const text = fc.string({ unit, maxLength: 8 });
  return fc.letrec<{ any: Json }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, true, false),
      number,
      text,
      fc.array(tie("any"), { maxLength: 4 }),
      fc.dictionary(text, tie("any"), { maxKeys: 5 }),
    ),
  })).any;
}

describe("OLPC", () => {
  test("as @tufjs/canonical-json on ASCII and integers, where the two agree", () => {
    fc.assert(
      fc.property(json(fc.maxSafeInteger(), "grapheme-ascii"), (value) => {
        expect(olpc(value)).toBe(tufCanonicalize(value));
      }),
    );
  });

  test("members stand in the order of code points, which UTF-8 bytes keep", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 6 })), (names) => {
        const text = olpc(Object.fromEntries(names.map((name) => [name, 0])));
        const sorted = names.toSorted((a, b) => Buffer.compare(utf8(a), utf8(b)));
        expect(text).toBe(`{${sorted.map((name) => `"${name.replaceAll(/["\\]/g, String.raw`\$&`)}":0`).join()}}`);
      }),
    );
    expect(olpc({ "\u{1f600}": 1, "\ufb33": 2 })).toBe('{"\ufb33":2,"\u{1f600}":1}');
  });

  test("only quotation mark and backslash are escaped", () => {
    expect(olpc('"\\\n\u0000\t/é')).toBe('"\\"\\\\\n\u0000\t/é"');
  });

  test("what others print for a negative zero", () => {
    expect(olpc([0, -0, -1])).toBe("[0,0,-1]");
  });

  test.each([
    ["fraction", 0.5],
    ["integer past 2^53", 2 ** 53],
    ["integer that others write with an exponent", 1e21],
    ["NaN", Number.NaN],
    ["lone surrogate", ["\ud83d"]],
    ["lone surrogate in a name", { "\ude00": 1 }],
  ] as const)("refuses %s", (_, value) => {
    expect(codeOf(() => formatCanonicalJson(value))).toBe("CORE_JSON_NOT_CANONICAL");
  });
});

describe("RFC 8785", () => {
  test("as canonicalize", () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(json(number, "grapheme"), (value) => {
        expect(jcs(value)).toBe(canonicalize(value));
      }),
    );
  });

  test("is strict JSON of the same value", () => {
    fc.assert(
      fc.property(json(fc.integer(), "grapheme"), (value) => {
        expect(parseJson(formatJcs(value))).toEqual(JSON.parse(JSON.stringify(value)));
        expect(formatJcs(parseJson(formatJcs(value)))).toEqual(formatJcs(value));
      }),
    );
  });

  test("the rules of §3.2", () => {
    expect(jcs([Number("333333333.33333329"), 1e30, 4.5, 2e-3, 1e-27, -0])).toBe(
      "[333333333.3333333,1e+30,4.5,0.002,1e-27,0]",
    );
    expect(jcs("\u20ac$\u000f\nA'B\"\\/\u007f\u2028")).toBe('"\u20ac$\\u000f\\nA\'B\\"\\\\/\u007f\u2028"');
    expect(jcs({ "\ufb33": 1, "\u{1f600}": 2, "\r": 3, "1": 4 })).toBe('{"\\r":3,"1":4,"\u{1f600}":2,"\ufb33":1}');
  });

  test.each([
    ["infinity", Number.POSITIVE_INFINITY],
    ["NaN", { a: Number.NaN }],
    ["lone surrogate", "\ud83d"],
  ] as const)("refuses %s", (_, value) => {
    expect(codeOf(() => formatJcs(value))).toBe("CORE_JSON_NOT_CANONICAL");
  });
});

describe.each([
  ["OLPC", formatCanonicalJson],
  ["RFC 8785", formatJcs],
])("%s", (_, format) => {
  test("leaves out what is undefined, as JSON.stringify does", () => {
    expect(parseUtf8(format({ a: undefined, b: 1 }))).toBe('{"b":1}');
  });

  test("keeps a member named __proto__", () => {
    expect(parseUtf8(format(parseJson('{"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1}}');
  });

  test("refuses what is no JSON value", () => {
    for (const value of [new Date(0), new Map([["a", 1]]), new Uint8Array(2), 1n, undefined, () => 1])
      expect(codeOf(() => format(value as unknown as Json))).toBe("CORE_JSON_NOT_CANONICAL");
  });

  test("refuses to go too deep, and circles", () => {
    const nested = (depth: number): Json => (depth === 0 ? 0 : [nested(depth - 1)]);
    expect(codeOf(() => format(nested(maxCanonicalDepth)))).toBe("taken");
    expect(codeOf(() => format(nested(maxCanonicalDepth + 1)))).toBe("CORE_JSON_NOT_CANONICAL");
    const circle: Json[] = [];
    circle.push(circle);
    expect(codeOf(() => format(circle))).toBe("CORE_JSON_NOT_CANONICAL");
  });
});
