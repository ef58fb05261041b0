import { existsSync, globSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { parseHex, utf8 } from "./bytes.ts";
import { TrustError } from "./errors.ts";
import { parseJson, type Json } from "./json.ts";
import { refuse, expectSame, accept, isAccepted } from "./json.contract.ts";

const shared = new URL("../../../../shared/data/", import.meta.url).pathname;

const vectors = JSON.parse(readFileSync(new URL("../vectors/json/refused.json", import.meta.url), "utf8")) as readonly {
  readonly why: string;
  readonly text?: string;
  readonly hex?: string;
  readonly code: string;
}[];

describe("what JSON.parse reads", () => {
  test.each([
    "null",
    "true",
    "false",
    "0",
    "-0",
    "1",
    "-1",
    "10",
    "1.5",
    "-1.5e-7",
    "1E+2",
    "1e2",
    "0e0",
    "0.0",
    "1e308",
    "5e-324",
    "1e-999",
    '""',
    '"a"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u0000\\u001f\\uFFFF"',
    '"\\ud83d\\ude00"',
    '"😀"',
    '"\u007f\u2028\u2029\ufeff"',
    "[]",
    "[ ]",
    "[1]",
    "[1,2]",
    "[[],[[]]]",
    "{}",
    "{ }",
    '{"a":1}',
    '{"":{"":""}}',
    '{"a":{"b":[1,{"c":null}]}}',
    " \t\r\n[ \t\r\n1 \t\r\n, \t\r\n2 \t\r\n] \t\r\n",
    ' { "a" : 1 , "b" : 2 } ',
    '{"1":1,"0":0,"4294967295":1,"-1":1}',
    '{"length":1,"toString":2,"constructor":3,"hasOwnProperty":4}',
    "9007199254740993",
    "123456789012345678901234567890",
    "0.1000000000000000055511151231257827",
  ])("%s", (text) => expectSame(accept(text), JSON.parse(text)));

  test("property: every value that JSON can hold, whatever its white space", () => {
    const space = fc.constantFrom(0, 1, "\t", "\r\n");
    fc.assert(
      fc.property(fc.json({ stringUnit: "binary", maxDepth: 6 }), space, (text, indent) => {
        const value: unknown = JSON.parse(text);
        fc.pre(JSON.stringify(value).isWellFormed() && !/\\u[dD][89a-fA-F]/.test(text));
        expectSame(accept(JSON.stringify(value, null, indent)), value);
      }),
    );
  });

  test("property: a text of JSON's own characters is read exactly if JSON.parse reads it and no name is twice", () => {
    const token = fc.constantFrom(
      ...'[]{},:""\\0123-+.eE',
      "true",
      "null",
      '"a"',
      '"b"',
      '"c":',
      "\\u00",
      " ",
      "\n",
      "\u0001",
      "é",
      "NaN",
      "//",
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 9 }), (tokens) => {
        const text = tokens.join("");
        let value: unknown;
        try {
          value = JSON.parse(text);
        } catch {
          expect(isAccepted(text)).toBe(false);
          return;
        }
        if (isAccepted(text)) expectSame(accept(text), value);
        // The only thing left to refuse for is a name that stands twice, or a number beyond a double.
        else expect(/(?:("[abc]").*\1)|[eE]/s.test(text)).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test.skipIf(!existsSync(shared))("every JSON file of the shared data that is no trap", () => {
    const files = globSync(["sigstore/**/*.json", "sigstore/real/*.sigstore", "tuf/**/*.json", "tlog/**/*.json"], {
      cwd: shared,
    });
    expect(files.length).toBeGreaterThan(50);
    for (const file of files) {
      const bytes = readFileSync(`${shared}${file}`);
      expectSame(parseJson(bytes), JSON.parse(bytes.toString("utf8")), file);
    }
  });
});

describe("refused", () => {
  test.each(vectors)("$why", ({ text, hex, code }) => refuse(text ?? parseHex(hex ?? ""), code));

  test.each([
    "",
    " ",
    "\n",
    "nul",
    "nulll",
    "True",
    "undefined",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "00",
    "1.",
    ".5",
    "1.e2",
    "1e",
    "1e+",
    "0x1",
    "1_000",
    "1 2",
    "- 1",
    '"',
    '"a',
    '"\\',
    '"\\"',
    '"\\x41"',
    '"\\u12"',
    '"\\u 123"',
    '"\\u{61}"',
    '"\\U0061"',
    '"a\nb"',
    '"a\tb"',
    '"\u0000"',
    '"\u001f"',
    "'a'",
    '"a" "b"',
    '"a""b"',
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[,]",
    "[1 2]",
    "[1:2]",
    "[1}",
    "{",
    "}",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    '{,"a":1}',
    "{1:2}",
    "{a:1}",
    "{'a':1}",
    '{"a" 1}',
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{"a":1]',
    "{null:1}",
    "[1]x",
    "{}{}",
    "[] []",
    "null\0",
    "[1]//x",
    "/**/1",
    "\ufeff{}",
    "{}\ufeff",
    "\u00a01",
    "1\u2028",
    "\v1",
    "\f1",
    "{}\u0000",
    "1e309",
    "-1e309",
    "1e999",
    `${"9".repeat(400)}`,
  ])("%j", (text) => {
    refuse(text);
    refuse(utf8(text));
  });

  test.each([
    ["escaped high", String.raw`"\ud83d"`],
    ["escaped low", String.raw`"\ude00"`],
    ["escaped, wrong order", String.raw`"\ude00\ud83d"`],
    ["escaped, two high", String.raw`"\ud83d\ud83d\ude00"`],
    ["escaped, apart", String.raw`"\ud83d \ude00"`],
    ["in a name", String.raw`{"\ud83d":1}`],
    ["raw high", '"\ud83d"'],
    ["raw low", '["\ude00"]'],
    ["raw high, escaped low", '"\ud83d\\ude00"'],
    ["escaped high, raw low", '"\\ud83d\ude00"'],
    ["outside strings", "\ud83d"],
  ])("lone surrogate: %s", (_, text) => refuse(text));

  test.each([
    ["byte order mark", [0xef, 0xbb, 0xbf, 0x31]],
    ["UTF-16", [0x31, 0x00]],
    ["UTF-16 with a mark", [0xff, 0xfe, 0x31, 0x00]],
    ["overlong quotation mark", [0xc0, 0xa2, 0x22]],
    ["encoded surrogate", [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ["Latin-1", [0x22, 0xe9, 0x22]],
    ["cut character", [0x22, 0xf0, 0x9f, 0x98, 0x22]],
    ["cut character before the quotation mark", [0x22, 0xc3, 0x22, 0x22]],
    ["cut character in a name", [0x7b, 0x22, 0xc3, 0x22, 0x3a, 0x31, 0x7d]],
    ["character between values", [0x5b, 0xc2, 0xa0, 0x5d]],
    ["escaped character of two bytes", [0x22, 0x5c, 0xc3, 0xa9, 0x22]],
  ])("bytes: %s", (_, bytes) => refuse(Uint8Array.from(bytes)));

  test("property: bytes are read as their text is, and refused in the same words", () => {
    const outcome = (input: string | Uint8Array): unknown => {
      try {
        return parseJson(input);
      } catch (error) {
        return error instanceof TrustError ? error.message : error;
      }
    };
    const pieces = fc.constantFrom(...'{}[],:"\\"', "é", "—", "😀", "\n", '"a"', '"é—"', "1", " ", "\u00a0", "null");
    fc.assert(
      fc.property(fc.string({ unit: pieces, maxLength: 12 }), (text) => {
        expectSame(outcome(utf8(text)), outcome(text), text);
        expectSame(outcome(utf8(`["é",${text}]`)), outcome(`["é",${text}]`), text);
      }),
      { numRuns: 2000 },
    );
  });

  test("a message repeats hostile text only escaped and cut", () => {
    expect(() => parseJson(`[\u202e${"x".repeat(10_000)}`)).toThrow(
      /^not strict JSON: character 1, expected a value, got "\\u202ex{19}"$/,
    );
  });
});

describe("names", () => {
  test.each([
    ['{"a":1,"a":2}'],
    ['{"a":1,"a":1}'],
    [String.raw`{"a":1,"\u0061":2}`],
    [String.raw`{"\u0061":1,"\u0061":2}`],
    [String.raw`{"/":1,"\/":2}`],
    [String.raw`{"😀":1,"\ud83d\ude00":2}`],
    ['{"":1,"":2}'],
    ['{"__proto__":1,"__proto__":2}'],
    [String.raw`{"__proto__":1,"\u005f_proto__":2}`],
    ['{"constructor":1,"constructor":2}'],
    ['{"0":1,"0":2}'],
    ['[{"x":{"a":1,"b":2,"a":3}}]'],
  ])("twice: %s", (text) => refuse(text, "CORE_JSON_DUPLICATE"));

  test.each([
    ['{"a":{"a":1}}'],
    ['[{"a":1},{"a":1}]'],
    ['{"a":1,"A":2}'],
    ['{"0":1,"00":2}'],
    ['{"a":1,"a ":2,"a\\u0000":3}'],
    ['{"é":1,"e\u0301":2}'],
  ])("not twice: %s", (text) => expectSame(accept(text), JSON.parse(text)));

  test.each([
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "__defineGetter__",
    "then",
    "toJSON",
  ])("%s is a member like any other", (name) => {
    const value = accept(`{"${name}":{"polluted":true}}`) as Record<string, Json>;
    expect(Object.keys(value)).toEqual([name]);
    expect(Object.getOwnPropertyDescriptor(value, name)?.value).toEqual({ polluted: true });
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect("polluted" in value).toBe(false);
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  test("__proto__ may hold null, text and arrays", () => {
    for (const inner of ["null", '"x"', "[1]"])
      expect(JSON.stringify(accept(`{"__proto__":${inner}}`))).toBe(`{"__proto__":${inner}}`);
  });
});

describe("mangling", () => {
  const text = '{"a":[1,-2.5e3,"x\\n\\u00e9😀",{"b":null,"__proto__":true}],"c":{"d":"e"}}';
  const bytes = utf8(text);

  test("cut at every byte: refused", () => {
    for (let at = 0; at < bytes.length; at++) expect(isAccepted(bytes.subarray(0, at))).toBe(false);
  });

  test("every byte flipped in every bit, dropped, repeated: a value as JSON.parse reads it, or a TrustError", () => {
    const mangled = [...bytes.keys()].flatMap((at) => [
      ...Array.from({ length: 8 }, (_, bit) => bytes.with(at, (bytes[at] as number) ^ (1 << bit))),
      Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]),
      Uint8Array.from([...bytes.subarray(0, at + 1), ...bytes.subarray(at)]),
    ]);
    let accepted = 0;
    for (const each of mangled) {
      if (!isAccepted(each)) continue;
      accepted++;
      expectSame(parseJson(each), JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(each)));
    }
    expect(accepted).toBeGreaterThan(10);
    expect(accepted).toBeLessThan(mangled.length);
  });
});
