import { hex, parseHex, parseUtf8 } from "./bytes.ts";
import { coreError, quote, TrustError } from "./errors.ts";
import type { DerNode } from "./der.ts";

/** The longest INTEGER that is read, in bytes: an RSA modulus of 16,384 bits. */
export const maxIntegerBytes: number = 2049;
/** The longest OBJECT IDENTIFIER that is read, in bytes. */
export const maxOidBytes: number = 64;

/** The value of an INTEGER; an ENUMERATED is none. Throws CORE_DER_MALFORMED, as all readers here do. */
export function readInteger(node: DerNode): bigint {
  const content = expectTag(node, 2, "an INTEGER");
  if (content.length > maxIntegerBytes)
    throw malformed(`at most ${maxIntegerBytes} bytes of INTEGER`, String(content.length));
  return BigInt.asIntN(content.length * 8, BigInt(`0x${hex(content)}`));
}

/** The dotted form of an OBJECT IDENTIFIER, arcs of any size. */
export function readOid(node: DerNode): string {
  const content = expectTag(node, 6, "an OBJECT IDENTIFIER");
  if (content.length > maxOidBytes)
    throw malformed(`an OBJECT IDENTIFIER of at most ${maxOidBytes} bytes`, "a longer one");
  for (const { prefix, members } of oidFamilies)
    if (content.length === prefix.length + 1 && isSameStart(content, prefix))
      return members[content[prefix.length] as number] as string;
  return readArcs(content);
}

/**
 * Two beginnings, RFC 5280's and Fulcio's, under which nearly all extensions of a certificate stand with one more arc of one byte:
 * to put such texts together, and to hash them as keys of a Map, takes longer than all else that is read of an extension.
 */
const oidFamilies = [oidFamily("551d"), oidFamily("2b0601040183bf3001")];

function oidFamily(prefixHex: string): { readonly prefix: Uint8Array; readonly members: readonly string[] } {
  const prefix = parseHex(prefixHex);
  return { prefix, members: Array.from({ length: 128 }, (_, arc) => `${readArcs(prefix)}.${arc}`) };
}

function readArcs(content: Uint8Array): string {
  let text = "";
  let arc = 0;
  for (let at = 0, from = 0; at < content.length; at++) {
    const byte = content[at] as number;
    arc = arc * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    const isExact = at - from < 7;
    if (from === 0) text = isExact ? firstArcs(arc) : `2.${readLargeArc(content, 0, at) - 80n}`;
    else text += `.${isExact ? arc : readLargeArc(content, from, at)}`;
    arc = 0;
    from = at + 1;
  }
  return text;
}

function isSameStart(content: Uint8Array, prefix: Uint8Array): boolean {
  for (let at = 0; at < prefix.length; at++) if (content[at] !== prefix[at]) return false;
  return true;
}

/** X.690 §8.19.4: the first two arcs share one number, and only under 2 may the second be 40 or more. */
function firstArcs(both: number): string {
  const first = Math.min(2, Math.floor(both / 40));
  return `${first}.${both - first * 40}`;
}

function readLargeArc(content: Uint8Array, from: number, last: number): bigint {
  let arc = 0n;
  for (const byte of content.subarray(from, last + 1)) arc = (arc << 7n) | BigInt(byte & 0x7f);
  return arc;
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
  if (content.length > 9) throw malformed("a named BIT STRING of at most 64 bits", `${content.length - 1} bytes`);
  const [unused = 0, ...bytes] = content;
  const length = bytes.length * 8 - unused;
  const bits: number[] = [];
  for (let bit = 0; bit < length; bit++) {
    if ((((bytes[bit >> 3] as number) >> (7 - (bit & 7))) & 1) === 1) bits.push(bit);
  }
  if (length > 0 && bits.at(-1) !== length - 1) throw malformed("no trailing zero bits", "some");
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

/** The text of an IA5String's content, such as an implicitly tagged general name: ASCII only, control characters too. */
export function readAscii(content: Uint8Array): string {
  for (let at = 0; at < content.length; at++)
    if ((content[at] as number) > 127) throw malformed("ASCII", "other bytes");
  return parseUtf8(content);
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
  const content = expectTag(node, isShort ? 23 : 24, "a time");
  const from = isShort ? 2 : 4;
  const fractionMs = readFraction(content, from + 10);
  const year = isShort ? readDigits(content, 0, 2) : readDigits(content, 0, 4);
  const [month, day] = [readDigits(content, from, 2), readDigits(content, from + 2, 2)];
  const [hour, minute] = [readDigits(content, from + 4, 2), readDigits(content, from + 6, 2)];
  const second = readDigits(content, from + 8, 2);
  if ((isShort && content.length !== 13) || Number.isNaN(year + month + day + hour + minute + second + fractionMs))
    throw malformed("a time in UTC to the second", quote(readAscii(content.subarray(0, 40))));
  const date = new Date(0);
  date.setUTCFullYear(isShort ? year + (year < 50 ? 2000 : 1900) : year, month - 1, day);
  // A 31st of June rolls over, and shows as another date.
  const isReal =
    date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  if (!isReal) throw malformed("a time that exists", quote(readAscii(content)));
  return date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fractionMs;
}

/** The number that `count` decimal digits of the content write; NaN if there is anything else. */
function readDigits(content: Uint8Array, from: number, count: number): number {
  let value = 0;
  for (let at = from; at < from + count; at++) {
    const digit = (content[at] ?? 0) - 0x30;
    value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN;
  }
  return value;
}

/** Milliseconds of `Z`, or of a point, one to nine digits without a zero at their end, and `Z`, up to the content's end; else NaN. */
function readFraction(content: Uint8Array, from: number): number {
  const last = content.length - 1;
  if (content[last] !== 0x5a || last < from) return Number.NaN;
  if (last === from) return 0;
  const digits = last - from - 1;
  if (content[from] !== 0x2e || digits < 1 || digits > 9 || content[last - 1] === 0x30) return Number.NaN;
  return Math.floor(readDigits(content, from + 1, digits) * 10 ** (3 - digits));
}

function expectTag(node: DerNode, tag: number, what: string): Uint8Array {
  if (node.tagClass !== "universal" || node.tag !== tag) throw malformed(what, `${node.tagClass} tag ${node.tag}`);
  return node.content;
}

function malformed(expected: string, got: string): TrustError {
  return coreError("CORE_DER_MALFORMED", { expected, got });
}
