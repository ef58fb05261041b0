import { derBitString, derInteger, derOid, derSequence, parseDer, readInteger, TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { bitLength, bytesToNumber, modPow } from "./number.ts";
import type { Mode } from "./mode.ts";

/** A DSA public key (FIPS 186-4 §4.1), as OpenPGP has it. */
export interface DsaKey {
  readonly p: bigint;
  readonly q: bigint;
  readonly g: bigint;
  readonly y: bigint;
}

/** Smallest DSA modulus and subgroup, in bits (NIST SP 800-131A); largest modulus. */
export const minDsaBits = 2048;
/** Smallest subgroup, in bits. */
export const minDsaSubgroupBits = 224;

/** What the reference takes: the lengths of FIPS 186-4, and those of 186-2. */
const lengths = { modulus: [1024, 2048, 3072, 4096], subgroup: [160, 224, 256] } as const;

/**
 * Proves that the numbers can be a key: lengths of FIPS 186-4 (compat: also 1024 and 160 bits), q divides p - 1, and g and y
 * are of order q. Does not prove that p and q are primes: whoever lists the key vouches for it. Throws INTOTO_KEY_MALFORMED
 * and INTOTO_KEY_WEAK.
 */
export function checkDsaKey(key: DsaKey, mode: Mode): void {
  const { p, q, g, y } = key;
  const [modulus, subgroup] = [bitLength(p), bitLength(q)];
  const areKnown = includes(lengths.modulus, modulus) && includes(lengths.subgroup, subgroup);
  if (!areKnown || g <= 1n || g >= p || y <= 1n || y >= p)
    throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "DSA key", got: `${modulus} and ${subgroup} bits` });
  if (mode === "compat") return;
  if (modulus < minDsaBits || subgroup < minDsaSubgroupBits)
    throw inTotoError("INTOTO_KEY_WEAK", {
      checked: "DSA key",
      expected: `at least ${minDsaBits} and ${minDsaSubgroupBits} bits`,
      got: `${modulus} and ${subgroup}`,
    });
  if ((p - 1n) % q !== 0n || modPow(g, q, p) !== 1n || modPow(y, q, p) !== 1n)
    throw inTotoError("INTOTO_KEY_MALFORMED", { checked: "DSA key", expected: "g and y of order q" });
}

/** DER of the SubjectPublicKeyInfo (RFC 3279 §2.3.2). */
export function formatDsaSpki({ p, q, g, y }: DsaKey): Uint8Array {
  const parameters = derSequence(derInteger(p), derInteger(q), derInteger(g));
  return derSequence(derSequence(derOid("1.2.840.10040.4.1"), parameters), derBitString(derInteger(y)));
}

/**
 * Whether the signature, DER of `SEQUENCE { r INTEGER, s INTEGER }`, is the key's over the digest (FIPS 186-4 §4.7), of which
 * only as many bits count as q has. Not constant in time: for public values only.
 */
export function isDsaSignature({ p, q, g, y }: DsaKey, digest: Uint8Array, signature: Uint8Array): boolean {
  const [r, s] = readPair(signature);
  if (r === undefined || s === undefined || r <= 0n || r >= q || s <= 0n || s >= q) return false;
  const spare = BigInt(Math.max(0, digest.length * 8 - bitLength(q)));
  const z = bytesToNumber(digest) >> spare;
  // q is a prime, so this is the inverse (Fermat); if it is none, the signature is simply not one.
  const w = modPow(s, q - 2n, q);
  const [u1, u2] = [(z * w) % q, (r * w) % q];
  return ((modPow(g, u1, p) * modPow(y, u2, p)) % p) % q === r;
}

/** The two numbers of a signature as DER. */
export function formatDsaSignature(r: Uint8Array, s: Uint8Array): Uint8Array {
  return derSequence(derInteger(bytesToNumber(r)), derInteger(bytesToNumber(s)));
}

function readPair(der: Uint8Array): readonly bigint[] {
  try {
    const { children, raw } = parseDer(der);
    return raw[0] === 0x30 && children.length === 2 ? children.map(readInteger) : [];
  } catch (error) {
    if (error instanceof TrustError) return [];
    throw error;
  }
}

function includes(list: readonly number[], value: number): boolean {
  return list.includes(value);
}
