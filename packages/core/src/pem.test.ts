import { createPublicKey } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { base64, utf8 } from "./bytes.ts";
import { TrustError } from "./errors.ts";
import { formatPem, maxPemChars, parsePem } from "./pem.ts";

const begin = "-----BEGIN X-----";
const end = "-----END X-----";
const label = fc
  .array(fc.stringMatching(/^[A-Z0-9]{1,8}$/), { minLength: 1, maxLength: 4 })
  .map((words) => words.join(" "));
const bytes = fc.uint8Array({ minLength: 1, maxLength: 300 });

function refuse(text: string): TrustError {
  try {
    parsePem(text);
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code: "CORE_PEM_MALFORMED", kind: "malformed" });
    return error as TrustError;
  }
  return expect.unreachable(`accepted ${JSON.stringify(text.slice(0, 200))}`);
}

describe("taken (RFC 7468 §3)", () => {
  const abc = [{ label: "X", bytes: utf8("abc") }];
  test.each<[string, string]>([
    ["one line", `${begin}\nYWJj\n${end}\n`],
    ["no line break at the end", `${begin}\nYWJj\n${end}`],
    ["CRLF", `${begin}\r\nYWJj\r\n${end}\r\n`],
    ["line breaks of both kinds", `${begin}\r\nYWJj\n${end}\r\n`],
    ["short lines", `${begin}\nY\nW\nJj\n${end}\n`],
    ["white space around", `\n\t \r\n${begin}\nYWJj\n${end}\n\n \n`],
  ])("%s", (_, text) => expect(parsePem(text)).toEqual(abc));

  test("several blocks, with empty lines between or none", () => {
    const labels = (text: string): string[] => parsePem(text).map((each) => each.label);
    expect(labels(`${formatPem("A", utf8("1"))}${formatPem("B C", utf8("2"))}`)).toEqual(["A", "B C"]);
    expect(labels(`${formatPem("A", utf8("1"))}\n\n${formatPem("A", utf8("1"))}\n`)).toEqual(["A", "A"]);
  });

  test("one long line", () => {
    const long = new Uint8Array(700_000).fill(7);
    expect(parsePem(`${begin}\n${base64(long)}\n${end}\n`)[0]?.bytes).toEqual(long);
  });
});

describe("refused", () => {
  test.each<[string, string]>([
    ["nothing", ""],
    ["white space", " \n\t\r\n"],
    ["text", "hello"],
    ["bare base64", "YWJj\n"],
    ["no end", `${begin}\nYWJj\n`],
    ["no begin", `YWJj\n${end}\n`],
    ["end of another label", `${begin}\nYWJj\n-----END Y-----\n`],
    ["end with a longer label", `${begin}\nYWJj\n-----END XX-----\n`],
    ["empty label", "-----BEGIN -----\nYWJj\n-----END -----\n"],
    ["label in lower case", "-----BEGIN x-----\nYWJj\n-----END x-----\n"],
    ["label with two spaces", "-----BEGIN X  Y-----\nYWJj\n-----END X  Y-----\n"],
    ["label that ends in a space", "-----BEGIN X -----\nYWJj\n-----END X -----\n"],
    ["label that starts with a space", "-----BEGIN  X-----\nYWJj\n-----END  X-----\n"],
    ["label of 65 letters", `-----BEGIN ${"X".repeat(65)}-----\nYWJj\n-----END ${"X".repeat(65)}-----\n`],
    ["four dashes", "----BEGIN X----\nYWJj\n----END X----\n"],
    ["six dashes", "------BEGIN X------\nYWJj\n------END X------\n"],
    ["begin in lower case", "-----begin X-----\nYWJj\n-----end X-----\n"],
    ["no line break after begin", `${begin}YWJj\n${end}\n`],
    ["no line break before end", `${begin}\nYWJj${end}\n`],
    ["space after begin", `${begin} \nYWJj\n${end}\n`],
    ["space before end", `${begin}\nYWJj\n ${end}\n`],
    ["text after end", `${begin}\nYWJj\n${end}x\n`],
    ["text before", `hello\n${begin}\nYWJj\n${end}\n`],
    ["text after", `${begin}\nYWJj\n${end}\nhello\n`],
    ["text between", `${begin}\nYWJj\n${end}\nhello\n${begin}\nYWJj\n${end}\n`],
    ["byte order mark", `\ufeff${begin}\nYWJj\n${end}\n`],
    ["no-break space before", `\u00a0${begin}\nYWJj\n${end}\n`],
    ["NUL after", `${begin}\nYWJj\n${end}\n\0`],
    ["header lines", `${begin}\nProc-Type: 4,ENCRYPTED\n\nYWJj\n${end}\n`],
    ["empty line inside", `${begin}\nYWJj\n\n${end}\n`],
    ["space at the end of a line", `${begin}\nYWJj \n${end}\n`],
    ["space inside a line", `${begin}\nYW Jj\n${end}\n`],
    ["indented", `  ${begin}\n  YWJj\n  ${end}\n`],
    ["CR alone", `${begin}\rYWJj\r${end}\r`],
    ["no body", `${begin}\n${end}\n`],
    ["no padding", `${begin}\nYWI\n${end}\n`],
    ["padding between", `${begin}\nYQ==\nYQ==\n${end}\n`],
    ["stray bits", `${begin}\nYR==\n${end}\n`],
    ["URL alphabet", `${begin}\n-_-_\n${end}\n`],
    ["checksum line of OpenPGP", `${begin}\nYWJj\n=YWJj\n${end}\n`],
    ["block inside a block", `${begin}\n${begin}\nYWJj\n${end}\n${end}\n`],
    ["begin twice on a line", `${begin}${begin}\nYWJj\n${end}\n`],
  ])("%s", (_, text) => void refuse(text));

  test("one character above the cap", () => {
    const body = "YWJj\n".repeat(maxPemChars / 5 - 10);
    const padded = (length: number): string => `${begin}\n${body}${end}\n`.padEnd(length, " ");
    expect(parsePem(padded(maxPemChars))).toHaveLength(1);
    refuse(padded(maxPemChars + 1));
  });

  test("no message repeats the text: it may be a private key", () => {
    const texts = [
      `${begin}\nc2VjcmV0 \n${end}\n`,
      `c2VjcmV0`,
      `${begin}\nc2VjcmV0=\n${end}\n`,
      `${begin}\nYWJj\n${end}\nc2VjcmV0`,
    ];
    for (const text of texts) {
      const error = refuse(text);
      const all = [error.message, error.stack, error.cause instanceof Error ? error.cause.message : ""].join("\n");
      expect(all).not.toContain("c2Vj");
    }
  });

  test.each<[string, string]>([
    ["short lines without an end", `${begin}\n${"A\n".repeat(maxPemChars / 2 - 10)}`],
    ["one line without an end", `${begin}\n${"A".repeat(maxPemChars - 30)}`],
    ["beginnings", `${begin}\n`.repeat(50_000)],
    ["dashes", "-".repeat(maxPemChars)],
    ["labels", `-----BEGIN ${"A ".repeat(400_000)}`],
    ["white space", " ".repeat(maxPemChars)],
    ["many blocks", `${begin}\nYWJj\n${end}\n`.repeat(25_000)],
  ])("linear time: %s", (_, text) => {
    const started = process.threadCpuUsage();
    try {
      parsePem(text);
    } catch (error) {
      expect(error).toBeInstanceOf(TrustError);
    }
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(2000);
  });
});

describe("format", () => {
  test("lines of 64 and a line break at the end", () => {
    expect(formatPem("X", new Uint8Array(49))).toBe(`${begin}\n${"A".repeat(64)}\nAA==\n${end}\n`);
    expect(formatPem("X", new Uint8Array(48))).toBe(`${begin}\n${"A".repeat(64)}\n${end}\n`);
  });

  test("property: parse undoes format", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ label, bytes }), { minLength: 1, maxLength: 4 }), (blocks) => {
        expect(parsePem(blocks.map((each) => formatPem(each.label, each.bytes)).join(""))).toEqual(blocks);
      }),
    );
  });

  test("as node:crypto writes and reads it", () => {
    const pem = `-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAgV+3YMCHNQ3eCzWkGOQRlFhVY1Bn/DV3IGGmRqmnW8Y=\n-----END PUBLIC KEY-----\n`;
    const key = createPublicKey(pem);
    const der = new Uint8Array(key.export({ type: "spki", format: "der" }));
    expect(parsePem(pem)).toEqual([{ label: "PUBLIC KEY", bytes: der }]);
    expect(formatPem("PUBLIC KEY", der)).toBe(key.export({ type: "spki", format: "pem" }));
  });
});

test("mangling: every character flipped, dropped, repeated, cut: blocks or a TrustError", () => {
  const text = formatPem(
    "A B",
    new Uint8Array(60).map((_, at) => at * 5),
  );
  const mangled = Array.from(text).flatMap((char, at) => [
    ...[1, 2, 4, 8, 16, 32, 64, 0x100].map(
      (mask) => text.slice(0, at) + String.fromCharCode(char.charCodeAt(0) ^ mask) + text.slice(at + 1),
    ),
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at) + char + text.slice(at),
    text.slice(0, at),
  ]);
  const [expected] = parsePem(text);
  let [same, other] = [0, 0];
  for (const each of mangled) {
    try {
      const blocks = parsePem(each);
      expect(blocks).toHaveLength(1);
      if (Buffer.compare(blocks[0]?.bytes ?? utf8(""), expected?.bytes ?? utf8("")) === 0) same++;
      else other++;
      // What was taken means the same when it is written again.
      expect(parsePem(formatPem(blocks[0]?.label ?? "", blocks[0]?.bytes ?? utf8("")))).toEqual(blocks);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  // A wrong letter inside the base64 cannot be seen; a line break may go or come twice at the very end.
  expect(other).toBeGreaterThan(100);
  expect(same).toBeLessThan(10);
});
