import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64, compareBytes, concatBytes, equalBytes, hex, parseBase64, parseHex, parseUtf8, utf8 } from "./bytes.ts";
import { codeOf } from "./sample.contract.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

describe("base64", () => {
  test.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("RFC 4648 §10: %j", (text, encoded) => {
    expect(base64(utf8(text))).toBe(encoded);
    expect(parseUtf8(parseBase64(encoded))).toBe(text);
  });

  test("a part of a larger buffer is written as itself, and what is read has its own", () => {
    const whole = Uint8Array.from({ length: 40 }, (_, at) => at);
    expect(base64(whole.subarray(5, 9))).toBe(base64(whole.slice(5, 9)));
    expect(parseBase64("AAAA").buffer.byteLength).toBe(3);
  });

  test("is what the platform writes, and reads back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const text = base64(value);
        expect(text).toBe(Buffer.from(value).toString("base64"));
        expect(parseBase64(text)).toEqual(value);
      }),
    );
  });

  test("every length up to 10 kB reads back", () => {
    for (let length = 0; length < 10_000; length += length < 20 ? 1 : 997) {
      const value = Uint8Array.from({ length }, (_, at) => (at * 7) ^ (at >> 3));
      expect(parseBase64(base64(value))).toEqual(value);
    }
  });

  test("a text is taken exactly if the platform would write it again", () => {
    const letter = fc.constantFrom(...`${alphabet}==-_ \n.\u0000\u0141é`);
    fc.assert(
      fc.property(fc.string({ unit: letter, maxLength: 12 }), (text) => {
        const canonical = Buffer.from(text, "base64").toString("base64") === text;
        expect(codeOf(() => parseBase64(text))).toBe(canonical ? "taken" : "CORE_TEXT_MALFORMED");
      }),
      { numRuns: 3000 },
    );
  });

  test("of all last letters only those without stray bits are taken", () => {
    const taken = (text: string): boolean => codeOf(() => parseBase64(text)) === "taken";
    expect([...alphabet].filter((last) => taken(`AAAAA${last}==`)).join("")).toBe("AQgw");
    expect([...alphabet].filter((last) => taken(`AAAAAA${last}=`)).join("")).toBe("AEIMQUYcgkosw048");
  });

  test.each([
    ["no padding", "AA"],
    ["half a padding", "AA="],
    ["padding alone", "===="],
    ["too much padding", "A==="],
    ["padding in the middle", "AA==AA=="],
    ["padding before a letter", "AA=A"],
    ["one letter", "AAAAA"],
    ["white space at the end", "AAA=\n"],
    ["white space inside", "AA A"],
    ["line break inside", "AAAA\nAAA"],
    ["URL alphabet", "-_-_"],
    ["letter beyond Latin-1 with the low bits of A", "\u0141AAA"],
    ["such a letter in the last group", "A\u0141=="],
    ["half of a surrogate pair", "AAA\ud83d"],
    ["NUL", "AAA\u0000"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => parseBase64(text))).toBe("CORE_TEXT_MALFORMED");
  });

  // Letters are read by way of an array of 16,384 bytes, or of a fresh one if there are more.
  test.each([16_380, 16_384, 16_388, 40_000])("%i letters, and a wrong one at every border", (length) => {
    const good = "Zm9v".repeat(length / 4);
    expect(base64(parseBase64(good))).toBe(good);
    for (const at of [0, 1, length / 2, 16_379, 16_380, 16_383, 16_384, length - 1].filter((at) => at < length))
      for (const wrong of ["-", "é", "世", "\ud800"]) {
        parseBase64(good);
        expect(codeOf(() => parseBase64(good.slice(0, at) + wrong + good.slice(at + 1)))).toBe("CORE_TEXT_MALFORMED");
      }
  });

  test("a result is never a view of the array that is used again", () => {
    const first = parseBase64("AAAA");
    parseBase64("////");
    expect([...first]).toEqual([0, 0, 0]);
    expect(first.buffer.byteLength).toBe(3);
  });

  test("a subarray is written as itself", () =>
    expect(base64(Uint8Array.of(9, 1, 2, 3, 9).subarray(1, 4))).toBe("AQID"));

  test("16 MiB of it take linear time", () => {
    const started = process.threadCpuUsage();
    expect(parseBase64(base64(new Uint8Array(12 * 1024 * 1024))).length).toBe(12 * 1024 * 1024);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(3000);
  });

  test("a refusal repeats nothing of the text", () => {
    expect(() => parseBase64("c2VjcmV0 ")).toThrow(/9 characters/);
    expect(() => parseBase64("c2VjcmV0 ")).not.toThrow(/c2V/);
  });
});

describe("hex", () => {
  test("is what the platform writes, and reads back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(hex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(parseHex(hex(value))).toEqual(value);
      }),
    );
  });

  test.each([
    ["capitals", "AB"],
    ["odd length", "abc"],
    ["one digit", "a"],
    ["sign", "+a"],
    ["prefix", "0xab"],
    ["space", "a "],
    ["a letter past f", "ag"],
    ["full-width digits", "\uff11\uff12"],
    ["low bits of a digit", "\u0131\u0132"],
  ])("refuses %s", (_, text) => expect(codeOf(() => parseHex(text))).toBe("CORE_TEXT_MALFORMED"));
});

describe("UTF-8", () => {
  test("text reads back, with a byte order mark too", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(parseUtf8(utf8(text))).toBe(text);
      }),
    );
    expect(parseUtf8(parseHex("efbbbf41"))).toBe("\ufeffA");
  });

  test.each([
    ["overlong slash", "c0af"],
    ["overlong NUL", "c080"],
    ["surrogate", "eda080"],
    ["beyond U+10FFFF", "f4908080"],
    ["cut short", "e282"],
    ["lone continuation", "80"],
    ["0xff", "ff"],
  ])("refuses %s", (_, text) => expect(codeOf(() => parseUtf8(parseHex(text)))).toBe("CORE_TEXT_MALFORMED"));
});

describe("comparing and joining", () => {
  test("as Buffer does", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => {
        expect(equalBytes(a, b)).toBe(Buffer.from(a).equals(b));
        expect(equalBytes(a, a.slice())).toBe(true);
        expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b));
        expect(concatBytes(a, b, a)).toEqual(new Uint8Array(Buffer.concat([a, b, a])));
      }),
    );
  });

  test("a difference in any one byte is seen", () => {
    const a = new Uint8Array(40);
    for (let at = 0; at < 40; at++) expect(equalBytes(a, a.with(at, 1))).toBe(false);
  });
});
