import { coreError, quote } from "./errors.ts";
import type { TrustError } from "./errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 of a text. Lone surrogates become U+FFFD, as the platform does. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of strict UTF-8; a byte order mark stays in it. Throws CORE_TEXT_MALFORMED. */
export function parseUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw coreError("CORE_TEXT_MALFORMED", { expected: "UTF-8", got: `${bytes.length} bytes` }, cause);
  }
}

const hexPairs: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const hexDigits = digitTable("0123456789abcdef");

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexPairs[byte] as string;
  return text;
}

/** Bytes of lower-case hex of even length. Throws CORE_TEXT_MALFORMED. */
export function parseHex(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length >> 1);
  let wrong = text.length % 2 === 0 ? 0 : -1;
  for (let at = 0; at < bytes.length; at++) {
    const high = text.charCodeAt(at * 2);
    const low = text.charCodeAt(at * 2 + 1);
    const byte = ((hexDigits[high & 127] as number) << 4) | (hexDigits[low & 127] as number);
    wrong |= byte | -((high | low) >> 7);
    bytes[at] = byte;
  }
  if (wrong < 0) throw malformed("lower-case hex", text);
  return bytes;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const letters = utf8(alphabet);
const digits = digitTable(alphabet);
const equals = 0x3d;

/** Base64 with padding (RFC 4648 §4). */
export function base64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(equals);
  const whole = bytes.length - (bytes.length % 3);
  let to = 0;
  for (let at = 0; at < whole; at += 3) {
    const word = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    text[to++] = letters[word >> 18] as number;
    text[to++] = letters[(word >> 12) & 63] as number;
    text[to++] = letters[(word >> 6) & 63] as number;
    text[to++] = letters[word & 63] as number;
  }
  if (whole < bytes.length) {
    const word = ((bytes[whole] as number) << 16) | ((bytes[whole + 1] ?? 0) << 8);
    text[to++] = letters[word >> 18] as number;
    text[to++] = letters[(word >> 12) & 63] as number;
    if (bytes.length - whole === 2) text[to] = letters[(word >> 6) & 63] as number;
  }
  return decoder.decode(text);
}

/**
 * Bytes of canonical base64 (RFC 4648 §4 with §3.5): padded, no white space, not the URL alphabet, no stray bits at
 * the end. Throws CORE_TEXT_MALFORMED.
 */
export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw malformed("canonical base64", text);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const whole = padding === 0 ? text.length : text.length - 4;
  // One sign bit gathers all faults, so that the loop has no branch: a letter outside the alphabet has the digit -1.
  let wrong = 0;
  for (let at = 0, to = 0; at < whole; at += 4, to += 3) {
    const word = readQuad(text, at);
    wrong |= word;
    bytes[to] = word >> 16;
    bytes[to + 1] = word >> 8;
    bytes[to + 2] = word;
  }
  if (padding > 0) wrong |= readTail(text.slice(whole, -padding), bytes);
  if (wrong < 0) throw malformed("canonical base64", text);
  return bytes;
}

/** Four letters as 24 bits, negative if one is outside the alphabet. */
function readQuad(text: string, at: number): number {
  const a = text.charCodeAt(at);
  const b = text.charCodeAt(at + 1);
  const c = text.charCodeAt(at + 2);
  const d = text.charCodeAt(at + 3);
  const high = ((digits[a & 127] as number) << 18) | ((digits[b & 127] as number) << 12);
  return high | ((digits[c & 127] as number) << 6) | (digits[d & 127] as number) | -((a | b | c | d) >> 7);
}

/** Writes the last one or two bytes and answers negative if the letters or the bits left over are wrong. */
function readTail(tail: string, bytes: Uint8Array): number {
  const word = readQuad(tail.padEnd(4, "A"), 0);
  const spare = tail.length === 3 ? 8 : 16;
  if (tail.length === 3) bytes[bytes.length - 2] = word >> 16;
  bytes[bytes.length - 1] = word >> spare;
  return (word & ((1 << spare) - 1)) === 0 ? word : -1;
}

/** The value of each ASCII letter in an alphabet, -1 for all others. */
function digitTable(letters: string): Int8Array {
  const table = new Int8Array(128).fill(-1);
  for (let digit = 0; digit < letters.length; digit++) table[letters.charCodeAt(digit)] = digit;
  return table;
}

function malformed(expected: string, text: string): TrustError {
  return coreError("CORE_TEXT_MALFORMED", { expected, got: quote(text.slice(0, 80)) });
}

/** Whether two byte strings are the same. Not in constant time: use it for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

/** Order of two byte strings as unsigned bytes, a prefix first: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number);
  return a.length - b.length;
}

/** All parts one after another, as a fresh array. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
