const encoder = new TextEncoder();
const decoder = new TextDecoder();
const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const letters = encoder.encode(alphabet);
const digits = digitTable();
const equals = 0x3d;

/** Base64 with padding, where the platform has no fast way of its own. */
export function encodeBase64(bytes: Uint8Array): string {
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

/** The bytes of canonical base64, undefined for anything else. */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (text.length % 4 !== 0) return undefined;
  // Reading letters from an array is twice as fast as from a string.
  const source = text.length <= scratch.length ? scratch : new Uint8Array(text.length);
  const { written } = encoder.encodeInto(text, source);
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  const whole = padding === 0 ? text.length : text.length - 4;
  const wrong = readQuads(source, whole, bytes) | (padding === 0 ? 0 : readTail(source, whole, bytes));
  return wrong < 0 || written !== text.length ? undefined : bytes;
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

/** The value of each letter of the alphabet, -1 for all other bytes. */
function digitTable(): Int8Array {
  const table = new Int8Array(256).fill(-1);
  for (let digit = 0; digit < alphabet.length; digit++) table[alphabet.charCodeAt(digit)] = digit;
  return table;
}
