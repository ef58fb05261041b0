import { compareBytes } from "./bytes.ts";
import { coreError } from "./errors.ts";
import type { TrustError } from "./errors.ts";

/** One element of a DER encoding (ITU-T X.690 §10): `raw` is the whole of it, `content` what its length covers. */
export interface DerNode {
  readonly tagClass: "universal" | "application" | "context" | "private";
  readonly tag: number;
  readonly constructed: boolean;
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
  readonly children: readonly DerNode[];
}

/** The largest DER text that is read, in bytes. */
export const maxDerBytes: number = 16 * 1024 * 1024;
/** How deep constructed elements may nest. */
export const maxDerDepth: number = 32;
/** How many elements one text may have. */
export const maxDerNodes: number = 20_000;

const classes = ["universal", "application", "context", "private"] as const;
const none: readonly DerNode[] = [];

/**
 * Parses one DER element and all that is in it, and nothing after it (X.690 §8, §10, §11): definite minimal lengths,
 * minimal tags, canonical BOOLEAN, INTEGER, OBJECT IDENTIFIER and BIT STRING, primitive strings, SET members in order.
 * All of that holds when it returns; the nodes are views of `bytes`, made when they are looked at. Does not check the
 * text of strings and times, which their readers do. Throws CORE_DER_MALFORMED.
 */
export function parseDer(bytes: Uint8Array): DerNode {
  if (bytes.length > maxDerBytes) throw malformed(`at most ${maxDerBytes} bytes`, String(bytes.length));
  const own = plainView(bytes);
  const scan: Scan = { bytes: own, nodes: 0, first: 0, tag: 0, start: 0, to: 0 };
  const to = checkElement(scan, 0, own.length, 0);
  if (to !== own.length) throw malformed("the end", `${own.length - to} more bytes`);
  readHead(scan, own, 0, to);
  return new Element(own, 0, scan);
}

/** A subclass such as Node's Buffer would hand its own kind on to every view. */
function plainView(bytes: Uint8Array): Uint8Array {
  return bytes.constructor === Uint8Array ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What tag and length of one element say. Written over for the next one: a bundle has hundreds. */
interface Head {
  /** The first byte, with class and form. */
  first: number;
  tag: number;
  start: number;
  to: number;
}

// A class for speed alone: most elements are never looked at, and its getters slice only those that are.
class Element implements DerNode {
  readonly #bytes: Uint8Array;
  readonly #first: number;
  readonly #from: number;
  readonly #start: number;
  readonly #to: number;
  readonly tag: number;
  #children: readonly DerNode[] | undefined;

  constructor(bytes: Uint8Array, from: number, head: Head) {
    this.#bytes = bytes;
    this.#first = head.first;
    this.#from = from;
    this.#start = head.start;
    this.#to = head.to;
    this.tag = head.tag;
  }

  get tagClass(): DerNode["tagClass"] {
    return classes[this.#first >> 6] as DerNode["tagClass"];
  }

  get constructed(): boolean {
    return (this.#first & 0x20) !== 0;
  }

  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#from, this.#to);
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#to);
  }

  get children(): readonly DerNode[] {
    this.#children ??= this.constructed ? this.#split() : none;
    return this.#children;
  }

  #split(): readonly DerNode[] {
    const children: DerNode[] = [];
    const head: Head = { first: 0, tag: 0, start: 0, to: 0 };
    for (let at = this.#start; at < this.#to; at = head.to) {
      readHead(head, this.#bytes, at, this.#to);
      children.push(new Element(this.#bytes, at, head));
    }
    return children;
  }
}

interface Scan extends Head {
  readonly bytes: Uint8Array;
  nodes: number;
}

function malformed(expected: string, got: string): TrustError {
  return coreError("CORE_DER_MALFORMED", { expected, got });
}

/** Proves that a canonical element starts at `from` and ends before `end`; answers where. */
function checkElement(scan: Scan, from: number, end: number, depth: number): number {
  if (depth > maxDerDepth) throw malformed(`at most ${maxDerDepth} levels`, "more");
  if (++scan.nodes > maxDerNodes) throw malformed(`at most ${maxDerNodes} elements`, "more");
  readHead(scan, scan.bytes, from, end);
  const { bytes, first, tag, start, to } = scan;
  const constructed = (first & 0x20) !== 0;
  const isUniversal = first >> 6 === 0;
  if (isUniversal) checkForm(tag, constructed);
  if (constructed) checkChildren(scan, depth);
  else if (isUniversal && !isCanonical(tag, bytes, start, to))
    throw malformed(`a canonical ${canonicalTypes.get(tag) ?? "value"}`, "another");
  return to;
}

/** Of the element whose head was read last. */
function checkChildren(scan: Scan, depth: number): void {
  const { bytes, first, start, to } = scan;
  let before = start;
  for (let at = start; at < to;) {
    const next = checkElement(scan, at, to, depth + 1);
    // X.690 §11.6: members of a SET OF stand in ascending order of their encodings.
    if (first === 0x31 && at > start && compareBytes(bytes.subarray(before, at), bytes.subarray(at, next)) > 0)
      throw malformed("SET members in order", "another order");
    before = at;
    at = next;
  }
}

function readHead(head: Head, bytes: Uint8Array, from: number, end: number): void {
  if (from + 2 > end) throw malformed("tag and length", "the end");
  const first = bytes[from] as number;
  let tag = first & 0x1f;
  let at = from + 1;
  if (tag === 0x1f) [tag, at] = readLongTag(bytes, at, end);
  if (at >= end) throw malformed("a length", "the end");
  let length = bytes[at++] as number;
  if (length >= 0x80) {
    const count = length & 0x7f;
    length = readLongLength(bytes, at, end, count);
    at += count;
  }
  if (at + length > end) throw malformed(`${length} bytes of content`, String(end - at));
  head.first = first;
  head.tag = tag;
  head.start = at;
  head.to = at + length;
}

function readLongTag(bytes: Uint8Array, from: number, end: number): [tag: number, next: number] {
  let tag = 0;
  for (let at = from; at < end && at < from + 4; at++) {
    const byte = bytes[at] as number;
    if (at === from && byte === 0x80) break;
    tag = (tag << 7) | (byte & 0x7f);
    if ((byte & 0x80) === 0) {
      if (tag < 0x1f) break;
      return [tag, at + 1];
    }
  }
  throw malformed("a minimal tag of at most 28 bits", "another");
}

function readLongLength(bytes: Uint8Array, from: number, end: number, count: number): number {
  if (count === 0 || count > 4 || count > end - from)
    throw malformed("a definite length of at most 4 bytes", `${count} bytes`);
  let length = 0;
  for (let at = from; at < from + count; at++) length = length * 256 + (bytes[at] as number);
  if (length < 0x80 || length < 256 ** (count - 1)) throw malformed("a minimal length", String(length));
  return length;
}

/** EXTERNAL, EMBEDDED PDV, SEQUENCE and SET are constructed, all else of the universal class is primitive (X.690 §10.2). */
function checkForm(tag: number, constructed: boolean): void {
  if (tag === 0) throw malformed("a type", "end-of-contents");
  if (constructed !== (tag === 16 || tag === 17 || tag === 8 || tag === 11))
    throw malformed("constructed only where DER allows it", `tag ${tag}`);
}

const canonicalTypes: ReadonlyMap<number, string> = new Map([
  [1, "BOOLEAN"],
  [2, "INTEGER"],
  [3, "BIT STRING"],
  [5, "NULL"],
  [6, "OBJECT IDENTIFIER"],
  [10, "ENUMERATED"],
]);

/** Of the content from `start` to `to`. */
function isCanonical(tag: number, bytes: Uint8Array, start: number, to: number): boolean {
  if (tag > 10 || tag === 4) return true;
  const length = to - start;
  if (tag === 1) return length === 1 && (bytes[start] === 0 || bytes[start] === 255);
  if (tag === 2 || tag === 10) return length > 0 && (length === 1 || isMinimalInteger(bytes, start));
  if (tag === 3) return length > 0 && isCanonicalBits(bytes, start, to);
  if (tag === 5) return length === 0;
  return tag !== 6 || (length > 0 && isCanonicalOid(bytes, start, to));
}

/** X.690 §8.3.2, of at least two bytes: the first nine bits are not all alike. */
function isMinimalInteger(bytes: Uint8Array, start: number): boolean {
  const [first, second] = [bytes[start] as number, bytes[start + 1] as number];
  return !(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80);
}

/** X.690 §11.2.1: bits that are not used are zero. */
function isCanonicalBits(bytes: Uint8Array, start: number, to: number): boolean {
  const unused = bytes[start] as number;
  if (unused > 7) return false;
  if (to - start === 1) return unused === 0;
  return ((bytes[to - 1] as number) & ((1 << unused) - 1)) === 0;
}

/** X.690 §8.19: whole arcs, none of them padded. */
function isCanonicalOid(bytes: Uint8Array, start: number, to: number): boolean {
  let isStart = true;
  for (let at = start; at < to; at++) {
    const byte = bytes[at] as number;
    if (isStart && byte === 0x80) return false;
    isStart = byte < 0x80;
  }
  return isStart;
}
