import {
  digestFromBytes,
  parseHex,
  parseUtf8,
  quote,
  type Detail,
  type Digest,
  type HashName,
} from "@countersign/core";
import { pipelineError } from "./errors.ts";

/** The most lines that are read of a checksum file. */
export const maxChecksumLines: number = 100_000;
/** The longest line that is read, in UTF-16 units: a path of 4096 bytes, all of it escaped, and its digest. */
const maxLineChars = 8400;

/**
 * Reads a checksum file: names with digests. Lines of GNU coreutils (`HEX  name`, `HEX *name`, `\HEX  name` with `\\`, `\n`
 * and `\r` in the name) and of BSD (`SHA256 (name) = HEX`), with SHA-256, SHA-384 or SHA-512; lines end with LF, or all of
 * them with CR LF, as coreutils reads them too. Strict: every line is one of these, no name stands twice, and names are relative and stay below the directory (`./` in front is left out).
 * Proves nothing of who wrote it. Throws PIPELINE_CHECKSUMS_MALFORMED, and core's for what is not UTF-8.
 */
export function parseChecksums(bytes: Uint8Array): ReadonlyMap<string, Digest> {
  const text = parseUtf8(bytes);
  const lines = text.split(isCrlf(text) ? "\r\n" : "\n");
  // The end of the last line, which some leave out.
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw malformed({ expected: "at least one line" });
  if (lines.length > maxChecksumLines) throw malformed({ expected: `at most ${maxChecksumLines} lines` });
  const digests = new Map<string, Digest>();
  for (const [index, line] of lines.entries()) {
    const at = `line ${index + 1}`;
    const { name, digest } = parseLine(line, at);
    if (digests.has(name)) throw malformed({ checked: at, expected: "each name once", got: quote(name) });
    digests.set(name, digest);
  }
  return digests;
}

/** Whether no line ends otherwise: then a carriage return before the end is none of a name. */
function isCrlf(text: string): boolean {
  return text.includes("\r\n") && !/(?:^|[^\r])\n/.test(text);
}

interface Line {
  readonly name: string;
  readonly digest: Digest;
}

const gnuLine = /^(\\?)([0-9a-fA-F]+) [ *](.+)$/s;
const bsdLine = /^(\\?)SHA(256|384|512) \((.+)\) = ([0-9a-fA-F]+)$/s;

function parseLine(line: string, at: string): Line {
  if (line.length > maxLineChars) throw malformed({ checked: at, expected: `at most ${maxLineChars} characters` });
  const bsd = bsdLine.exec(line);
  if (bsd !== null) {
    const [, escape, bits, name = "", value = ""] = bsd;
    return { name: nameOf(name, escape, at), digest: digestOf(value, at, `sha${bits}` as HashName) };
  }
  const gnu = gnuLine.exec(line);
  if (gnu === null) throw malformed({ checked: at, expected: "HEX  name, or SHA256 (name) = HEX", got: quote(line) });
  const [, escape, value = "", name = ""] = gnu;
  return { name: nameOf(name, escape, at), digest: digestOf(value, at) };
}

const hashOfLength: ReadonlyMap<number, HashName> = new Map([
  [64, "sha256"],
  [96, "sha384"],
  [128, "sha512"],
]);

function digestOf(value: string, at: string, wanted?: HashName): Digest {
  const hash = hashOfLength.get(value.length);
  if (hash === undefined || (wanted !== undefined && hash !== wanted))
    throw malformed({
      checked: at,
      expected: `a digest of ${wanted ?? "SHA-256, SHA-384 or SHA-512"}`,
      got: quote(value),
    });
  return digestFromBytes(hash, parseHex(value.toLowerCase()));
}

function nameOf(text: string, escape: string | undefined, at: string): string {
  const name = (escape === "\\" ? unescaped(text, at) : text).replace(/^(?:\.\/)+/, "");
  // What a line did not escape it cannot contain: GNU writes a line feed and a carriage return as escapes.
  if (escape !== "\\" && /[\r\0]/.test(name))
    throw malformed({ checked: at, expected: "no control character", got: quote(name) });
  if (!staysBelow(name))
    throw malformed({ checked: at, expected: "a relative name below the directory", got: quote(name) });
  return name;
}

function unescaped(text: string, at: string): string {
  return text.replace(/\\(.?)/gs, (_, letter: string) => {
    const meant = escapes.get(letter);
    if (meant === undefined)
      throw malformed({ checked: at, expected: "only \\\\, \\n and \\r escaped", got: quote(text) });
    return meant;
  });
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ["n", "\n"],
  ["r", "\r"],
]);

/** On Windows a backslash separates too and a colon names a drive or a stream, so neither may lead anywhere else. */
function staysBelow(name: string): boolean {
  if (name.startsWith("/") || /^[A-Za-z]:/.test(name) || name.includes("\0")) return false;
  return name.split(/[/\\]/).every((part) => part !== "" && part !== "." && part !== "..");
}

function malformed(detail: Detail): Error {
  return pipelineError("PIPELINE_CHECKSUMS_MALFORMED", detail);
}
