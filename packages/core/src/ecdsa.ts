import { bigEndian } from "./rsa.ts";
import type { Curve } from "./algorithm.ts";

/** Orders of the curves (SP 800-186 §3.2.1). */
const orders: Readonly<Record<Curve, bigint>> = {
  p256: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  p384: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  p521: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
};

/**
 * Whether the bytes are one DER `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 §2.2.3), minimal everywhere, nothing after
 * it, r and s from 1 to the order less 1. Both halves of s are allowed: nobody in this field asks for the low one.
 */
export function isEcdsaShape(curve: Curve, signature: Uint8Array): boolean {
  if (signature[0] !== 0x30) return false;
  const long = signature[1] === 0x81;
  const start = long ? 3 : 2;
  const length = signature[long ? 2 : 1] ?? 0;
  if (length !== signature.length - start || long !== length > 0x7f) return false;
  const afterR = scalarEnd(orders[curve], signature, start);
  return afterR !== undefined && scalarEnd(orders[curve], signature, afterR) === signature.length;
}

/** The end of the INTEGER at `at`, if it is minimal and within the order. */
function scalarEnd(order: bigint, bytes: Uint8Array, at: number): number | undefined {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  if (bytes[at] !== 0x02 || length === 0 || length > 0x7f || end > bytes.length) return undefined;
  const [first = 0, second = 0] = bytes.subarray(at + 2, end);
  if (first > 0x7f || (first === 0 && second < 0x80)) return undefined;
  const value = bigEndian(bytes.subarray(at + 2, end));
  return value < order ? end : undefined;
}
