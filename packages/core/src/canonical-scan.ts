import { concatBytes, utf8 } from "./bytes.ts";
import { compareNames, sortMembers } from "./canonical-order.ts";
import { quote, type TrustError } from "./errors.ts";
import type { ShapeError } from "./decode.ts";

/** The errors of whoever reads. */
export interface CanonicalErrors {
  readonly malformed: ShapeError;
  readonly duplicate: ShapeError;
  readonly number: ShapeError;
}

/** How the reader treats what honest producers do not write. */
export interface CanonicalRules {
  /**
   * `refuse` anything but integers, which canonical JSON cannot write; or `keep` their text as it came. `python` keeps too, and takes
   * NaN and Infinity, which Python's json reads, for some fraction.
   */
  readonly numbers: "refuse" | "keep" | "python";
  /** `refuse` a member that comes twice, or take the `last`, as Python's json does. */
  readonly duplicates: "refuse" | "last";
  /** How deep arrays and objects may nest. Default: `maxCanonicalReadDepth`. */
  readonly maxDepth?: number;
}

/** Rules, and the errors of whoever reads. */
export interface CanonicalOptions extends CanonicalRules {
  readonly errors: CanonicalErrors;
  /**
   * Fits, from its start, a member of a kind that comes very often: its name without any escape, a colon, a value. Nothing that is not
   * canonical already: what fits is copied unread. Sticky; sees each byte as a character.
   */
  readonly plainMember?: RegExp;
}

/** How deep arrays and objects may nest, unless the rules say otherwise. */
export const maxCanonicalReadDepth: number = 64;
/** How many members the outermost object may have. */
export const maxOuterMembers: number = 1024;

/**
 * Reads a JSON object and gives each member's value in canonical JSON as securesystemslib writes it (OLPC: no white
 * space, members by code point of their names, only `"` and `\` escaped): one pass over the bytes, no value is built.
 * Integers keep their digits, however many; -0 becomes 0. Proves strict JSON grammar (RFC 8259), no lone surrogate, no
 * member twice, nothing after the object. Does not check that text is UTF-8: `readCanonicalText` does.
 * Throws the errors given.
 */
export function readCanonicalMembers(bytes: Uint8Array, options: CanonicalOptions): ReadonlyMap<string, Uint8Array> {
  const text = latin1.decode(bytes);
  const scan: Scan = {
    bytes,
    text,
    at: 0,
    out: new Uint8Array(bytes),
    to: 0,
    marks: [],
    options,
    ...runsOf(bytes, text),
  };
  const members = new Map<string, Uint8Array>();
  skipSpace(scan);
  expect(scan, openBrace, '"{"');
  let isMore = skipSpace(scan) !== closeBrace;
  if (!isMore) scan.at++;
  while (isMore) {
    const [name, value] = readOuterMember(scan);
    if (members.has(name) && options.duplicates === "refuse") throw options.errors.duplicate({ got: quote(name) });
    members.set(name, value);
    if (members.size > maxOuterMembers) throw malformed(scan, `at most ${maxOuterMembers} members`);
    isMore = isFollowed(scan, closeBrace, '"," or "}"');
  }
  skipSpace(scan);
  if (scan.at !== bytes.length) throw malformed(scan, "the end");
  return members;
}

/** The text of canonical bytes. Throws the `malformed` error if they are not UTF-8. */
export function readCanonicalText(bytes: Uint8Array, malformed: ShapeError): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw malformed({ expected: "UTF-8" });
  }
}

/** The canonical form of one JSON text; as `readCanonicalMembers`, for a value of any kind. */
export function canonicalise(bytes: Uint8Array, options: CanonicalOptions): Uint8Array {
  const wrapped = readCanonicalMembers(concatBytes(utf8('{"":'), bytes, utf8("}")), options);
  return wrapped.get("") as Uint8Array;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("latin1");
const [quoteMark, backslash, openBrace, closeBrace, openBracket, closeBracket] = [34, 92, 123, 125, 91, 93] as const;
const [comma, colon, lineFeed] = [44, 58, 10] as const;

interface Scan {
  readonly bytes: Uint8Array;
  /** The same, a character each. */
  readonly text: string;
  at: number;
  /**
   * Begins as a copy of the input, and `to` never passes `at`, for nothing grows: an escape is longer than what it stands for. As
   * long as they are the same, as in input that is canonical already, nothing has to be written.
   */
  readonly out: Uint8Array;
  to: number;
  /** The next backslash and the next line feed, if they lie after `at`. */
  backslashAt: number;
  lineFeedAt: number;
  /** Where the members start that are being written, of all open objects. */
  readonly marks: number[];
  readonly options: CanonicalOptions;
}

/** Where the first ones are; with other control characters than line feeds each string has to be looked through. */
function runsOf(bytes: Uint8Array, text: string): Pick<Scan, "backslashAt" | "lineFeedAt"> {
  const hasOtherControls = /[\0-\t\v-\u001f]/.test(text);
  return { backslashAt: hasOtherControls ? -1 : nextOf(bytes, backslash, 0), lineFeedAt: nextOf(bytes, lineFeed, 0) };
}

function nextOf(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}

function readOuterMember(scan: Scan): readonly [name: string, value: Uint8Array] {
  scan.to = scan.at;
  const from = scan.to;
  readName(scan);
  const name = unescapeCanonical(
    readCanonicalText(scan.out.subarray(from + 1, scan.to - 1), scan.options.errors.malformed),
  );
  skipSpace(scan);
  scan.to = scan.at;
  const valueFrom = scan.to;
  readValue(scan, 1);
  return [name, scan.out.subarray(valueFrom, scan.to)];
}

/** The string that canonical JSON spells, given without its quotes. */
export function unescapeCanonical(text: string): string {
  return text.includes("\\") ? text.replaceAll(/\\(.)/gs, "$1") : text;
}

/** A name and its colon; only the name is written. */
function readName(scan: Scan): void {
  if (skipSpace(scan) !== quoteMark) throw malformed(scan, "a member name");
  readString(scan);
  skipSpace(scan);
  expect(scan, colon, '":"');
}

function readValue(scan: Scan, depth: number): void {
  const byte = skipSpace(scan);
  if (byte === quoteMark) readString(scan);
  else if (byte === openBrace) readMembers(scan, deeper(scan, depth));
  else if (byte === openBracket) readItems(scan, deeper(scan, depth));
  else if (byte === 116) copyWord(scan, "true");
  else if (byte === 102) copyWord(scan, "false");
  else if (byte === 110) copyWord(scan, "null");
  else readNumber(scan);
}

function deeper(scan: Scan, depth: number): number {
  const { maxDepth = maxCanonicalReadDepth, errors } = scan.options;
  if (depth < maxDepth) return depth + 1;
  throw errors.malformed({ expected: `at most ${maxDepth} levels` });
}

function readItems(scan: Scan, depth: number): void {
  copyByte(scan);
  let isMore = skipSpace(scan) !== closeBracket;
  if (!isMore) scan.at++;
  while (isMore) {
    readValue(scan, depth);
    isMore = isFollowed(scan, closeBracket, '"," or "]"');
    if (isMore) scan.out[scan.to++] = comma;
  }
  scan.out[scan.to++] = closeBracket;
}

/** Copies a member that needs no look; false if it does. */
function readPlainMember(scan: Scan): boolean {
  const { plainMember } = scan.options;
  if (plainMember === undefined) return false;
  skipSpace(scan);
  plainMember.lastIndex = scan.at;
  const isPlain = plainMember.test(scan.text);
  if (isPlain) copyTo(scan, plainMember.lastIndex);
  return isPlain;
}

function readMembers(scan: Scan, depth: number): void {
  const { marks } = scan;
  const base = marks.length;
  let isSorted = true;
  copyByte(scan);
  let isMore = skipSpace(scan) !== closeBrace;
  if (!isMore) scan.at++;
  while (isMore) {
    const from = scan.to;
    if (!readPlainMember(scan)) {
      readName(scan);
      scan.out[scan.to++] = colon;
      readValue(scan, depth);
    }
    if (isSorted && marks.length > base) isSorted = compareNames(scan.out, marks.at(-1) as number, from) < 0;
    marks.push(from);
    isMore = isFollowed(scan, closeBrace, '"," or "}"');
    if (isMore) scan.out[scan.to++] = comma;
  }
  if (!isSorted) sortMembers(scan, base);
  marks.length = base;
  scan.out[scan.to++] = closeBrace;
}

/** Copies a string; its escapes are resolved, but for those of `"` and `\`. */
function readString(scan: Scan): void {
  const end = plainEnd(scan);
  if (end < 0) readAnyString(scan);
  else copyTo(scan, end + 1);
}

/** Where the string ends, if that can be told without looking at each byte: there is no escape and no control character before. */
function plainEnd(scan: Scan): number {
  const { bytes, at } = scan;
  if (scan.backslashAt < at) {
    // Other control characters: never quick.
    if (scan.backslashAt < 0) return -1;
    scan.backslashAt = nextOf(bytes, backslash, at);
  }
  if (scan.lineFeedAt < at) scan.lineFeedAt = nextOf(bytes, lineFeed, at);
  const end = bytes.indexOf(quoteMark, at + 1);
  return end < scan.backslashAt && end < scan.lineFeedAt ? end : -1;
}

/** Copies up to there. */
function copyTo(scan: Scan, end: number): void {
  if (scan.to !== scan.at) scan.out.copyWithin(scan.to, scan.at, end);
  scan.to += end - scan.at;
  scan.at = end;
}

function readAnyString(scan: Scan): void {
  const { bytes, out } = scan;
  let { at, to } = scan;
  out[to++] = bytes[at++] as number;
  for (;;) {
    const byte = bytes[at++];
    if (byte === quoteMark) break;
    if (byte === backslash) {
      scan.at = at;
      scan.to = to;
      readEscape(scan);
      ({ at, to } = scan);
    } else if (byte === undefined || byte < 32) {
      scan.at = at - 1;
      throw malformed(scan, "a string");
    } else out[to++] = byte;
  }
  out[to++] = quoteMark;
  scan.at = at;
  scan.to = to;
}

const shortEscapes: ReadonlyMap<number, number> = new Map([
  [47, 47],
  [98, 8],
  [102, 12],
  [110, 10],
  [114, 13],
  [116, 9],
]);

function readEscape(scan: Scan): void {
  const byte = scan.bytes[scan.at++];
  const short = shortEscapes.get(byte ?? -1);
  if (short !== undefined) writeCodePoint(scan, short);
  else if (byte === quoteMark || byte === backslash) writeCodePoint(scan, byte);
  else if (byte === 117) writeCodePoint(scan, readCodePoint(scan));
  else throw malformed(scan, "an escape");
}

/** What follows `\u`, and a second escape if that is the first half of a pair. */
function readCodePoint(scan: Scan): number {
  const high = readHex4(scan);
  if (high < 0xd800 || high > 0xdfff) return high;
  const isPair = high < 0xdc00 && scan.bytes[scan.at] === backslash && scan.bytes[scan.at + 1] === 117;
  scan.at += 2;
  const low = isPair ? readHex4(scan) : 0;
  if (low < 0xdc00 || low > 0xdfff) throw malformed(scan, "no lone surrogates");
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

function readHex4(scan: Scan): number {
  const digits = String.fromCharCode(...scan.bytes.subarray(scan.at, scan.at + 4));
  if (!/^[0-9a-fA-F]{4}$/.test(digits)) throw malformed(scan, "four hex digits");
  scan.at += 4;
  return Number.parseInt(digits, 16);
}

function writeCodePoint(scan: Scan, code: number): void {
  if (code === quoteMark || code === backslash) scan.out[scan.to++] = backslash;
  if (code < 0x80) {
    scan.out[scan.to++] = code;
    return;
  }
  const encoded = utf8(String.fromCodePoint(code));
  scan.out.set(encoded, scan.to);
  scan.to += encoded.length;
}

function copyWord(scan: Scan, word: string): void {
  for (let k = 0; k < word.length; k++) {
    if (scan.bytes[scan.at] !== word.charCodeAt(k)) throw malformed(scan, word);
    copyByte(scan);
  }
}

const integer = /^-?(?:0|[1-9][0-9]*)$/;
const number = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;

function readNumber(scan: Scan): void {
  const { bytes, at } = scan;
  let end = at;
  while (isDigit(bytes[end])) end++;
  // Most numbers are whole, not negative, and begin with no zero that could be left out.
  const isPlain = end > at && (bytes[at] !== 48 || end === at + 1) && !isNumberByte(bytes[end]);
  if (isPlain) copyTo(scan, end);
  else readAnyNumber(scan);
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 48 && byte <= 57;
}

function readAnyNumber(scan: Scan): void {
  if (scan.options.numbers === "python" && readNoNumber(scan)) return;
  const from = scan.at;
  let to = from;
  while (isNumberByte(scan.bytes[to])) to++;
  const text = readCanonicalText(scan.bytes.subarray(from, to), scan.options.errors.malformed);
  if (!number.test(text)) throw malformed(scan, "a value");
  if (scan.options.numbers === "refuse" && !integer.test(text))
    throw scan.options.errors.number({ expected: "an integer", got: quote(text.slice(0, 40)) });
  if (text === "-0") scan.at++;
  while (scan.at < to) copyByte(scan);
}

/** What is no number in JSON leaves one that canonical JSON cannot write, so that nobody can have signed it. */
function readNoNumber(scan: Scan): boolean {
  const word = ["NaN", "Infinity", "-Infinity"].find((each) => scan.text.startsWith(each, scan.at));
  if (word === undefined) return false;
  scan.at += word.length;
  for (const char of "1.5") scan.out[scan.to++] = char.charCodeAt(0);
  return true;
}

/** Digits, signs, point and exponent. */
function isNumberByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  return (byte >= 48 && byte <= 57) || byte === 43 || byte === 45 || byte === 46 || byte === 69 || byte === 101;
}

function copyByte(scan: Scan): void {
  scan.out[scan.to++] = scan.bytes[scan.at++] as number;
}

/** The first byte that is no white space; 0 at the end. */
function skipSpace(scan: Scan): number {
  const { bytes } = scan;
  let byte = bytes[scan.at];
  while (byte === 32 || byte === 10 || byte === 13 || byte === 9) byte = bytes[++scan.at];
  return byte ?? 0;
}

function expect(scan: Scan, byte: number, what: string): void {
  if (scan.bytes[scan.at] !== byte) throw malformed(scan, what);
  scan.at++;
}

/** Whether a comma follows, which is passed over, or the end. */
function isFollowed(scan: Scan, end: number, what: string): boolean {
  const byte = skipSpace(scan);
  if (byte !== comma && byte !== end) throw malformed(scan, what);
  scan.at++;
  return byte === comma;
}

function malformed(scan: Scan, expected: string): TrustError {
  const rest = new TextDecoder().decode(scan.bytes.subarray(scan.at, scan.at + 20));
  const got = rest === "" ? "the end" : quote(rest);
  return scan.options.errors.malformed({ checked: `byte ${scan.at}`, expected, got });
}
