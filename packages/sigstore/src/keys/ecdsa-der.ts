import { derInteger, derSequence, type Curve } from "@countersign/core";

const numberBytes: Readonly<Record<Curve, number>> = { p256: 32, p384: 48, p521: 66 };

/**
 * An ECDSA signature in DER (RFC 3279 §2.2.3), from its two numbers one after another as JOSE and PKCS#11 write them.
 * Another length is kept as it is: no key will have made it.
 */
export function ecdsaDer(numbers: Uint8Array, curve: Curve): Uint8Array {
  const length = numberBytes[curve];
  if (numbers.length !== length * 2) return numbers;
  return derSequence(derInteger(unsigned(numbers.subarray(0, length))), derInteger(unsigned(numbers.subarray(length))));
}

/** The number that some bytes write, the first the highest. */
export function unsigned(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
