import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { digestOf, TrustError, utf8 } from "@countersign/core";
import { parseChecksums } from "./checksums.ts";

const hex = "ab".repeat(32);
const read = (text: string): [string, string][] => [...parseChecksums(utf8(text))];

describe("forms that are read", () => {
  test.each([
    ["GNU text", `${hex}  a.tgz\n`, "a.tgz"],
    ["GNU binary", `${hex} *a.tgz\n`, "a.tgz"],
    ["no line feed at the end", `${hex}  a.tgz`, "a.tgz"],
    ["upper case", `${hex.toUpperCase()}  a.tgz\n`, "a.tgz"],
    ["./ in front", `${hex}  ./sub/a.tgz\n`, "sub/a.tgz"],
    ["GNU escaped", `\\${hex}  a\\\\b\\nc\\rd\n`, "a\\b\nc\rd"],
    ["a name that begins with a space or a star", `${hex}  *a\n`, "*a"],
    ["CRLF", `${hex}  a.tgz\r\n`, "a.tgz"],
    ["CRLF, escaped", `\\${hex}  a\\r\r\n`, "a\r"],
    ["CRLF, BSD", `SHA256 (a) = ${hex}\r\n`, "a"],
    ["BSD", `SHA256 (a (1) = b.tgz) = ${hex}\n`, "a (1) = b.tgz"],
    ["BSD, escaped", `\\SHA256 (a\\nb) = ${hex}\n`, "a\nb"],
  ])("%s", (_, text, name) => {
    expect(read(text)).toEqual([[name, `sha256:${hex}`]]);
  });

  test("CRLF throughout, the last line without an end", () => {
    expect(read(`${hex}  a\r\n${hex} *b`).map(([name]) => name)).toEqual(["a", "b"]);
  });

  test("SHA-384 and SHA-512 by their length or their name", () => {
    const [long, longest] = ["cd".repeat(48), "ef".repeat(64)];
    expect(read(`${long}  a\nSHA512 (b) = ${longest}\n`)).toEqual([
      ["a", `sha384:${long}`],
      ["b", `sha512:${longest}`],
    ]);
  });
});

describe("what is refused", () => {
  test.each([
    ["nothing", ""],
    ["an empty line", `${hex}  a\n\n${hex}  b\n`],
    ["one space", `${hex} a\n`],
    ["no name", `${hex}  \n`],
    ["a comment", `# sums\n${hex}  a\n`],
    ["CRLF and LF", `${hex}  a\r\n${hex}  b\n`],
    ["LF and CRLF", `${hex}  a\n${hex}  b\r\n`],
    ["a carriage return at the end of all", `${hex}  a\r`],
    ["a carriage return before CRLF", `${hex}  a\r\r\n`],
    ["an empty line, CRLF", `${hex}  a\r\n\r\n`],
    ["a name twice", `${hex}  a\n${"cd".repeat(32)}  a\n`],
    ["a name twice in two spellings", `${hex}  a\n${hex}  ./a\n`],
    ["MD5", `${"ab".repeat(16)}  a\n`],
    ["BSD with another length", `SHA512 (a) = ${hex}\n`],
    ["BSD with SHA1", `SHA1 (a) = ${"ab".repeat(20)}\n`],
    ["an absolute name", `${hex}  /etc/passwd\n`],
    ["a name above", `${hex}  ../a\n`],
    ["a name above, within", `${hex}  a/../../b\n`],
    ["a name above, escaped", `\\${hex}  ..\\\\a\n`],
    ["a drive", `${hex}  C:a\n`],
    ["an empty part", `${hex}  a//b\n`],
    ["a NUL", `${hex}  a\0b\n`],
    ["a NUL in an escaped name", `\\${hex}  a\0b\n`],
    ["another escape", `\\${hex}  a\\tb\n`],
    ["an escape that is cut", `\\${hex}  a\\\n`],
    ["a digest that is cut", `${hex.slice(2)}  a\n`],
    ["a line without end", `${hex}  ${"a".repeat(9000)}\n`],
  ])("%s", (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: "PIPELINE_CHECKSUMS_MALFORMED" }) as Error);
  });

  test("too many lines", () => {
    expect(() => read(`${hex}  a\n`.repeat(100_001))).toThrow("at most 100000 lines");
  });
});

/** As coreutils writes it. */
function format(name: string, digest: string): string {
  const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
  return `${escaped === name ? "" : "\\"}${digest}  ${escaped}\n`;
}

test("every relative name that coreutils can write comes back, and nothing else is ever thrown than our own error", () => {
  const part = fc.stringMatching(/^[ -~\n\r]{1,12}$/).filter((text) => !/^\.{1,2}$|[/\\:]/.test(text));
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      const [name, digest] = [parts.join("/"), digestOf("sha256", utf8(parts.join()))];
      expect(read(format(name, digest.slice(7)))).toEqual([[name, digest]]);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      try {
        read(`${hex}  a\n${text}`);
      } catch (error) {
        expect(error).toBeInstanceOf(TrustError);
      }
    }),
  );
});
