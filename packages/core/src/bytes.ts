import { coreError } from "./errors.ts";
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

/** As many letters are turned to bytes without a fresh array; most fields of a bundle are shorter. */
const scratch: Uint8Array = new Uint8Array(16 * 1024);

/**
 * Bytes of canonical base64 (RFC 4648 §4 with §3.5): padded, no white space, not the URL alphabet, no stray bits at
 * the end. Throws CORE_TEXT_MALFORMED.
 */
export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw malformed("canonical base64", text);
  // Reading letters from an array is twice as fast as from a string.
  const source = text.length <= scratch.length ? scratch : new Uint8Array(text.length);
  const { written } = encoder.encodeInto(text, source);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const whole = padding === 0 ? text.length : text.length - 4;
  const wrong = readQuads(source, whole, bytes) | (padding === 0 ? 0 : readTail(source, whole, bytes));
  if (wrong < 0 || written !== text.length) throw malformed("canonical base64", text);
  return bytes;
}

/** Decodes `length` letters, four at a time; negative if one is outside the alphabet: one sign bit gathers all faults, so that the loop has no branch. */
function readQuads(source: Uint8Array, length: number, bytes: Uint8Array): number {
  let wrong = 0;
  for (let at = 0, to = 0; at < length; at += 4, to += 3) {
    const high = (digitAt(source, at) << 18) | (digitAt(source, at + 1) << 12);
    const word = high | (digitAt(source, at + 2) << 6) | digitAt(source, at + 3);
    wrong |= word;
    bytes[to] = word >> 16;
    bytes[to + 1] = word >> 8;
    bytes[to + 2] = word;
  }
  return wrong;
}

/** Decodes the two or three letters before the padding, which hold the last one or two bytes and else zeros; negative if not. */
function readTail(source: Uint8Array, from: number, bytes: Uint8Array): number {
  const isTwo = bytes.length % 3 === 2;
  const high = (digitAt(source, from) << 18) | (digitAt(source, from + 1) << 12);
  const word = isTwo ? high | (digitAt(source, from + 2) << 6) : high;
  if (isTwo) bytes[bytes.length - 2] = word >> 16;
  bytes[bytes.length - 1] = isTwo ? word >> 8 : word >> 16;
  return (word & (isTwo ? 0xff : 0xffff)) === 0 ? word : -1;
}

function digitAt(source: Uint8Array, at: number): number {
  return digits[source[at] as number] as number;
}

/** The value of each byte in an alphabet, -1 for all others. */
function digitTable(letters: string): Int8Array {
  const table = new Int8Array(256).fill(-1);
  for (let digit = 0; digit < letters.length; digit++) table[letters.charCodeAt(digit)] = digit;
  return table;
}

/** Says nothing of the text itself, which may be a secret. */
function malformed(expected: string, text: string): TrustError {
  return coreError("CORE_TEXT_MALFORMED", { expected, got: `another text of ${text.length} characters` });
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
