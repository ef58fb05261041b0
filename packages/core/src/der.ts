import { concatBytes, parseUtf8, utf8 } from "./bytes.ts";
import { coreError, TrustError } from "./errors.ts";

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
 * Parses one DER element and all that is in it, and nothing after it: definite minimal lengths, minimal tags,
 * canonical BOOLEAN and INTEGER, primitive strings, SET members in order. Throws CORE_DER_MALFORMED.
 */
export function parseDer(bytes: Uint8Array): DerNode {
  if (bytes.length > maxDerBytes) throw malformed(`at most ${maxDerBytes} bytes`, String(bytes.length));
  const scan: Scan = { bytes, nodes: 0 };
  const node = readNode(scan, 0, bytes.length, 0);
  if (node.raw.length !== bytes.length) throw malformed("the end", `${bytes.length - node.raw.length} more bytes`);
  return node;
}

interface Scan {
  readonly bytes: Uint8Array;
  nodes: number;
}

function malformed(expected: string, got: string): TrustError {
  return coreError("CORE_DER_MALFORMED", { expected, got });
}

function readNode(scan: Scan, from: number, end: number, depth: number): DerNode {
  if (depth > maxDerDepth) throw malformed(`at most ${maxDerDepth} levels`, "more");
  if (++scan.nodes > maxDerNodes) throw malformed(`at most ${maxDerNodes} elements`, "more");
  const { bytes } = scan;
  if (from + 2 > end) throw malformed("tag and length", "the end");
  const first = bytes[from] as number;
  const constructed = (first & 0x20) !== 0;
  const [tag, afterTag] = (first & 0x1f) === 0x1f ? readLongTag(bytes, from + 1, end) : [first & 0x1f, from + 1];
  const [length, start] = readLength(bytes, afterTag, end);
  const to = start + length;
  if (to > end) throw malformed(`${length} bytes of content`, String(end - start));
  const tagClass = classes[first >> 6] as DerNode["tagClass"];
  const content = bytes.subarray(start, to);
  if (tagClass === "universal") checkUniversal(tag, constructed, content);
  const children = constructed ? readChildren(scan, start, to, depth) : none;
  if (tagClass === "universal" && tag === 17) checkOrder(children);
  return { tagClass, tag, constructed, raw: bytes.subarray(from, to), content, children };
}

function readChildren(scan: Scan, from: number, to: number, depth: number): readonly DerNode[] {
  const children: DerNode[] = [];
  for (let at = from; at < to; ) {
    const child = readNode(scan, at, to, depth + 1);
    children.push(child);
    at += child.raw.length;
  }
  return children;
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
  throw malformed("a minimal tag", "another");
}

function readLength(bytes: Uint8Array, from: number, end: number): [length: number, start: number] {
  if (from >= end) throw malformed("a length", "the end");
  const first = bytes[from] as number;
  if (first < 0x80) return [first, from + 1];
  const count = first & 0x7f;
  if (count === 0 || count > 4 || from + 1 + count > end) throw malformed("a definite length of at most 4 bytes", `${count} bytes`);
  let length = 0;
  for (let at = from + 1; at <= from + count; at++) length = length * 256 + (bytes[at] as number);
  if (length < 0x80 || length < 256 ** (count - 1)) throw malformed("a minimal length", String(length));
  return [length, from + 1 + count];
}

// SEQUENCE and SET are constructed, everything else of the universal class is primitive in DER (X.690 §10.2).
function checkUniversal(tag: number, constructed: boolean, content: Uint8Array): void {
  if (tag === 0) throw malformed("a type", "end-of-contents");
  if (constructed !== (tag === 16 || tag === 17 || tag === 8 || tag === 11)) throw malformed("constructed only where DER allows it", `tag ${tag}`);
  if (tag === 1 && (content.length !== 1 || (content[0] !== 0 && content[0] !== 255))) throw malformed("a canonical BOOLEAN", "another");
  if (tag === 5 && content.length !== 0) throw malformed("an empty NULL", "content");
  if ((tag === 2 || tag === 10) && !isCanonicalInteger(content)) throw malformed("a minimal INTEGER", "another");
}

function isCanonicalInteger(content: Uint8Array): boolean {
  const [first, second] = content;
  if (first === undefined) return false;
  if (second === undefined) return true;
  return !(first === 0 && second < 0x80) && !(first === 0xff && second >= 0x80);
}

// X.690 §11.6: members of a SET OF stand in ascending order of their encodings.
function checkOrder(children: readonly DerNode[]): void {
  for (let index = 1; index < children.length; index++) {
    if (compare((children[index - 1] as DerNode).raw, (children[index] as DerNode).raw) > 0) throw malformed("SET members in order", "another order");
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return (a[at] as number) - (b[at] as number);
  return a.length - b.length;
}

function expectTag(node: DerNode, tag: number, what: string): Uint8Array {
  if (node.tagClass !== "universal" || node.tag !== tag) throw malformed(what, `${node.tagClass} tag ${node.tag}`);
  return node.content;
}

/** The value of an INTEGER (or ENUMERATED), of any size up to 2,048 bytes. */
export function readInteger(node: DerNode): bigint {
  const content = expectTag(node, node.tag === 10 ? 10 : 2, "an INTEGER");
  if (content.length > 2048) throw malformed("at most 2,048 bytes of INTEGER", String(content.length));
  let text = "0x";
  for (const byte of content) text += byte.toString(16).padStart(2, "0");
  return BigInt.asIntN(content.length * 8, BigInt(text));
}

/** The dotted form of an OBJECT IDENTIFIER, at most 64 bytes. */
export function readOid(node: DerNode): string {
  const content = expectTag(node, 6, "an OBJECT IDENTIFIER");
  if (content.length === 0 || content.length > 64 || ((content.at(-1) as number) & 0x80) !== 0) throw malformed("a whole OBJECT IDENTIFIER", `${content.length} bytes`);
  const arcs: string[] = [];
  let arc = 0;
  let isStart = true;
  for (const byte of content) {
    if (isStart && byte === 0x80) throw malformed("minimal arcs", "a padded one");
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw malformed("arcs below 2^53", "a larger one");
    isStart = (byte & 0x80) === 0;
    if (!isStart) continue;
    if (arcs.length === 0) arcs.push(String(Math.min(2, Math.floor(arc / 40))), String(arc - Math.min(2, Math.floor(arc / 40)) * 40));
    else arcs.push(String(arc));
    arc = 0;
  }
  return arcs.join(".");
}

/** The bytes of an OCTET STRING. */
export function readOctets(node: DerNode): Uint8Array {
  return expectTag(node, 4, "an OCTET STRING");
}

/** The bytes of a BIT STRING of whole bytes. */
export function readBitString(node: DerNode): Uint8Array {
  const content = expectTag(node, 3, "a BIT STRING");
  if (content[0] !== 0) throw malformed("a BIT STRING of whole bytes", "another");
  return content.subarray(1);
}

/** The numbers of the bits that are set in a named BIT STRING, which has no trailing zeros (X.690 §11.2.2). */
export function readNamedBits(node: DerNode): readonly number[] {
  const content = expectTag(node, 3, "a BIT STRING");
  const unused = content[0] ?? 8;
  const last = content.at(-1) as number;
  if (unused > 7 || content.length > 9 || (content.length === 1 && unused !== 0)) throw malformed("a short named BIT STRING", `${content.length} bytes`);
  if (content.length > 1 && (last & ((1 << (unused + 1)) - 1)) !== 1 << unused) throw malformed("no trailing zero bits", "some");
  const bits: number[] = [];
  for (let bit = 0; bit < (content.length - 1) * 8; bit++) if (((content[1 + (bit >> 3)] as number) >> (7 - (bit & 7))) & 1) bits.push(bit);
  return bits;
}

/** The value of a BOOLEAN. */
export function readBoolean(node: DerNode): boolean {
  return expectTag(node, 1, "a BOOLEAN")[0] === 255;
}

/** The text of a UTF8String. */
export function readUtf8String(node: DerNode): string {
  return readText(expectTag(node, 12, "a UTF8String"));
}

/** The text of an IA5String's content, such as an implicitly tagged general name: ASCII only. */
export function readIa5(content: Uint8Array): string {
  if (content.some((byte) => byte > 127)) throw malformed("ASCII", "other bytes");
  return readText(content);
}

function readText(content: Uint8Array): string {
  try {
    return parseUtf8(content);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw malformed("UTF-8", "other bytes");
  }
}

/** Milliseconds of a UTCTime (RFC 5280 §4.1.2.5.1) or GeneralizedTime in UTC; a fraction is allowed as in RFC 3161 §2.4.2. */
export function readTime(node: DerNode): number {
  const isShort = node.tag === 23;
  const text = readIa5(expectTag(node, isShort ? 23 : 24, "a time"));
  const match = (isShort ? shortTime : longTime).exec(text);
  if (match === null) throw malformed("a time in UTC to the second", JSON.stringify(text.slice(0, 40)));
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(isShort ? year + (year < 50 ? 2000 : 1900) : year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && date.getUTCHours() === hour && date.getUTCMinutes() === minute && date.getUTCSeconds() === second;
  if (!isReal) throw malformed("a time that exists", JSON.stringify(text));
  return date.getTime();
}

const shortTime = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/;
const longTime = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.(\d{0,8}[1-9]))?Z$/;

function write(tag: number, content: Uint8Array): Uint8Array {
  const { length } = content;
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), content);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return concatBytes(Uint8Array.of(tag, 0x80 | digits.length, ...digits), content);
}

/** SEQUENCE of encoded parts. */
export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return write(0x30, concatBytes(...parts));
}

/** SET OF encoded parts, put in order. */
export function derSet(...parts: readonly Uint8Array[]): Uint8Array {
  return write(0x31, concatBytes(...[...parts].sort(compare)));
}

/** INTEGER. */
export function derInteger(value: bigint | number): Uint8Array {
  const integer = BigInt(value);
  let length = 1;
  while (BigInt.asIntN(length * 8, integer) !== integer) length++;
  const content = new Uint8Array(length);
  for (let at = length - 1, rest = integer; at >= 0; at--, rest >>= 8n) content[at] = Number(rest & 255n);
  return write(2, content);
}

/** OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...others].flatMap((arc) => {
    const digits = [arc % 128];
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) digits.unshift((rest % 128) | 128);
    return digits;
  });
  return write(6, Uint8Array.from(bytes));
}

/** OCTET STRING. */
export function derOctets(bytes: Uint8Array): Uint8Array {
  return write(4, bytes);
}

/** BIT STRING of whole bytes. */
export function derBitString(bytes: Uint8Array): Uint8Array {
  return write(3, concatBytes(Uint8Array.of(0), bytes));
}

/** BOOLEAN. */
export function derBoolean(value: boolean): Uint8Array {
  return Uint8Array.of(1, 1, value ? 255 : 0);
}

/** NULL. */
export function derNull(): Uint8Array {
  return Uint8Array.of(5, 0);
}

/** UTF8String. */
export function derUtf8(text: string): Uint8Array {
  return write(12, utf8(text));
}

/** GeneralizedTime to the second. */
export function derTime(timeMs: number): Uint8Array {
  return write(24, utf8(`${new Date(timeMs).toISOString().replaceAll(/[-:T]|\.\d+/g, "")}`));
}

/** [tag] EXPLICIT around one encoded element; tags up to 30. */
export function derExplicit(tag: number, inner: Uint8Array): Uint8Array {
  return write(0xa0 | tag, inner);
}

/** [tag] IMPLICIT, primitive, with this content; tags up to 30. */
export function derImplicit(tag: number, content: Uint8Array): Uint8Array {
  return write(0x80 | tag, content);
}
