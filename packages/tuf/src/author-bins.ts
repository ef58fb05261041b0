import { hash, hex, utf8 } from "@countersign/core";
import { tufError } from "./errors.ts";

/** Hash bins: a target belongs to the bin whose number is the first `bits` bits of the SHA-256 of its path (TAP 15). */
export interface Bins {
  /** The names of the bins begin with this and a hyphen. */
  readonly prefix: string;
  /** There are 2 to this power; from 1 to 14. */
  readonly bits: number;
}

/** More bins than 2 to this power are not made here: each of them is a file to sign and to name in the snapshot. */
export const maxBinBits = 14;

/** Refuses numbers of bits beyond 1 to `maxBinBits`. Throws TUF_BINS_COUNT. */
export function checkBins({ bits }: Bins): void {
  if (Number.isInteger(bits) && bits >= 1 && bits <= maxBinBits) return;
  throw tufError("TUF_BINS_COUNT", { expected: `1 to ${maxBinBits}`, got: String(bits) });
}

/** The name of each bin, by number: the number in hex with leading zeros after the prefix. */
export function binNames(bins: Bins): readonly string[] {
  return Array.from({ length: 2 ** bins.bits }, (_, number) => binName(bins, number));
}

/** The bin that a target path belongs to. */
export function binOf(bins: Bins, path: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = hash("sha256", utf8(path));
  const first32 = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  return binName(bins, bins.bits === 32 ? first32 : first32 >>> (32 - bins.bits));
}

/** The `path_hash_prefixes` that say the same of a bin to clients that do not know TAP 15: hex, as short as they can be. */
export function binPrefixes({ bits }: Bins, number: number): readonly string[] {
  const digits = Math.ceil(bits / 4);
  const perBin = 2 ** (digits * 4 - bits);
  return Array.from({ length: perBin }, (_, at) => (number * perBin + at).toString(16).padStart(digits, "0"));
}

/** Lower-case hex SHA-256 of a path, of which `path_hash_prefixes` are the beginnings. */
export function pathHash(path: string): string {
  return hex(hash("sha256", utf8(path)));
}

function binName({ prefix, bits }: Bins, number: number): string {
  const digits = (2 ** bits - 1).toString(16).length;
  return `${prefix}-${number.toString(16).padStart(digits, "0")}`;
}
