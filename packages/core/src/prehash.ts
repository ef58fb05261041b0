/*
 * What node:crypto lacks: ECDSA over a digest and Ed25519ph; the web backend takes plain Ed25519 from here too.
 * Nothing but noble is imported, and no type of error made: in Node this file is loaded from dist, beside sources in tests.
 */
import { eddsa } from "@noble/curves/abstract/edwards.js";
import { ed25519 } from "@noble/curves/ed25519.js";
import { p256, p384, p521 } from "@noble/curves/nist.js";
import { sha512 } from "@noble/hashes/sha2.js";
import type { ECDSA } from "@noble/curves/abstract/weierstrass.js";

const curves: { readonly p256: ECDSA; readonly p384: ECDSA; readonly p521: ECDSA } = { p256, p384, p521 };
const { BASE, Fn } = ed25519.Point;
const asIs = { prehash: false, lowS: false, format: "der" } as const;

/** dom2(1, "") of RFC 8032 §5.1: Ed25519ph without context. */
export const ed25519phDomain: Uint8Array = Uint8Array.of(
  ...new TextEncoder().encode("SigEd25519 no Ed25519 collisions"),
  1,
  0,
);
/** Plain Ed25519 has no domain. */
export const ed25519Domain: Uint8Array = new Uint8Array(0);

/** Whether the uncompressed point lies on its curve. */
export function isCurvePoint(curve: keyof typeof curves, point: Uint8Array): boolean {
  return curves[curve].utils.isValidPublicKey(point, false);
}

/** Whether the DER signature is over the digest, cut or used whole as FIPS 186-5 §6.4.2 says; a high s is as good as a low one. */
export function isEcdsaOverDigest(
  curve: keyof typeof curves,
  point: Uint8Array,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  return curves[curve].verify(signature, digest, point, asIs);
}

/** A DER signature over the digest, with hedged RFC 6979 nonces. `secret` is the big-endian scalar, as long as the order. */
export function signEcdsaDigest(curve: keyof typeof curves, secret: Uint8Array, digest: Uint8Array): Uint8Array {
  return curves[curve].sign(digest, secret, { ...asIs, extraEntropy: true });
}

/**
 * Whether the signature is over the message (Ed25519) or its SHA-512 (Ed25519ph), by the equation without cofactor and
 * a comparison of R's bytes: exactly what OpenSSL does, where noble's own `verify` multiplies by the cofactor.
 * Only for points that `parseSpki` let through.
 */
export function isEd25519(domain: Uint8Array, point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const r = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= Fn.ORDER) return false;
  const k = Fn.create(littleEndian(sha512.create().update(domain).update(r).update(point).update(message).digest()));
  const key = ed25519.Point.fromBytes(point, false);
  const expected = BASE.multiplyUnsafe(s).add(key.negate().multiplyUnsafe(k)).toBytes();
  return expected.every((byte, i) => byte === r[i]);
}

/** An Ed25519ph signature over a SHA-512 digest. `seed` is the 32-byte private key. */
export function signEd25519ph(seed: Uint8Array, digest: Uint8Array): Uint8Array {
  return ed25519ph.sign(digest, seed);
}

/** noble's own ed25519ph hashes what it is given; here the digest is what is given. */
const ed25519ph = /* @__PURE__ */ eddsa(ed25519.Point, sha512, {
  adjustScalarBytes: clamp,
  domain: (data: Uint8Array) => join(ed25519phDomain, data),
});

/** RFC 8032 §5.1.5 step 2. */
function clamp(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes);
  out[0] = (out[0] as number) & 248;
  out[31] = ((out[31] as number) & 127) | 64;
  return out;
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(first.length + second.length);
  out.set(first);
  out.set(second, first.length);
  return out;
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}
