import {
  concatBytes,
  equalBytes,
  formatRsaSpki,
  hashNames,
  hash as strongHash,
  hex,
  parseDer,
  parseHex,
  parsePem,
  quote,
  readBitString,
  readInteger,
  type HashName,
} from "@countersign/core";
import { backend } from "#p224";
import { inTotoError } from "./errors.ts";
import { bitLength, bytesToNumber, modPow } from "./number.ts";
import type { KeyVerifier } from "./key.ts";

/** A hash that the reference knows; MD5, SHA-1 and SHA-224 only in Node. */
export type LaxHash = HashName | "md5" | "sha1" | "sha224";

/** RSA as the reference takes it: PKCS#1 v1.5, or PSS with MGF1 of the same hash. */
export interface LaxRsaScheme {
  readonly padding: "pkcs1" | "pss";
  readonly hash: LaxHash;
}

/** Reads a scheme's name. Throws INTOTO_KEY_UNSUPPORTED. */
export function parseLaxRsaScheme(scheme: string): LaxRsaScheme {
  const [, name, hash] = /^(rsassa-pss|rsa-pkcs1v15)-(md5|sha1|sha224|sha256|sha384|sha512)$/.exec(scheme) ?? [];
  if (hash === undefined) throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "RSA scheme", got: quote(scheme) });
  return { padding: name === "rsassa-pss" ? "pss" : "pkcs1", hash: hash as LaxHash };
}

/** The largest modulus and exponent that compat looks at, in bits: a larger one costs seconds. */
export const maxLaxRsaBits = 16_384;
/** The same for the exponent. */
export const maxLaxRsaExponentBits = 64;

/**
 * Opens an RSA key for compat only: of any size, and with PSS salts of any length, as the reference takes them. Takes DER of
 * RSAPublicKey (RFC 8017 §A.1.1). Throws INTOTO_KEY_MALFORMED.
 */
export function openLaxRsa(der: Uint8Array, { padding, hash: hashName }: LaxRsaScheme): KeyVerifier {
  const key = readNumbers(der);
  const spki = formatRsaSpki(der);
  const isBlock = padding === "pss" ? isPssBlock : isPkcs1Block;
  return {
    keyid: hex(strongHash("sha256", spki)),
    spki,
    algorithm: { name: `rsa-${padding}-${hashName}` },
    verify: (message, signature) => {
      const number = bytesToNumber(signature);
      if (signature.length !== key.bytes || number >= key.modulus) return false;
      const block = parseHex(
        modPow(number, key.exponent, key.modulus)
          .toString(16)
          .padStart(key.bytes * 2, "0"),
      );
      return isBlock(hashName, hash(hashName, message), { block, bits: key.bits });
    },
  };
}

/** The RSAPublicKey in PEM of `PUBLIC KEY` or `RSA PUBLIC KEY`. Throws INTOTO_KEY_MALFORMED and the errors of `parsePem`. */
export function readRsaPem(pem: string): Uint8Array {
  const [block, ...more] = parsePem(pem);
  if (block === undefined || more.length > 0) throw malformed();
  if (block.label === "RSA PUBLIC KEY") return block.bytes;
  const [identifier, key] = parseDer(block.bytes).children;
  const isRsa = identifier !== undefined && equalBytes(identifier.raw, rsaIdentifier);
  if (block.label !== "PUBLIC KEY" || !isRsa || key === undefined) throw malformed();
  return readBitString(key);
}

const rsaIdentifier = parseHex("300d06092a864886f70d0101010500");

interface RsaNumbers {
  readonly modulus: bigint;
  readonly exponent: bigint;
  readonly bits: number;
  readonly bytes: number;
}

function readNumbers(der: Uint8Array): RsaNumbers {
  const { children, raw } = parseDer(der);
  const [modulus, exponent] = children.map(readInteger);
  if (raw[0] !== 0x30 || modulus === undefined || exponent === undefined || children.length !== 2) throw malformed();
  const bits = bitLength(modulus);
  // OpenSSL reads nothing below 512 bits, and no even numbers.
  const isUsable = modulus > 0n && bits >= 512 && bits <= maxLaxRsaBits && (modulus & 1n) === 1n;
  if (!isUsable || exponent < 3n || (exponent & 1n) === 0n || bitLength(exponent) > maxLaxRsaExponentBits)
    throw malformed();
  return { modulus, exponent, bits, bytes: Math.ceil(bits / 8) };
}

interface Opened {
  /** What the signature encloses, as long as the modulus. */
  readonly block: Uint8Array;
  /** Length of the modulus. */
  readonly bits: number;
}

/** DER of DigestInfo up to the digest itself, parameters NULL (RFC 8017 §9.2 note 1). */
const digestInfo: Readonly<Record<LaxHash, Uint8Array>> = {
  md5: parseHex("3020300c06082a864886f70d020505000410"),
  sha1: parseHex("3021300906052b0e03021a05000414"),
  sha224: parseHex("302d300d06096086480165030402040500041c"),
  sha256: parseHex("3031300d060960864801650304020105000420"),
  sha384: parseHex("3041300d060960864801650304020205000430"),
  sha512: parseHex("3051300d060960864801650304020305000440"),
};

function isPkcs1Block(name: LaxHash, digest: Uint8Array, { block }: Opened): boolean {
  const info = concatBytes(digestInfo[name], digest);
  const fill = block.length - info.length - 3;
  if (fill < 8) return false;
  return equalBytes(block, concatBytes(Uint8Array.of(0, 1), new Uint8Array(fill).fill(0xff), Uint8Array.of(0), info));
}

/** EMSA-PSS with a salt of whatever length (RFC 8017 §9.1.2). */
function isPssBlock(name: LaxHash, digest: Uint8Array, { block, bits }: Opened): boolean {
  const length = Math.ceil((bits - 1) / 8);
  const encoded = block.subarray(block.length - length);
  const size = digest.length;
  const masked = encoded.subarray(0, Math.max(0, length - size - 1));
  const inner = encoded.subarray(masked.length, length - 1);
  const isFramed = (block.length === length || block[0] === 0) && encoded[length - 1] === 0xbc;
  if (length < size + 2 || !isFramed || ((masked[0] ?? 0) & ~topMask(bits)) !== 0) return false;
  const data = unmask(name, masked, inner);
  data[0] = (data[0] ?? 0) & topMask(bits);
  const one = data.findIndex((byte) => byte !== 0);
  if (one < 0 || data[one] !== 1) return false;
  return equalBytes(inner, hash(name, concatBytes(new Uint8Array(8), digest, data.subarray(one + 1))));
}

function topMask(bits: number): number {
  return 0xff >> ((8 - ((bits - 1) % 8)) % 8);
}

/** XOR with MGF1 of the inner hash (RFC 8017 §B.2.1). */
function unmask(name: LaxHash, masked: Uint8Array, seed: Uint8Array): Uint8Array {
  const out = masked.slice();
  for (let counter = 0, at = 0; at < out.length; counter++) {
    const mask = hash(name, concatBytes(seed, Uint8Array.of(0, 0, counter >> 8, counter & 0xff)));
    for (let k = 0; k < mask.length && at < out.length; k++, at++) out[at] = (out[at] as number) ^ (mask[k] as number);
  }
  return out;
}

function hash(name: LaxHash, bytes: Uint8Array): Uint8Array {
  return isStrong(name) ? strongHash(name, bytes) : backend.weakHash(name, bytes);
}

function isStrong(name: LaxHash): name is HashName {
  return (hashNames as readonly string[]).includes(name);
}

function malformed(): ReturnType<typeof inTotoError> {
  return inTotoError("INTOTO_KEY_MALFORMED", { checked: "RSA key", expected: "a modulus and an exponent" });
}
