import { readLatin1 } from "#latin1";
import { parseUtf8, utf8 } from "./bytes.ts";
import { coreError, quote, type TrustError } from "./errors.ts";

/** A JSON value as parsed: unverified, and its members' names were chosen by others. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
/** An object's own members; a member named `__proto__` is a member like any other. */
export interface JsonObject {
  readonly [name: string]: Json | undefined;
}

/** Caps on hostile input. */
export interface JsonLimits {
  /** Bytes of UTF-8, also if the input is a string. */
  readonly maxBytes?: number;
  /** At most `maxJsonDepthCeiling`: more counts as that. */
  readonly maxDepth?: number;
}

/** The largest JSON text read by default, in bytes. */
export const maxJsonBytes: number = 16 * 1024 * 1024;
/** How deep arrays and objects may nest by default. */
export const maxJsonDepth: number = 64;
/** How deep they may nest whatever a caller allows, so that the call stack holds. */
export const maxJsonDepthCeiling: number = 512;

/**
 * Parses strict JSON (RFC 8259, I-JSON RFC 7493): UTF-8 without byte order mark, no member twice, no lone surrogates,
 * no number beyond a double, nothing after the value. Digits that a double cannot hold are rounded, as everywhere in
 * JavaScript. Throws CORE_JSON_MALFORMED, CORE_JSON_DUPLICATE, CORE_JSON_DEPTH, CORE_TOO_LARGE.
 */
export function parseJson(input: Uint8Array | string, limits: JsonLimits = {}): Json {
  checkSize(input, limits.maxBytes ?? maxJsonBytes);
  const maxDepth = Math.min(limits.maxDepth ?? maxJsonDepth, maxJsonDepthCeiling);
  if (typeof input === "string") return readText(input, maxDepth);
  try {
    return readWhole({ text: readLatin1(input), bytes: input, at: 0, maxDepth });
  } catch (error) {
    // Again as text, so that the message counts characters and not bytes.
    readText(decode(input), maxDepth);
    throw error;
  }
}

function readText(text: string, maxDepth: number): Json {
  const scan: Scan = { text, bytes: undefined, at: 0, maxDepth };
  if (!text.isWellFormed()) throw malformed(scan, "no lone surrogates");
  return readWhole(scan);
}

function readWhole(scan: Scan): Json {
  const value = readValue(scan, 0);
  skipSpace(scan);
  if (scan.at !== scan.text.length) throw malformed(scan, "the end");
  return value;
}

/** A UTF-16 unit takes one to three bytes: most strings need no counting. */
function checkSize(input: Uint8Array | string, maxBytes: number): void {
  const { length } = input;
  const isSmall =
    length <= maxBytes && (typeof input !== "string" || length * 3 <= maxBytes || utf8(input).length <= maxBytes);
  if (isSmall) return;
  throw coreError("CORE_TOO_LARGE", {
    checked: "JSON",
    expected: `at most ${maxBytes} bytes`,
    got: `${length} or more`,
  });
}

interface Scan {
  /** With `bytes` one character a byte, which takes half the room: what is not ASCII can only be in strings, which are decoded. */
  readonly text: string;
  readonly bytes: Uint8Array | undefined;
  readonly maxDepth: number;
  at: number;
}

function decode(bytes: Uint8Array): string {
  try {
    return parseUtf8(bytes);
  } catch (cause) {
    throw coreError("CORE_JSON_MALFORMED", { expected: "UTF-8" }, cause);
  }
}

function malformed(scan: Scan, expected: string): TrustError {
  const got = scan.at >= scan.text.length ? "the end" : quote(scan.text.slice(scan.at, scan.at + 20));
  return coreError("CORE_JSON_MALFORMED", { checked: `character ${scan.at}`, expected, got });
}

function skipSpace(scan: Scan): void {
  for (;;) {
    const code = scan.text.charCodeAt(scan.at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
    scan.at++;
  }
}

function readValue(scan: Scan, depth: number): Json {
  skipSpace(scan);
  const code = scan.text.charCodeAt(scan.at);
  if (code === 34) return readString(scan);
  if (code === 123) return readMembers(scan, deeper(scan, depth));
  if (code === 91) return readItems(scan, deeper(scan, depth));
  if (code === 45 || (code >= 48 && code <= 57)) return readNumber(scan);
  if (code === 116) return readWord(scan, "true", true);
  if (code === 102) return readWord(scan, "false", false);
  if (code === 110) return readWord(scan, "null", null);
  throw malformed(scan, "a value");
}

function deeper(scan: Scan, depth: number): number {
  if (depth < scan.maxDepth) return depth + 1;
  throw coreError("CORE_JSON_DEPTH", { expected: `at most ${scan.maxDepth} levels` });
}

function readWord<T>(scan: Scan, word: string, value: T): T {
  if (!scan.text.startsWith(word, scan.at)) throw malformed(scan, word);
  scan.at += word.length;
  return value;
}

function readMembers(scan: Scan, depth: number): JsonObject {
  const members: Record<string, Json> = {};
  const from = scan.at++;
  skipSpace(scan);
  if (scan.text.charCodeAt(scan.at) === 125) return ended(scan, members);
  for (let count = 1; ; count++) {
    skipSpace(scan);
    if (scan.text.charCodeAt(scan.at) !== 34) throw malformed(scan, "a member name");
    const name = readString(scan);
    skipSpace(scan);
    if (scan.text.charCodeAt(scan.at) !== 58) throw malformed(scan, '":"');
    scan.at++;
    setMember(members, name, readValue(scan, depth));
    skipSpace(scan);
    const code = scan.text.charCodeAt(scan.at);
    if (code === 125) {
      // To count once costs less than to ask for each name: it takes an object with a name twice to look for it.
      if (Object.keys(members).length !== count) throw duplicate({ ...scan, at: from + 1 }, depth);
      return ended(scan, members);
    }
    if (code !== 44) throw malformed(scan, '"," or "}"');
    scan.at++;
  }
}

/** The error of the first name that stands twice in the object whose members, all of them well formed, start at `at`. */
function duplicate(scan: Scan, depth: number): TrustError {
  const seen = new Set<string>();
  for (;;) {
    skipSpace(scan);
    const name = readString(scan);
    if (seen.has(name)) return coreError("CORE_JSON_DUPLICATE", { got: quote(name) });
    seen.add(name);
    skipSpace(scan);
    scan.at++;
    readValue(scan, depth);
    skipSpace(scan);
    scan.at++;
  }
}

function setMember(members: Record<string, Json>, name: string, value: Json): void {
  if (name === "__proto__")
    Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
  else members[name] = value;
}

function readItems(scan: Scan, depth: number): readonly Json[] {
  const items: Json[] = [];
  scan.at++;
  skipSpace(scan);
  if (scan.text.charCodeAt(scan.at) === 93) return ended(scan, items);
  for (;;) {
    items.push(readValue(scan, depth));
    skipSpace(scan);
    const code = scan.text.charCodeAt(scan.at);
    if (code === 93) return ended(scan, items);
    if (code !== 44) throw malformed(scan, '"," or "]"');
    scan.at++;
  }
}

function ended<T>(scan: Scan, value: T): T {
  scan.at++;
  return value;
}

const plainText = /[^"\\\u0000-\u001f\ud800-\udfff]*/y;
const plainAscii = /[^"\\\u0000-\u001f\u0080-\uffff]*/y;

function readString(scan: Scan): string {
  const { text } = scan;
  const plain = scan.bytes === undefined ? plainText : plainAscii;
  const from = scan.at + 1;
  plain.lastIndex = from;
  plain.test(text);
  const to = plain.lastIndex;
  if (text.charCodeAt(to) === 34) {
    scan.at = to + 1;
    return text.slice(from, to);
  }
  return readOtherString(scan, to);
}

// JSON.parse knows the escapes; all that is left to us is to find the end and to refuse lone surrogates. No byte of a
// character that is not ASCII looks like a quotation mark or a backslash.
function readOtherString(scan: Scan, from: number): string {
  const { text, bytes } = scan;
  let to = from;
  while (to < text.length && text.charCodeAt(to) !== 34) to += text.charCodeAt(to) === 92 ? 2 : 1;
  const literal = bytes === undefined ? text.slice(scan.at, to + 1) : decode(bytes.subarray(scan.at, to + 1));
  const value = parseLiteral(literal);
  if (value === undefined || !value.isWellFormed()) throw malformed(scan, "a string");
  scan.at = to + 1;
  return value;
}

function parseLiteral(literal: string): string | undefined {
  try {
    return JSON.parse(literal) as string;
  } catch {
    return undefined;
  }
}

const number = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;

function readNumber(scan: Scan): number {
  number.lastIndex = scan.at;
  const [literal] = number.exec(scan.text) ?? [];
  const value = Number(literal);
  if (literal === undefined || !Number.isFinite(value)) throw malformed(scan, "a number");
  scan.at += literal.length;
  return value;
}
