import { describe, expect, test } from "vitest";
import fc from "fast-check";
import { base64, compareBytes, concatBytes, equalBytes, hex, parseBase64, parseHex, parseUtf8, utf8 } from "./bytes.ts";
import { TrustError } from "./errors.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function refuse(parse: () => unknown): void {
  try {
    parse();
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code: "CORE_TEXT_MALFORMED", kind: "malformed" });
    return;
  }
  expect.unreachable("accepted");
}

describe("base64", () => {
  // RFC 4648 §10.
  test.each([
    ["", ""],
    ["f", "Zg=="],
    ["fo", "Zm8="],
    ["foo", "Zm9v"],
    ["foob", "Zm9vYg=="],
    ["fooba", "Zm9vYmE="],
    ["foobar", "Zm9vYmFy"],
  ])("%j is %j", (text, encoded) => {
    expect(base64(utf8(text))).toBe(encoded);
    expect(parseUtf8(parseBase64(encoded))).toBe(text);
  });

  test("property: as node:buffer writes it, and back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        const encoded = base64(value);
        expect(encoded).toBe(Buffer.from(value).toString("base64"));
        expect(equalBytes(parseBase64(encoded), value)).toBe(true);
      }),
    );
  });

  test("property: a text is read exactly if it is what its bytes are written as", () => {
    const char = fc.constantFrom(...`${alphabet}==-_ \n\u00e9\uff21\u{1f600}`);
    fc.assert(
      fc.property(fc.array(char, { maxLength: 12 }), (chars) => {
        const text = chars.join("");
        const isCanonical = Buffer.from(text, "base64").toString("base64") === text;
        if (isCanonical) expect(base64(parseBase64(text))).toBe(text);
        else refuse(() => parseBase64(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("every pair of letters before the padding: only those without stray bits", () => {
    let accepted = 0;
    for (const a of alphabet)
      for (const b of alphabet) {
        const text = `${a}${b}==`;
        if (Buffer.from(text, "base64").toString("base64") === text) {
          expect(base64(parseBase64(text))).toBe(text);
          accepted++;
        } else refuse(() => parseBase64(text));
      }
    expect(accepted).toBe(256);
  });

  test.each([
    ["no padding", "Zg"],
    ["half the padding", "Zg="],
    ["too much padding", "Zg==="],
    ["padding alone", "="],
    ["four of padding", "===="],
    ["three of padding", "Z==="],
    ["padding in the middle", "Zg==Zg=="],
    ["padding before a letter", "Zm=v"],
    ["stray bits, one byte", "Zh=="],
    ["stray bits, two bytes", "Zm9="],
    ["URL alphabet", "-_-_"],
    ["space", "Zm9v Zm9"],
    ["line break inside", "Zm9v\nZm9"],
    ["line break after", "Zm9v\n"],
    ["NUL", "Zm9\0"],
    ["full-width letter", "\uff3am9v"],
    ["letter whose low byte is in the alphabet", "\u0141m9v"],
    ["letter whose low seven bits are in the alphabet", "\u00c1m9v"],
    ["lone surrogate", "\ud841m9v"],
    ["pair of surrogates", "\u{20041}9v"],
    ["letter outside before padding", "\u00c1g=="],
    ["letter outside before one padding", "Zm\u00c1="],
  ])("%s is refused", (_, text) => refuse(() => parseBase64(text)));

  test.each([4092, 4096, 4100, 40_000])("%i letters, and one wrong at every border", (length) => {
    const good = "Zm9v".repeat(length / 4);
    expect(base64(parseBase64(good))).toBe(good);
    for (const at of [0, 1, length / 2, 4091, 4092, 4095, 4096, length - 1].filter((at) => at < length))
      for (const wrong of ["-", "é", "世", "\ud800", "="])
        if (wrong !== "=" || at !== length - 1)
          refuse(() => parseBase64(good.slice(0, at) + wrong + good.slice(at + 1)));
  });

  test("a result is never a view of a shared buffer", () => {
    const first = parseBase64("AAAA");
    parseBase64("////");
    expect([...first]).toEqual([0, 0, 0]);
    expect(first.buffer.byteLength).toBe(3);
  });

  test("a subarray is written as itself", () => {
    const whole = Uint8Array.of(9, 1, 2, 3, 9);
    expect(base64(whole.subarray(1, 4))).toBe("AQID");
  });

  test("16 MiB of it take linear time", () => {
    const started = performance.now();
    expect(parseBase64(base64(new Uint8Array(12 * 1024 * 1024))).length).toBe(12 * 1024 * 1024);
    expect(performance.now() - started).toBeLessThan(3000);
  });
});

describe("hex", () => {
  test("property: as node:buffer writes it, and back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(hex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(equalBytes(parseHex(hex(value)), value)).toBe(true);
      }),
    );
  });

  test.each(["0", "000", "AB", "0g", "g0", " 0", "0x", "0\n", "\u0130\u0131", "\u01b00", "0\u00b0", "\ud800\udc00"])(
    "%j is refused",
    (text) => refuse(() => parseHex(text)),
  );
});

describe("UTF-8", () => {
  test("property: a well-formed text comes back", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void expect(parseUtf8(utf8(text))).toBe(text)));
  });

  test("a byte order mark stays", () => expect(parseUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61))).toBe("\ufeffa"));

  test.each([
    ["overlong NUL", [0xc0, 0x80]],
    ["overlong slash", [0xe0, 0x80, 0xaf]],
    ["surrogate", [0xed, 0xa0, 0x80]],
    ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["lone continuation", [0x80]],
    ["cut short", [0xe4, 0xb8]],
    ["0xff", [0xff]],
    ["Latin-1", [0x61, 0xe9]],
  ])("%s is refused", (_, value) => refuse(() => parseUtf8(Uint8Array.from(value))));

  test("property: bytes are read exactly if a decoder that replaces would give them back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        if (Buffer.from(Buffer.from(value).toString("utf8")).equals(value))
          expect(utf8(parseUtf8(value))).toEqual(value);
        else refuse(() => parseUtf8(value));
      }),
    );
  });
});

describe("byte strings", () => {
  test("equalBytes compares length and every byte", () => {
    const value = Uint8Array.of(1, 2, 3);
    expect(equalBytes(value, Uint8Array.of(1, 2, 3))).toBe(true);
    for (const other of [[], [1, 2], [1, 2, 3, 0], [0, 2, 3], [1, 2, 4]])
      expect(equalBytes(value, Uint8Array.from(other))).toBe(false);
    expect(equalBytes(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  test("property: compareBytes orders as node:buffer does", () => {
    fc.assert(
      fc.property(bytes, bytes, (a, b) => void expect(Math.sign(compareBytes(a, b))).toBe(Buffer.compare(a, b))),
    );
    fc.assert(
      fc.property(
        bytes,
        bytes,
        (a, b) => void expect(compareBytes(a, concatBytes(a, b, Uint8Array.of(0)))).toBeLessThan(0),
      ),
    );
  });

  test("property: concatBytes joins into a fresh array", () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 5 }), (parts) => {
        const whole = concatBytes(...parts);
        expect(Buffer.concat(parts).equals(whole)).toBe(true);
        expect(parts.every((part) => part.buffer !== whole.buffer)).toBe(true);
      }),
    );
  });
});
