import { equalBytes, parseHex } from "./bytes.ts";
import { parseDer } from "./der.ts";
import { readBitString, readInteger } from "./der-value.ts";
import { derBitString, derSequence } from "./der-writer.ts";
import { coreError, TrustError } from "./errors.ts";
import { bigEndian, bitLength, modPow } from "./rsa.ts";
import type { Curve, MlDsaLevel } from "./algorithm.ts";
import type { RsaKey } from "./rsa.ts";

/** A public key, parsed and checked as far as its own bytes go. */
export type PublicKey =
  | { readonly kind: "ec"; readonly curve: Curve; /** 0x04, x, y. */ readonly point: Uint8Array }
  | { readonly kind: "ed25519"; readonly point: Uint8Array }
  | ({ readonly kind: "rsa" } & RsaKey)
  | { readonly kind: "ml-dsa"; readonly level: MlDsaLevel; readonly bytes: Uint8Array };

/** Smallest RSA modulus, in bits. */
export const minRsaBits = 2048;
/** Largest RSA modulus, in bits: a larger one costs a verifier seconds. */
export const maxRsaBits = 8192;
/** Largest RSA public exponent, in bits. */
export const maxRsaExponentBits = 32;
/** Largest RSA SubjectPublicKeyInfo that is looked at, in bytes; 8192 bits need 1,062. */
export const maxRsaSpkiBytes = 2048;

/**
 * Parses a DER SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of an EC key on a named curve (RFC 5480, uncompressed point),
 * Ed25519 (RFC 8410), RSA (RFC 3279, parameters NULL) or ML-DSA (RFC 9881); any other encoding is refused.
 * Proves of an Ed25519 point that it is canonical, on the curve and not of small order, and of RSA numbers that size
 * and parity are fit for use. Does not prove that an EC point is on its curve: the backend does when it opens the key.
 * Of EC keys `point` is a view of the bytes given.
 * Throws CORE_KEY_MALFORMED, CORE_KEY_UNSUPPORTED, CORE_KEY_WEAK.
 */
export function parseSpki(spki: Uint8Array): PublicKey {
  const fixed = fixedShapes.find(
    (shape) => spki.length === shape.prefix.length + shape.bytes && startsWith(spki, shape.prefix),
  );
  if (fixed !== undefined) return fixed.read(spki.subarray(fixed.prefix.length), spki);
  if (!isWholeSequence(spki)) throw coreError("CORE_KEY_MALFORMED", `public key of ${spki.length} bytes`);
  if (startsWith(spki.subarray(headerBytes(spki)), rsaIdentifier)) return readRsa(spki);
  throw coreError("CORE_KEY_UNSUPPORTED");
}

/** The SubjectPublicKeyInfo around a PKCS#1 RSAPublicKey, whose bytes are not looked at here. */
export function formatRsaSpki(publicKey: Uint8Array): Uint8Array {
  return derSequence(rsaIdentifier, derBitString(publicKey));
}

interface FixedShape {
  readonly prefix: Uint8Array;
  /** Length of the key after the prefix, in bytes. */
  readonly bytes: number;
  readonly read: (key: Uint8Array, spki: Uint8Array) => PublicKey;
}

/** Everything before the key itself, for types whose DER has only one form. */
const fixedShapes: readonly FixedShape[] = [
  { prefix: parseHex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"), bytes: 64, read: readEc("p256") },
  { prefix: parseHex("3076301006072a8648ce3d020106052b8104002203620004"), bytes: 96, read: readEc("p384") },
  { prefix: parseHex("30819b301006072a8648ce3d020106052b810400230381860004"), bytes: 132, read: readEc("p521") },
  { prefix: parseHex("302a300506032b6570032100"), bytes: 32, read: readEd25519 },
  { prefix: parseHex("30820532300b06096086480165030403110382052100"), bytes: 1312, read: readMlDsa(44) },
  { prefix: parseHex("308207b2300b0609608648016503040312038207a100"), bytes: 1952, read: readMlDsa(65) },
  { prefix: parseHex("30820a32300b060960864801650304031303820a2100"), bytes: 2592, read: readMlDsa(87) },
];
const rsaIdentifier = parseHex("300d06092a864886f70d0101010500");

function readEc(curve: Curve): FixedShape["read"] {
  // The prefix ends with the first byte of the point, which says that it is not compressed.
  return (key, spki) => ({ kind: "ec", curve, point: spki.subarray(spki.length - key.length - 1) });
}

function readMlDsa(level: MlDsaLevel): (key: Uint8Array) => PublicKey {
  return (key) => ({ kind: "ml-dsa", level, bytes: key.slice() });
}

function readRsa(spki: Uint8Array): PublicKey {
  const { modulus, exponent } = readRsaNumbers(spki);
  const bits = bitLength(modulus);
  if (modulus < 0n || bits < minRsaBits || bits > maxRsaBits) {
    throw coreError("CORE_KEY_WEAK", {
      checked: "RSA modulus",
      expected: `${minRsaBits} to ${maxRsaBits} bits`,
      got: `${bits}`,
    });
  }
  if ((modulus & 1n) === 0n) throw coreError("CORE_KEY_WEAK", "RSA modulus is even");
  if (exponent < 3n || (exponent & 1n) === 0n || bitLength(exponent) > maxRsaExponentBits) {
    throw coreError("CORE_KEY_WEAK", {
      checked: "RSA exponent",
      expected: `an odd number from 3 to 2^${maxRsaExponentBits}`,
    });
  }
  return { kind: "rsa", modulus, exponent, bits };
}

function readRsaNumbers(spki: Uint8Array): { modulus: bigint; exponent: bigint } {
  if (spki.length > maxRsaSpkiBytes) throw coreError("CORE_KEY_WEAK", `RSA key of ${spki.length} bytes`);
  try {
    const [, body, ...more] = parseDer(spki).children;
    if (body === undefined || more.length > 0) throw coreError("CORE_KEY_MALFORMED", "RSA key");
    const numbers = parseDer(readBitString(body));
    const [modulus, exponent, ...rest] = numbers.children;
    if (modulus === undefined || exponent === undefined || rest.length > 0 || numbers.raw[0] !== 0x30) {
      throw coreError("CORE_KEY_MALFORMED", "RSA key");
    }
    return { modulus: readInteger(modulus), exponent: readInteger(exponent) };
  } catch (error) {
    if (error instanceof TrustError && error.code !== "CORE_KEY_MALFORMED")
      throw coreError("CORE_KEY_MALFORMED", "RSA key", error);
    throw error;
  }
}

const fieldPrime = 2n ** 255n - 19n;
/** The curve constant d of RFC 8032 §5.1. */
const edwardsD = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
/**
 * Both backends answer alike only for points on which all readings of RFC 8032 agree: OpenSSL takes a non-canonical or
 * small-order point, noble does not, and with a small-order one a signature says nothing about its message.
 */
function readEd25519(key: Uint8Array): PublicKey {
  const y = littleEndian(key) & (2n ** 255n - 1n);
  if (y >= fieldPrime) throw coreError("CORE_KEY_MALFORMED", "Ed25519 point is not canonical");
  if (isSmallOrder(y)) throw coreError("CORE_KEY_WEAK", "Ed25519 point of small order");
  if (!isOnEdwards(y)) throw coreError("CORE_KEY_MALFORMED", "Ed25519 point is not on the curve");
  return { kind: "ed25519", point: key.slice() };
}

/** Orders 1 and 2 have y = ±1, order 4 has y = 0, and doubling a point of order 8 gives one of order 4: d·y⁴ + 2·y² = 1. */
function isSmallOrder(y: bigint): boolean {
  const square = (y * y) % fieldPrime;
  return square === 0n || square === 1n || ((edwardsD * square + 2n) * square) % fieldPrime === 1n;
}

/** x² = (y² - 1) / (d·y² + 1) has a root exactly if the product of the two is a square (Euler). */
function isOnEdwards(y: bigint): boolean {
  const square = (y * y) % fieldPrime;
  const product = ((square - 1n) * (edwardsD * square + 1n)) % fieldPrime;
  return modPow(product, (fieldPrime - 1n) / 2n, fieldPrime) === 1n;
}

function littleEndian(bytes: Uint8Array): bigint {
  return bigEndian(bytes.toReversed());
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return equalBytes(bytes.subarray(0, prefix.length), prefix);
}

function headerBytes(bytes: Uint8Array): number {
  const length = bytes[1] ?? 0;
  return length < 0x80 ? 2 : 2 + length - 0x80;
}

/** Whether the bytes are one DER SEQUENCE, as far as its header tells. */
function isWholeSequence(bytes: Uint8Array): boolean {
  const [tag = 0, length = 0, high = 0, low = 0] = bytes;
  if (tag !== 0x30) return false;
  if (length < 0x80) return bytes.length === 2 + length;
  if (length === 0x81) return high >= 0x80 && bytes.length === 3 + high;
  return length === 0x82 && high > 0 && bytes.length === 4 + high * 256 + low;
}
