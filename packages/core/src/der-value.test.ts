import { GeneralizedTime, Integer, ObjectIdentifier, UTCTime, Utf8String } from "asn1js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hex, parseHex, utf8 } from "./bytes.ts";
import { parseDer } from "./der.ts";
import {
  maxIntegerBytes,
  maxOidBytes,
  readAscii,
  readBitString,
  readBoolean,
  readInteger,
  readNamedBits,
  readOctets,
  readOid,
  readTime,
  readUtf8String,
} from "./der-value.ts";
import {
  derBitString,
  derBoolean,
  derExplicit,
  derImplicit,
  derInteger,
  derNull,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8,
} from "./der-writer.ts";
import { codeOf } from "./sample.contract.ts";
import type { DerNode } from "./der.ts";

const read = <T>(reader: (node: DerNode) => T, bytes: Uint8Array): T => reader(parseDer(bytes));
const fresh = (buffer: ArrayBuffer): Uint8Array => new Uint8Array(buffer);

describe("what one writes the other reads, as asn1js does", () => {
  test("INTEGER", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 300n), max: 2n ** 300n }), (value) => {
        expect(read(readInteger, derInteger(value))).toBe(value);
        expect(derInteger(value)).toEqual(fresh(Integer.fromBigInt(value).toBER()));
      }),
    );
    for (const value of [0, 1, -1, 127, 128, -128, -129, 255, 256, 65_535]) {
      expect(read(readInteger, derInteger(value))).toBe(BigInt(value));
    }
    expect(hex(derInteger(-129))).toBe("0202ff7f");
  });

  test("OBJECT IDENTIFIER", () => {
    const arc = fc.oneof(fc.nat(200), fc.maxSafeNat());
    const root = fc.oneof(fc.tuple(fc.constantFrom(0, 1), fc.nat(39)), fc.tuple(fc.constant(2), fc.maxSafeNat()));
    fc.assert(
      fc.property(root, fc.array(arc, { maxLength: 6 }), (first, rest) => {
        const dotted = [...first, ...rest].join(".");
        expect(read(readOid, derOid(dotted))).toBe(dotted);
      }),
    );
    for (const dotted of ["1.3.6.1.4.1.57264.1.8", "2.5.29.17", "0.39", "1.39", "2.39", "2.40", "2.999.3"])
      expect(derOid(dotted), dotted).toEqual(fresh(new ObjectIdentifier({ value: dotted }).toBER()));
    // A UUID as an arc (X.667) has 128 bits.
    // Under these two the texts are ready; just beside them they are put together.
    for (const prefix of ["2.5.29", "1.3.6.1.4.1.57264.1"]) {
      for (const arcs of [`${prefix}`, ...Array.from({ length: 130 }, (_, arc) => `${prefix}.${arc}`), `${prefix}.1.1`])
        expect(read(readOid, derOid(arcs))).toBe(arcs);
    }
    expect(read(readOid, derOid("2.25.329800735698586629295641978511506172918"))).toBe(
      "2.25.329800735698586629295641978511506172918",
    );
    expect(read(readOid, derOid(`2.${2n ** 90n}.1`))).toBe(`2.${2n ** 90n}.1`);
  });

  test("BOOLEAN, NULL, strings and tags", () => {
    expect([read(readBoolean, derBoolean(true)), read(readBoolean, derBoolean(false))]).toEqual([true, false]);
    expect(parseDer(derNull()).tag).toBe(5);
    expect(hex(derImplicit(6, utf8("a")))).toBe("860161");
    expect(hex(derExplicit(3, derNull()))).toBe("a3020500");
    expect(hex(derSet(derInteger(2), derInteger(1)))).toBe("3106020101020102");
    expect(hex(derSequence())).toBe("3000");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.string({ unit: "grapheme" }), (bytes, text) => {
        expect(read(readOctets, derOctets(bytes))).toEqual(bytes);
        expect(read(readBitString, derBitString(bytes))).toEqual(bytes);
        expect(read(readUtf8String, derUtf8(text))).toBe(text);
        expect(derUtf8(text)).toEqual(fresh(new Utf8String({ value: text }).toBER()));
      }),
    );
  });

  test("times", () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date("0000-01-01T00:00:00Z"), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
        (date) => {
          expect(read(readTime, derTime(date.getTime()))).toBe(Math.floor(date.getTime() / 1000) * 1000);
        },
      ),
    );
    const date = new Date("2024-02-29T23:59:59Z");
    expect(read(readTime, fresh(new GeneralizedTime({ valueDate: date }).toBER()))).toBe(date.getTime());
    expect(read(readTime, fresh(new UTCTime({ valueDate: date }).toBER()))).toBe(date.getTime());
  });

  test("named bits", () => {
    expect(read(readNamedBits, parseHex("03020780"))).toEqual([0]);
    expect(read(readNamedBits, parseHex("03020106"))).toEqual([5, 6]);
    expect(read(readNamedBits, parseHex("0303070080"))).toEqual([8]);
    expect(read(readNamedBits, parseHex("030100"))).toEqual([]);
  });
});

describe("times", () => {
  const short = (text: string): Uint8Array => Uint8Array.of(23, text.length, ...utf8(text));
  const long = (text: string): Uint8Array => Uint8Array.of(24, text.length, ...utf8(text));

  test.each([
    ["year 50 is 1950", short("500101000000Z"), "1950-01-01T00:00:00.000Z"],
    ["year 49 is 2049", short("491231235959Z"), "2049-12-31T23:59:59.000Z"],
    ["fraction", long("20240229120000.5Z"), "2024-02-29T12:00:00.500Z"],
    ["fraction finer than ours, cut", long("20240229120000.123456789Z"), "2024-02-29T12:00:00.123Z"],
    ["no end in sight (RFC 5280 §4.1.2.5)", long("99991231235959Z"), "9999-12-31T23:59:59.000Z"],
    ["year 0", long("00000101000000Z"), "0000-01-01T00:00:00.000Z"],
  ])("%s", (_, bytes, expected) => expect(new Date(read(readTime, bytes)).toISOString()).toBe(expected));

  test.each([
    ["UTCTime without seconds", short("2402291200Z")],
    ["UTCTime with an offset", short("240229120000+0000")],
    ["UTCTime without a zone", short("240229120000")],
    ["UTCTime with a fraction", short("240229120000.5Z")],
    ["UTCTime with a lower-case z", short("240229120000z")],
    ["time in local form", long("20240229120000")],
    ["offset", long("20240229120000+0100")],
    ["fraction that ends in zero", long("20240229120000.50Z")],
    ["fraction without digits", long("20240229120000.Z")],
    ["fraction with a comma", long("20240229120000,5Z")],
    ["hours alone", long("2024022912Z")],
    ["30 February", long("20240230000000Z")],
    ["29 February of a common year", short("230229000000Z")],
    ["month 13", long("20241301000000Z")],
    ["month 0", long("20240001000000Z")],
    ["day 0", long("20240100000000Z")],
    ["hour 24", long("20240101240000Z")],
    ["minute 60", long("20240101006000Z")],
    ["leap second", long("20161231235960Z")],
    ["sign in a number", long("2024-101000000Z")],
    ["space in a number", long("2024 101000000Z")],
    ["another script's digits", Uint8Array.of(23, 14, ...utf8("24022912000\u0663Z"))],
    ["another type", derUtf8("240229120000Z")],
  ])("refuses %s", (_, bytes) => expect(codeOf(() => read(readTime, bytes))).toBe("CORE_DER_MALFORMED"));
});

/** Slow and obvious: a pattern, and a date that is written back. */
function readSlowly(text: string, isShort: boolean): number | undefined {
  const pattern = isShort
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)()Z$/
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/;
  const [, years = "", month, day, hour, minute, second, fraction = ""] = pattern.exec(text) ?? [];
  const year = isShort ? `${Number(years) < 50 ? 20 : 19}${years}` : years;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, "0").slice(0, 3)}Z`;
  const time = new Date(iso);
  return Number.isNaN(time.getTime()) || time.toISOString() !== iso ? undefined : time.getTime();
}

test("property: times are read as a pattern and Date would read them", () => {
  const digits = (length: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(..."0123456789"), minLength: length, maxLength: length });
  const pair = fc.oneof(
    fc.integer({ min: 0, max: 62 }).map((value) => String(value).padStart(2, "0")),
    digits(2),
    fc.constantFrom("", "1", " 1", "-1", "123"),
  );
  const tail = fc.constantFrom(
    "Z",
    "",
    "z",
    ".5Z",
    ".50Z",
    ".Z",
    ".0Z",
    ".001Z",
    ".0009Z",
    ".123456789Z",
    ".1234567891Z",
    "ZZ",
    ".1",
  );
  const parts = fc.tuple(fc.oneof(digits(2), digits(4)), pair, pair, pair, pair, pair, tail);
  fc.assert(
    fc.property(parts, fc.constantFrom(23, 24), (texts, tag) => {
      const text = texts.join("");
      const node = parseDer(Uint8Array.of(tag, text.length, ...utf8(text)));
      const expected = readSlowly(text, tag === 23);
      if (expected === undefined) expect(codeOf(() => readTime(node))).toBe("CORE_DER_MALFORMED");
      else expect(readTime(node)).toBe(expected);
    }),
    { numRuns: 5000 },
  );
});

describe("refused", () => {
  const readers: Readonly<Record<string, (node: DerNode) => unknown>> = {
    readBitString,
    readBoolean,
    readInteger,
    readNamedBits,
    readOctets,
    readOid,
    readTime,
    readUtf8String,
  };

  test.each(Object.entries(readers))("%s: another type, and its own number in another class", (_, reader) => {
    const own = {
      readBitString: 3,
      readBoolean: 1,
      readInteger: 2,
      readNamedBits: 3,
      readOctets: 4,
      readOid: 6,
      readTime: 24,
      readUtf8String: 12,
    }[reader.name] as number;
    expect(codeOf(() => read(reader, derNull()))).toBe("CORE_DER_MALFORMED");
    expect(codeOf(() => read(reader, derImplicit(own, Uint8Array.of(1))))).toBe("CORE_DER_MALFORMED");
    expect(codeOf(() => read(reader, derSequence()))).toBe("CORE_DER_MALFORMED");
  });

  test.each([
    ["bits that are not whole bytes", readBitString, "030201fe"],
    ["named bits with a trailing zero", readNamedBits, "03020680"],
    ["named bits with a zero byte", readNamedBits, "0303008000"],
    ["named bits, all zero", readNamedBits, "03020700"],
    ["too many named bits", readNamedBits, `030a00${"ff".repeat(9)}`],
    ["UTF-8 that is none", readUtf8String, "0c01ff"],
    ["UTF-8 of a surrogate", readUtf8String, "0c03eda080"],
    ["ENUMERATED for an INTEGER", readInteger, "0a0103"],
    ["INTEGER too long", readInteger, `02820802${"01".repeat(maxIntegerBytes + 1)}`],
    ["OBJECT IDENTIFIER too long", readOid, `0641${"01".repeat(maxOidBytes + 1)}`],
  ] as const)("%s", (_, reader, bytes) => {
    expect(codeOf(() => read<unknown>(reader, parseHex(bytes)))).toBe("CORE_DER_MALFORMED");
  });

  test("ASCII beyond 127", () => {
    expect(readAscii(utf8("a\u007f"))).toBe("a\u007f");
    expect(codeOf(() => readAscii(utf8("é")))).toBe("CORE_DER_MALFORMED");
  });

  test.each([
    "",
    "1",
    "1.",
    ".1",
    "3.1",
    "1.40",
    "0.040",
    "1.2.",
    "1.2..3",
    "1.2.03",
    "1.2.-3",
    "1.2.x",
    "01.2",
    "1.2 ",
    "1.2.\u0663",
    "2.".repeat(200),
  ])("derOid refuses %j", (dotted) => expect(codeOf(() => derOid(dotted))).toBe("CORE_OID_MALFORMED"));
});
