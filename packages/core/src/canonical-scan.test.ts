import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 as bytesOf } from "./bytes.ts";
import { formatCanonicalJson } from "./canonical-json.ts";
import {
  canonicalise,
  maxCanonicalReadDepth,
  maxOuterMembers,
  readCanonicalMembers,
  readCanonicalText as readText,
  type CanonicalOptions,
} from "./canonical-scan.ts";
import { canonicalErrors as errors, codeOf, integerJson } from "./sample.contract.ts";
import type { Json } from "./json.ts";

const strict: CanonicalOptions = { numbers: "refuse", duplicates: "refuse", errors };
const lax: CanonicalOptions = { numbers: "keep", duplicates: "last", errors };

function readCanonicalText(bytes: Uint8Array): string {
  return readText(bytes, errors.malformed);
}

function canonical(text: string, options: CanonicalOptions = strict): string {
  return readCanonicalText(canonicalise(bytesOf(text), options));
}

/** JSON text of a value with members in any order, white space anywhere, and characters escaped at will. */
function messy(value: Json, dice: () => number): string {
  const space = (): string => [" ", "\n", "\t\r", "", ""][dice() % 5] as string;
  const write = (each: Json): string => {
    if (typeof each === "string") return messyText(each, dice);
    if (Array.isArray(each))
      return `[${space()}${each.map((item) => space() + write(item as Json) + space()).join(",")}]`;
    if (typeof each !== "object" || each === null) return String(JSON.stringify(each));
    const members = Object.entries(each).map(([name, member]) => ({ name, member, place: dice() }));
    const shuffled = members.toSorted((a, b) => a.place - b.place);
    const written = shuffled.map(
      ({ name, member }) => `${space()}${messyText(name, dice)}${space()}:${space()}${write(member as Json)}`,
    );
    return `{${space()}${written.join(`${space()},`)}${space()}}`;
  };
  return space() + write(value) + space();
}

function messyText(text: string, dice: () => number): string {
  return JSON.stringify(text).replaceAll(
    /[^"\\\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff]/gu,
    (char, at: number, all: string) => {
      const isEscape = all[at - 1] === "\\" || /\\u[0-9a-f]{0,3}$/.test(all.slice(0, at));
      if (isEscape || dice() % 3 > 0) return char;
      return Array.from(
        { length: char.length },
        (_, k) => `\\u${char.charCodeAt(k).toString(16).padStart(4, "0").toUpperCase()}`,
      ).join("");
    },
  );
}

test("gives what core's encoder gives for the parsed value", () => {
  const property = fc.property(integerJson, fc.infiniteStream(fc.nat(1000)), (value, stream) => {
    const text = messy(value, () => stream.next().value);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    expect(canonicalise(bytesOf(text), strict)).toEqual(formatCanonicalJson(value));
  });
  fc.assert(property, { numRuns: 500 });
});

test("gives the same where members of a common kind are copied unread", () => {
  const plainMember = /"[^"\\\0-\u001f]*":\{"a":[0-9],"b":"[a-z]*"\}/y;
  const row = fc.record({ a: fc.nat(12), b: fc.constantFrom("", "x", "yz", "é", '"', "\n") }, { requiredKeys: ["a"] });
  const table = fc.dictionary(fc.string({ unit: "binary" }), row, { maxKeys: 8 });
  const property = fc.property(table, fc.infiniteStream(fc.nat(1000)), fc.nat(2), (value, stream, style) => {
    const json = value as unknown as Json;
    const text = style === 0 ? messy(json, () => stream.next().value) : JSON.stringify(json, null, style - 1);
    expect(canonicalise(bytesOf(text), { ...strict, plainMember })).toEqual(canonicalise(bytesOf(text), strict));
    const cut = bytesOf(text).subarray(0, stream.next().value % text.length);
    expect(codeOf(() => canonicalise(cut, { ...strict, plainMember }))).toBe(codeOf(() => canonicalise(cut, strict)));
  });
  fc.assert(property, { numRuns: 500 });
  const twice = '{"k":{"a":1,"b":""},"j":{"a":1,"b":""},"k":{"a":2,"b":""}}';
  expect(codeOf(() => canonical(twice, { ...strict, plainMember }))).toBe(codeOf(() => canonical(twice)));
});

describe("the form", () => {
  test.each([
    ['{"b":1,"a":2}', '{"a":2,"b":1}'],
    ['{"a":{"d":1,"c":{"f":[],"e":{}}},"a\\u0020":0}', '{"a":{"c":{"e":{},"f":[]},"d":1},"a ":0}'],
    // By the character itself, not by its escape: " comes before Z, \ after it.
    ['{"aZ":1,"a\\"":2,"a\\\\":3}', String.raw`{"a\"":2,"aZ":1,"a\\":3}`],
    ['{"\\uFB01":1,"\\uD83D\\uDE00":2}', '{"ﬁ":1,"😀":2}'],
    ['["\\b\\f\\n\\r\\t\\/\\u0000\\u001F"]', '["\b\f\n\r\t/\0\u001F"]'],
    ["-0", "0"],
    ["[123456789012345678901234567890,-1]", "[123456789012345678901234567890,-1]"],
    [" null ", "null"],
    ['[true,false,"",[]]', '[true,false,"",[]]'],
  ])("%s", (text, expected) => {
    expect(canonical(text)).toBe(expected);
  });

  test("lax keeps what it cannot write, and the last of two members", () => {
    expect(canonical("[1.50,1E3,-0,1e-7]", lax)).toBe("[1.50,1E3,0,1e-7]");
    expect(canonical('{"b":1,"a":2,"b":3,"a":4,"a":5}', lax)).toBe('{"a":5,"b":3}');
    expect(canonical('{"a":1,"\\u0061":{"z":1,"z":2}}', lax)).toBe('{"a":{"z":2}}');
  });
});

test.each([
  ["", "CORE_JSON_MALFORMED"],
  ["{", "CORE_JSON_MALFORMED"],
  ["[1", "CORE_JSON_MALFORMED"],
  ["[1,]", "CORE_JSON_MALFORMED"],
  ['{"a":1,}', "CORE_JSON_MALFORMED"],
  ['{"a" 1}', "CORE_JSON_MALFORMED"],
  ["{a:1}", "CORE_JSON_MALFORMED"],
  ["01", "CORE_JSON_MALFORMED"],
  ["+1", "CORE_JSON_MALFORMED"],
  ["-", "CORE_JSON_MALFORMED"],
  ["NaN", "CORE_JSON_MALFORMED"],
  ["nul", "CORE_JSON_MALFORMED"],
  ["truex", "CORE_JSON_MALFORMED"],
  ["1 2", "CORE_JSON_MALFORMED"],
  ["\ufeff1", "CORE_JSON_MALFORMED"],
  ["\u00a01", "CORE_JSON_MALFORMED"],
  ['"a', "CORE_JSON_MALFORMED"],
  ['"\n"', "CORE_JSON_MALFORMED"],
  [String.raw`"\x"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\u00g0"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\u00"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\ud800"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\ud800\n"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\ud800\ud800"`, "CORE_JSON_MALFORMED"],
  [String.raw`"\udc00"`, "CORE_JSON_MALFORMED"],
  ['{"a":1,"a":1}', "CORE_JSON_DUPLICATE"],
  ['{"b":1,"a":1,"b":2}', "CORE_JSON_DUPLICATE"],
  [String.raw`[{"a":1,"\u0061":2}]`, "CORE_JSON_DUPLICATE"],
  ["1.0", "CORE_JSON_NOT_CANONICAL"],
  ["[1e2]", "CORE_JSON_NOT_CANONICAL"],
  ["[".repeat(1e6), "CORE_JSON_MALFORMED"],
])("refuses %.20s", (text, code) => {
  expect(codeOf(() => canonical(text))).toBe(code);
});

test("leaves what it was given as it was, also a Buffer, whose slices share its memory", () => {
  const given = Buffer.from('{ "b" : [1, "\\u0041"] , "a":2 }');
  const before = given.toString();
  expect(readCanonicalText(canonicalise(given, strict))).toBe('{"a":2,"b":[1,"A"]}');
  expect(readCanonicalText(readCanonicalMembers(given, strict).get("b") as Uint8Array)).toBe('[1,"A"]');
  expect(given.toString()).toBe(before);
});

test("refuses bytes that are not UTF-8", () => {
  for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
    const text = Uint8Array.of(34, ...bytes, 34);
    expect(codeOf(() => readCanonicalText(canonicalise(text, strict)))).toBe("CORE_JSON_MALFORMED");
  }
});

describe("the outermost object", () => {
  test("gives each member by itself", () => {
    const members = readCanonicalMembers(bytesOf(' { "b" : [1 , 2] , "a\\n" : {"d":1,"c":2} } '), strict);
    const read = [...members].map(([name, bytes]) => [name, readCanonicalText(bytes)]);
    expect(read).toEqual([
      ["b", "[1,2]"],
      ["a\n", '{"c":2,"d":1}'],
    ]);
    expect(readCanonicalMembers(bytesOf("{}"), strict).size).toBe(0);
  });

  test.each(["[]", "1", "", '{"a":1}x', '{"a":1}{"b":2}'])("refuses %s", (text) => {
    expect(codeOf(() => readCanonicalMembers(bytesOf(text), strict))).toBe("CORE_JSON_MALFORMED");
  });

  test("has each member once, or the last of them", () => {
    const twice = bytesOf('{"a":1,"a":2}');
    expect(codeOf(() => readCanonicalMembers(twice, strict))).toBe("CORE_JSON_DUPLICATE");
    expect(readCanonicalText(readCanonicalMembers(twice, lax).get("a") as Uint8Array)).toBe("2");
  });

  test("has no more members than any honest one", () => {
    const many = (count: number): Uint8Array =>
      bytesOf(`{${Array.from({ length: count }, (_, k) => `"${k}":0`).join()}}`);
    expect(readCanonicalMembers(many(maxOuterMembers), strict).size).toBe(maxOuterMembers);
    expect(codeOf(() => readCanonicalMembers(many(maxOuterMembers + 1), strict))).toBe("CORE_JSON_MALFORMED");
  });
});

test("nests as deep as allowed and no deeper", () => {
  const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  expect(canonical(nested(maxCanonicalReadDepth - 1))).toBe(nested(maxCanonicalReadDepth - 1));
  expect(codeOf(() => canonical(nested(maxCanonicalReadDepth)))).toBe("CORE_JSON_MALFORMED");
});

test("100,000 members in the worst order are sorted in good time", () => {
  const names = Array.from(
    { length: 100_000 },
    (_, k) => `"${"x".repeat(40)}${String(99_999 - k).padStart(6, "0")}":0`,
  );
  const started = process.threadCpuUsage();
  const sorted = canonical(`{${names.join()}}`);
  expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(5000);
  expect(sorted).toBe(`{${names.toReversed().join()}}`);
});

test("what only Python's json reads is a fraction where that is asked for, and else no JSON", () => {
  const python: CanonicalOptions = { numbers: "python", duplicates: "refuse", errors };
  for (const word of ["NaN", "Infinity", "-Infinity"]) {
    expect(canonical(`{"b":[${word},1],"a":${word}}`, python)).toBe('{"a":1.5,"b":[1.5,1]}');
    expect(codeOf(() => canonical(`{"a":${word}}`, lax))).toBe("CORE_JSON_MALFORMED");
  }
  for (const word of ["nan", "-NaN", "Inf", "NaN1"])
    expect(codeOf(() => canonical(`{"a":${word}}`, python))).toBe("CORE_JSON_MALFORMED");
  expect(canonical('{"a":[-1.50,2e3]}', python)).toBe('{"a":[-1.50,2e3]}');
});
