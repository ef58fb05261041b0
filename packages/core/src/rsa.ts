import { concatBytes, equalBytes, hex, parseHex } from "./bytes.ts";
import { hashBytes } from "./hash.ts";
import type { HashName } from "./hash.ts";

/** An RSA public key whose size and parity `parseSpki` checked. */
export interface RsaKey {
  readonly modulus: bigint;
  readonly exponent: bigint;
  /** Length of the modulus, in bits. */
  readonly bits: number;
}

/** A hash function of the caller's backend. */
export type HashFunction = (name: HashName, bytes: Uint8Array) => Uint8Array;

/** Length of the key's signatures, in bytes. */
export function rsaBytes(key: RsaKey): number {
  return Math.ceil(key.bits / 8);
}

/** Whether the signature has exactly the key's length and is below its modulus (RFC 8017 §5.2.2 step 1). */
export function isRsaShape(key: RsaKey, signature: Uint8Array): boolean {
  return signature.length === rsaBytes(key) && bigEndian(signature) < key.modulus;
}

/** The block that the signature encloses (RFC 8017 RSAVP1), as long as the modulus. Only for signatures that pass `isRsaShape`. */
export function openRsaBlock(key: RsaKey, signature: Uint8Array): Uint8Array {
  const block = modPow(bigEndian(signature), key.exponent, key.modulus);
  return parseHex(block.toString(16).padStart(rsaBytes(key) * 2, "0"));
}

/** DER of DigestInfo up to the digest itself, parameters NULL (RFC 8017 §9.2 note 1). */
const digestInfo: Readonly<Record<HashName, Uint8Array>> = {
  sha256: parseHex("3031300d060960864801650304020105000420"),
  sha384: parseHex("3041300d060960864801650304020205000430"),
  sha512: parseHex("3051300d060960864801650304020305000440"),
};

/** The one EMSA-PKCS1-v1_5 block of a digest, `bytes` long (RFC 8017 §9.2). A verifier compares with it and parses nothing. */
export function makePkcs1Block(hash: HashName, digest: Uint8Array, bytes: number): Uint8Array {
  const info = concatBytes(digestInfo[hash], digest);
  const block = new Uint8Array(bytes).fill(0xff);
  block[0] = 0;
  block[1] = 1;
  block[bytes - info.length - 1] = 0;
  block.set(info, bytes - info.length);
  return block;
}

/** What EMSA-PSS needs beside the digest: the backend's hash, and the modulus length in bits. */
export interface PssFrame {
  readonly name: HashName;
  readonly hash: HashFunction;
  readonly bits: number;
}

/** Whether `block` (as long as the modulus) is an EMSA-PSS encoding of the digest, with a salt exactly as long as the hash (RFC 8017 §9.1.2). */
export function isPssBlock(frame: PssFrame, digest: Uint8Array, block: Uint8Array): boolean {
  const size = hashBytes[frame.name];
  const length = Math.ceil((frame.bits - 1) / 8);
  const encoded = block.subarray(block.length - length);
  if (block.length > length && block[0] !== 0) return false;
  if (encoded[length - 1] !== 0xbc) return false;
  const masked = encoded.subarray(0, length - size - 1);
  const inner = encoded.subarray(length - size - 1, length - 1);
  if (((masked[0] as number) & ~topMask(frame.bits)) !== 0) return false;
  const data = unmask(frame, masked, inner);
  const saltAt = data.length - size;
  for (let i = 0; i < saltAt - 1; i++) if (data[i] !== 0) return false;
  if (data[saltAt - 1] !== 1) return false;
  return equalBytes(inner, pssHash(frame, digest, data.subarray(saltAt)));
}

/** The EMSA-PSS block of a digest with this salt, as long as the modulus (RFC 8017 §9.1.1). The salt must be fresh and as long as the hash. */
export function makePssBlock(frame: PssFrame, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  const length = Math.ceil((frame.bits - 1) / 8);
  const inner = pssHash(frame, digest, salt);
  const data = new Uint8Array(length - inner.length - 1);
  data[data.length - salt.length - 1] = 1;
  data.set(salt, data.length - salt.length);
  const masked = unmask(frame, data, inner);
  return concatBytes(new Uint8Array(Math.ceil(frame.bits / 8) - length), masked, inner, Uint8Array.of(0xbc));
}

/** Number of bits of an integer above 0; says nothing useful of others. */
export function bitLength(value: bigint): number {
  return value.toString(2).length;
}

/** The unsigned integer that the bytes spell, most significant first; none spell 0. */
export function bigEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x0${hex(bytes)}`);
}

/** base^exponent mod modulus, square and multiply. Not constant in time: for public values only. */
export function modPow(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let power = ((base % modulus) + modulus) % modulus;
  for (const bit of exponent.toString(2).split("").toReversed()) {
    if (bit === "1") result = (result * power) % modulus;
    power = (power * power) % modulus;
  }
  return result;
}

/** The bits of the first encoded byte that may be set. */
function topMask(bits: number): number {
  return 0xff >> ((8 - ((bits - 1) % 8)) % 8);
}

function pssHash(frame: PssFrame, digest: Uint8Array, salt: Uint8Array): Uint8Array {
  return frame.hash(frame.name, concatBytes(new Uint8Array(8), digest, salt));
}

/** XOR with MGF1 of the inner hash (RFC 8017 §B.2.1), then the bits above the modulus cleared. */
function unmask(frame: PssFrame, data: Uint8Array, seed: Uint8Array): Uint8Array {
  const size = hashBytes[frame.name];
  const out = data.slice();
  for (let counter = 0; counter * size < out.length; counter++) {
    const mask = frame.hash(frame.name, concatBytes(seed, Uint8Array.of(0, 0, counter >> 8, counter & 0xff)));
    const end = Math.min(out.length, (counter + 1) * size);
    for (let i = counter * size; i < end; i++) out[i] = (out[i] as number) ^ (mask[i - counter * size] as number);
  }
  out[0] = (out[0] as number) & topMask(frame.bits);
  return out;
}
