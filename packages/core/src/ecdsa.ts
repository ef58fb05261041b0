import { compareBytes, parseHex } from "./bytes.ts";
import type { Curve } from "./algorithm.ts";

/** Orders of the curves (SP 800-186 §3.2.1), the highest byte first. */
export const curveOrders: Readonly<Record<Curve, Uint8Array>> = {
  p256: parseHex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"),
  p384: parseHex("ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"),
  p521: parseHex(`01${"f".repeat(65)}a51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409`),
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
  const afterR = scalarEnd(curveOrders[curve], signature, start);
  return afterR !== undefined && scalarEnd(curveOrders[curve], signature, afterR) === signature.length;
}

/** The end of the INTEGER at `at`, if it is minimal and within the order. */
function scalarEnd(order: Uint8Array, bytes: Uint8Array, at: number): number | undefined {
  const length = bytes[at + 1] ?? 0;
  const end = at + 2 + length;
  if (bytes[at] !== 0x02 || length === 0 || length > 0x7f || end > bytes.length) return undefined;
  const isPadded = bytes[at + 2] === 0;
  const value = bytes.subarray(isPadded ? at + 3 : at + 2, end);
  const first = value[0] ?? 0;
  // The top bit is a sign: a zero byte stands before it where it is set, and nowhere else, so no scalar is 0.
  if (isPadded !== first > 0x7f) return undefined;
  return value.length < order.length || (value.length === order.length && compareBytes(value, order) < 0)
    ? end
    : undefined;
}
