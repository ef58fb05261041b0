import { coreError, quote } from "./errors.ts";

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

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += hexPairs[byte] as string;
  return text;
}

/** Bytes of lower-case hex of even length. Throws CORE_TEXT_MALFORMED. */
export function parseHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) throw coreError("CORE_TEXT_MALFORMED", { expected: "lower-case hex", got: quote(text.slice(0, 80)) });
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at++) bytes[at] = Number.parseInt(text.slice(at * 2, at * 2 + 2), 16);
  return bytes;
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values: Uint8Array = new Uint8Array(128).fill(255);
for (let at = 0; at < 64; at++) values[alphabet.charCodeAt(at)] = at;

/** Base64 with padding (RFC 4648 §4). */
export function base64(bytes: Uint8Array): string {
  let text = "";
  const whole = bytes.length - (bytes.length % 3);
  for (let at = 0; at < whole; at += 3) {
    const word = ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
    text += (alphabet[word >> 18] as string) + alphabet[(word >> 12) & 63] + alphabet[(word >> 6) & 63] + alphabet[word & 63];
  }
  if (bytes.length - whole === 1) {
    const word = bytes[whole] as number;
    text += `${alphabet[word >> 2]}${alphabet[(word & 3) << 4]}==`;
  } else if (bytes.length - whole === 2) {
    const word = ((bytes[whole] as number) << 8) | (bytes[whole + 1] as number);
    text += `${alphabet[word >> 10]}${alphabet[(word >> 4) & 63]}${alphabet[(word & 15) << 2]}=`;
  }
  return text;
}

/** Bytes of canonical base64: padded, no white space, not the URL alphabet, no stray bits at the end. Throws CORE_TEXT_MALFORMED. */
export function parseBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw notBase64(text);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const chars = text.length - padding;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  let bits = 0;
  let word = 0;
  let to = 0;
  for (let at = 0; at < chars; at++) {
    const code = text.charCodeAt(at);
    const value = code < 128 ? (values[code] as number) : 255;
    if (value === 255) throw notBase64(text);
    word = ((word << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[to++] = (word >> bits) & 255;
    }
  }
  if ((word & ((1 << bits) - 1)) !== 0) throw notBase64(text);
  return bytes;
}

function notBase64(text: string): Error {
  return coreError("CORE_TEXT_MALFORMED", { expected: "canonical base64", got: quote(text.slice(0, 80)) });
}

/** Whether two byte strings are the same. Not in constant time: use it for public values only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
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
