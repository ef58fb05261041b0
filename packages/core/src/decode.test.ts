import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64 } from "./bytes.ts";
import { readObject } from "./decode.ts";
import { coreError, TrustError } from "./errors.ts";
import { parseJson } from "./json.ts";
import { codeOf } from "./sample.contract.ts";
import type { ObjectReader } from "./decode.ts";
import type { Json } from "./json.ts";

const open = (value: Json): ObjectReader =>
  readObject(value, "thing", (detail) => coreError("CORE_ENVELOPE_MALFORMED", detail));
const read = (text: string): ObjectReader => open(parseJson(text));
const messageOf = (attempt: () => unknown): string => {
  try {
    attempt();
    return "";
  } catch (error) {
    if (error instanceof TrustError) return error.message;
    throw error;
  }
};

const kinds = ["1", '"x"', "true", "null", "[]", "{}"] as const;

describe("each method takes its own type", () => {
  const methods: Readonly<
    Record<string, { readonly takes: readonly string[]; readonly call: (from: ObjectReader) => unknown }>
  > = {
    string: { takes: ['"x"'], call: (from) => from.string("a") },
    bytes: { takes: [], call: (from) => from.bytes("a") },
    integer: { takes: ["1"], call: (from) => from.integer("a") },
    number: { takes: ["1"], call: (from) => from.number("a") },
    boolean: { takes: ["true"], call: (from) => from.boolean("a") },
    object: { takes: ["{}"], call: (from) => from.object("a") },
    array: { takes: ["[]"], call: (from) => from.array("a", 4) },
    json: { takes: kinds, call: (from) => from.json("a") },
    oneOf: { takes: ['"x"'], call: (from) => from.oneOf("a", ["x", "y"]) },
    optionalString: { takes: ['"x"', "null"], call: (from) => from.optionalString("a") },
    optionalBytes: { takes: ["null"], call: (from) => from.optionalBytes("a") },
    optionalInteger: { takes: ["1", "null"], call: (from) => from.optionalInteger("a") },
    optionalBoolean: { takes: ["true", "null"], call: (from) => from.optionalBoolean("a") },
    optionalObject: { takes: ["{}", "null"], call: (from) => from.optionalObject("a") },
    optionalArray: { takes: ["[]", "null"], call: (from) => from.optionalArray("a", 4) },
    optionalBytesArray: { takes: ["[]", "null"], call: (from) => from.optionalBytesArray("a", 4) },
    optionalJson: { takes: kinds, call: (from) => from.optionalJson("a") },
  };

  test.each(Object.entries(methods))("%s", (name, { takes, call }) => {
    for (const kind of kinds) {
      const expected = takes.includes(kind) ? "taken" : "CORE_ENVELOPE_MALFORMED";
      expect(
        codeOf(() => call(read(`{"a":${kind}}`))),
        kind,
      ).toBe(expected);
    }
    expect(codeOf(() => call(read("{}")))).toBe(name.startsWith("optional") ? "taken" : "CORE_ENVELOPE_MALFORMED");
    if (!name.startsWith("optional")) return;
    expect(call(read("{}"))).toBeUndefined();
    expect(call(read('{"a":null}'))).toBeUndefined();
  });

  test("members that every object inherits are not there", () => {
    for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
      expect(read("{}").has(name)).toBe(false);
      expect(read("{}").optionalJson(name)).toBeUndefined();
      expect(codeOf(() => read("{}").json(name))).toBe("CORE_ENVELOPE_MALFORMED");
    }
    expect(read('{"__proto__":"x"}').string("__proto__")).toBe("x");
  });

  test("only an object is one", () => {
    for (const value of [null, [], "x", 1, true]) expect(codeOf(() => open(value))).toBe("CORE_ENVELOPE_MALFORMED");
  });
});

describe("values", () => {
  test("bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(open({ a: base64(bytes) }).bytes("a")).toEqual(bytes);
      }),
    );
    expect(codeOf(() => open({ a: "AA" }).bytes("a"))).toBe("CORE_ENVELOPE_MALFORMED");
    expect(open({ a: ["AAA=", ""] }).optionalBytesArray("a", 2)).toEqual([Uint8Array.of(0, 0), Uint8Array.of()]);
    for (const bad of [["AA"], [1], [null], ["", "", ""]])
      expect(codeOf(() => open({ a: bad }).optionalBytesArray("a", 2))).toBe("CORE_ENVELOPE_MALFORMED");
  });

  test("integers of 64 bits, as text or number", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.maxSafeInteger(), (large, small) => {
        expect(open({ a: String(large) }).integer("a")).toBe(large);
        expect(open({ a: small }).integer("a")).toBe(BigInt(small));
        expect(open({ a: String(small) }).optionalInteger("a")).toBe(BigInt(small));
      }),
    );
  });

  test.each([
    '"9223372036854775808"',
    '"-9223372036854775809"',
    '"01"',
    '"-0"',
    '"+1"',
    '" 1"',
    '"1 "',
    '"1e3"',
    '"0x1"',
    '""',
    '"1.0"',
    "1.5",
    "9007199254740992",
    "1e300",
    '"١"',
  ])("refuses the integer %s", (text) =>
    expect(codeOf(() => read(`{"a":${text}}`).integer("a"))).toBe("CORE_ENVELOPE_MALFORMED"),
  );

  test("arrays up to the count", () => {
    expect(read('{"a":[1,2]}').array("a", 2)).toEqual([1, 2]);
    expect(codeOf(() => read('{"a":[1,2]}').array("a", 1))).toBe("CORE_ENVELOPE_MALFORMED");
    expect(codeOf(() => read('{"a":[1,2]}').optionalArray("a", 1))).toBe("CORE_ENVELOPE_MALFORMED");
  });

  test("one of several texts", () => {
    expect(read('{"a":"y"}').oneOf("a", ["x", "y"])).toBe("y");
    expect(codeOf(() => read('{"a":"Y"}').oneOf("a", ["x", "y"]))).toBe("CORE_ENVELOPE_MALFORMED");
  });
});

describe("unknown members", () => {
  test("what was never read is refused, what was asked for in vain is not", () => {
    const reader = read('{"a":1,"b":null}');
    reader.optionalString("missing");
    expect(codeOf(() => reader.refuseUnknown())).toBe("CORE_ENVELOPE_MALFORMED");
    reader.number("a");
    expect(messageOf(() => reader.refuseUnknown())).toContain('"b"');
    reader.optionalString("b");
    reader.refuseUnknown();
  });

  test("looking with has is not reading", () => {
    const reader = read('{"a":1}');
    expect(reader.has("a")).toBe(true);
    expect(codeOf(() => reader.refuseUnknown())).toBe("CORE_ENVELOPE_MALFORMED");
  });

  test("their names are quoted", () => {
    expect(messageOf(() => read(String.raw`{"\u001b[31m":1}`).refuseUnknown())).toContain(String.raw`"\u001b[31m"`);
  });
});

test("a message names the path", () => {
  const inner = read('{"a":{"b":{"c":1}}}').object("a").object("b");
  expect(messageOf(() => inner.string("c"))).toContain("thing.a.b.c, expected a string, got a number");
});
