import { hex } from "@countersign/core";

/** The unsigned integer that the bytes spell, most significant first; none spell 0. */
export function bytesToNumber(bytes: Uint8Array): bigint {
  return BigInt(`0x0${hex(bytes)}`);
}

/** Number of bits of an integer from 0. */
export function bitLength(value: bigint): number {
  return value === 0n ? 0 : value.toString(2).length;
}

/** base^exponent mod modulus, square and multiply. Not constant in time: for public values only. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let power = base % modulus;
  for (const bit of exponent.toString(2).split("").toReversed()) {
    if (bit === "1") result = (result * power) % modulus;
    power = (power * power) % modulus;
  }
  return result;
}
