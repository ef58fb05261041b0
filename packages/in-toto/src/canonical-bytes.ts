import { parseUtf8, unescapeCanonical } from "@countersign/core";

/*
 * Walks over bytes that `canonical.ts` wrote. They are well formed, have no white space and escape nothing but `"` and
 * `\`, so that the end of a value is found without reading it.
 */

const [quoteMark, comma, backslash] = [34, 44, 92] as const;

/** Calls `read` with each member's name and the start of its value; it must give the place after the value. */
export function walkMemberBytes(bytes: Uint8Array, read: (name: string, from: number) => number): void {
  let at = bytes[0] === 123 ? 1 : bytes.length;
  while (bytes[at] === quoteMark) {
    const nameEnd = endOfStringBytes(bytes, at);
    at = read(unescapeCanonical(parseUtf8(bytes.subarray(at + 1, nameEnd - 1))), nameEnd + 1) + 1;
  }
}

/** The place after the closing quote of the string that starts at `from`. */
export function endOfStringBytes(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  while (bytes[at] !== quoteMark && at < bytes.length) at += bytes[at] === backslash ? 2 : 1;
  return at + 1;
}

/** The place after the value that starts at `from`. */
export function endOfValueBytes(bytes: Uint8Array, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const byte = bytes[at];
    if (byte === quoteMark) at = endOfStringBytes(bytes, at);
    else {
      if (byte === 123 || byte === 91) depth++;
      if (byte === 125 || byte === 93) depth--;
      at++;
    }
    // After a number or a word stands a comma or the end of what it is in.
  } while (at < bytes.length && (depth > 0 || !isEnd(bytes[at])));
  return at;
}

function isEnd(byte: number | undefined): boolean {
  return byte === comma || byte === 125 || byte === 93;
}

/** A canonical string without its quotes: bytes `from` to `to`. */
export interface StringBytes {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Order of two canonical strings by code point, which is that of their UTF-8, escapes left out; 0 if they are equal. */
export function compareStringBytes(a: StringBytes, b: StringBytes): number {
  const left = a.bytes;
  const right = b.bytes;
  const count = Math.min(a.to - a.from, b.to - b.from);
  for (let k = 0; k < count; k++) {
    const byte = left[a.from + k] as number;
    if (byte !== right[b.from + k]) return unescaped(a, k) - unescaped(b, k);
    if (byte !== backslash) continue;
    k++;
    const order = (left[a.from + k] as number) - (right[b.from + k] as number);
    if (order !== 0) return order;
  }
  return a.to - a.from - (b.to - b.from);
}

function unescaped({ bytes, from }: StringBytes, k: number): number {
  const byte = bytes[from + k] as number;
  return byte === backslash ? (bytes[from + k + 1] as number) : byte;
}
