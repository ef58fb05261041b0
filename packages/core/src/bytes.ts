import { decodeBase64, encodeBase64 } from "#base64";
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

/** Base64 with padding (RFC 4648 §4). */
export function base64(bytes: Uint8Array): string {
  return encodeBase64(bytes);
}

/**
 * Bytes of canonical base64 (RFC 4648 §4 with §3.5): padded, no white space, not the URL alphabet, no stray bits at
 * the end. Throws CORE_TEXT_MALFORMED.
 */
export function parseBase64(text: string): Uint8Array {
  const bytes = decodeBase64(text);
  if (bytes === undefined) throw malformed("canonical base64", text);
  return bytes;
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
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
