import { pipelineError } from "./errors.ts";
import type { TrustError } from "@countersign/core";

/**
 * Decompresses one block (google/snappy, format_description.txt): all of it, to exactly the length that it says.
 * Throws PIPELINE_SNAPPY_MALFORMED, also where it says more than `maxBytes`, before anything is allocated.
 */
export function decodeSnappy(block: Uint8Array, maxBytes: number): Uint8Array {
  const scan: Scan = { block, at: 0 };
  const length = readLength(scan);
  if (length > maxBytes) throw malformed(`at most ${maxBytes} bytes`, `${length}`);
  const out = new Uint8Array(length);
  let end = 0;
  while (scan.at < block.length) {
    const tag = readByte(scan);
    end = (tag & 3) === 0 ? putLiteral(scan, tag, { out, end }) : putCopy(scan, tag, { out, end });
  }
  if (end !== length) throw malformed(`${length} bytes`, `${end}`);
  return out;
}

interface Scan {
  readonly block: Uint8Array;
  at: number;
}

interface Output {
  readonly out: Uint8Array;
  readonly end: number;
}

/** A varint of at most 32 bits. */
function readLength(scan: Scan): number {
  let length = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = readByte(scan);
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) return length;
  }
  throw malformed("a length of 32 bits", "more");
}

/** A literal's length is in the tag, or in up to four bytes after it. */
function putLiteral(scan: Scan, tag: number, { out, end }: Output): number {
  const said = tag >> 2;
  const length = (said < 60 ? said : readLittle(scan, said - 59)) + 1;
  const from = scan.at;
  scan.at += length;
  if (scan.at > scan.block.length || end + length > out.length) throw malformed("a literal that fits", `${length}`);
  out.set(scan.block.subarray(from, scan.at), end);
  return end + length;
}

/** Byte by byte: a copy may reach into what it writes itself. */
function putCopy(scan: Scan, tag: number, { out, end }: Output): number {
  const isShort = (tag & 3) === 1;
  const length = isShort ? 4 + ((tag >> 2) & 7) : (tag >> 2) + 1;
  const offset = isShort ? ((tag >> 5) << 8) | readByte(scan) : readLittle(scan, (tag & 3) === 2 ? 2 : 4);
  if (offset === 0 || offset > end || end + length > out.length)
    throw malformed("a copy of what is there", `${offset}`);
  for (let index = 0; index < length; index++) out[end + index] = out[end - offset + index] as number;
  return end + length;
}

function readLittle(scan: Scan, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index++) value += readByte(scan) * 2 ** (8 * index);
  return value;
}

function readByte(scan: Scan): number {
  const byte = scan.block[scan.at++];
  if (byte === undefined) throw malformed("a whole block", "one that was cut");
  return byte;
}

function malformed(expected: string, got: string): TrustError {
  return pipelineError("PIPELINE_SNAPPY_MALFORMED", { expected, got });
}
