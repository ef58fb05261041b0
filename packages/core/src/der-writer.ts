import { compareBytes, concatBytes, parseHex, utf8 } from "./bytes.ts";
import { coreError, quote } from "./errors.ts";

/** SEQUENCE of encoded parts. */
export function derSequence(...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return concatBytes(derHead(0x30, length), ...parts);
}

/** SET OF encoded parts, put in order. */
export function derSet(...parts: readonly Uint8Array[]): Uint8Array {
  return write(0x31, concatBytes(...[...parts].sort(compareBytes)));
}

/** INTEGER (X.690 §8.3), as short as can be. A number must be an integer. */
export function derInteger(value: bigint | number): Uint8Array {
  const integer = BigInt(value);
  const digits = (integer < 0n ? ~integer : integer).toString(16);
  const bits = digits.length * 4 - Math.clz32(Number.parseInt(digits.charAt(0), 16)) + 28;
  // One bit more, for the sign.
  const length = (bits >> 3) + 1;
  const content = parseHex(
    BigInt.asUintN(length * 8, integer)
      .toString(16)
      .padStart(length * 2, "0"),
  );
  return write(2, content);
}

/** OBJECT IDENTIFIER from its dotted form. Throws CORE_OID_MALFORMED if that is not one. */
export function derOid(dotted: string): Uint8Array {
  if (dotted.length > 256 || !/^(?:[01]\.[1-3]?[0-9]|2\.(?:0|[1-9][0-9]*))(?:\.(?:0|[1-9][0-9]*))*$/.test(dotted))
    throw coreError("CORE_OID_MALFORMED", { got: quote(dotted) });
  const [first = 0n, second = 0n, ...others] = dotted.split(".").map(BigInt);
  return write(6, Uint8Array.from([first * 40n + second, ...others].flatMap(arcDigits)));
}

function arcDigits(arc: bigint): number[] {
  const digits = [Number(arc & 127n)];
  for (let rest = arc >> 7n; rest > 0n; rest >>= 7n) digits.unshift(Number(rest & 127n) | 128);
  return digits;
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

/** GeneralizedTime of a time in ms, cut to the second; years 0 to 9999. */
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

function write(tag: number, content: Uint8Array): Uint8Array {
  return concatBytes(derHead(tag, content.length), content);
}

/** Tag byte and length of an element with so many bytes of content. */
export function derHead(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length);
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return Uint8Array.of(tag, 0x80 | digits.length, ...digits);
}
