import {
  algorithmOf,
  derBitString,
  derNull,
  derOid,
  derSequence,
  isAlgorithmOf,
  makeVerifier,
  parseSpki,
  quote,
  TrustError,
  type AlgorithmName,
  type Verifier,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/** What one name of the protobuf enum `PublicKeyDetails` says about a key and its signatures. */
export interface KeyDetail {
  readonly algorithm: AlgorithmName;
  /** PKCS#1 `RSAPublicKey` instead of a SubjectPublicKeyInfo. */
  readonly encoding: "pkix" | "pkcs1";
  /** RSA names that fix the modulus: its length in bits. */
  readonly bits?: number;
}

const details: ReadonlyMap<string, KeyDetail> = new Map<string, KeyDetail>([
  ["PKIX_ECDSA_P256_SHA_256", { algorithm: "ecdsa-p256-sha256", encoding: "pkix" }],
  ["PKIX_ECDSA_P384_SHA_384", { algorithm: "ecdsa-p384-sha384", encoding: "pkix" }],
  ["PKIX_ECDSA_P521_SHA_512", { algorithm: "ecdsa-p521-sha512", encoding: "pkix" }],
  ["PKIX_ED25519", { algorithm: "ed25519", encoding: "pkix" }],
  ["PKIX_ED25519_PH", { algorithm: "ed25519ph", encoding: "pkix" }],
  ["PKIX_RSA_PKCS1V15_2048_SHA256", { algorithm: "rsa-pkcs1-sha256", encoding: "pkix", bits: 2048 }],
  ["PKIX_RSA_PKCS1V15_3072_SHA256", { algorithm: "rsa-pkcs1-sha256", encoding: "pkix", bits: 3072 }],
  ["PKIX_RSA_PKCS1V15_4096_SHA256", { algorithm: "rsa-pkcs1-sha256", encoding: "pkix", bits: 4096 }],
  ["PKIX_RSA_PSS_2048_SHA256", { algorithm: "rsa-pss-sha256", encoding: "pkix", bits: 2048 }],
  ["PKIX_RSA_PSS_3072_SHA256", { algorithm: "rsa-pss-sha256", encoding: "pkix", bits: 3072 }],
  ["PKIX_RSA_PSS_4096_SHA256", { algorithm: "rsa-pss-sha256", encoding: "pkix", bits: 4096 }],
  ["ML_DSA_44", { algorithm: "ml-dsa-44", encoding: "pkix" }],
  ["ML_DSA_65", { algorithm: "ml-dsa-65", encoding: "pkix" }],
  ["ML_DSA_87", { algorithm: "ml-dsa-87", encoding: "pkix" }],
  // Deprecated names. The first four leave the hash open; the logs that carried them sign with SHA-256.
  ["PKIX_RSA_PKCS1V5", { algorithm: "rsa-pkcs1-sha256", encoding: "pkix" }],
  ["PKIX_RSA_PSS", { algorithm: "rsa-pss-sha256", encoding: "pkix" }],
  ["PKCS1_RSA_PKCS1V5", { algorithm: "rsa-pkcs1-sha256", encoding: "pkcs1" }],
  ["PKCS1_RSA_PSS", { algorithm: "rsa-pss-sha256", encoding: "pkcs1" }],
  ["PKIX_ECDSA_P256_HMAC_SHA_256", { algorithm: "ecdsa-p256-sha256", encoding: "pkix" }],
  ["PKIX_ECDSA_P384_SHA_256", { algorithm: "ecdsa-p384-sha256", encoding: "pkix" }],
  ["PKIX_ECDSA_P521_SHA_256", { algorithm: "ecdsa-p521-sha256", encoding: "pkix" }],
]);

/** What a `PublicKeyDetails` name means (protobuf-specs sigstore_common.proto). Throws SIGSTORE_KEY_DETAILS for one not known here. */
export function keyDetailOf(name: string): KeyDetail {
  const detail = details.get(name);
  if (detail === undefined) throw sigstoreError("SIGSTORE_KEY_DETAILS", { got: quote(name) });
  return detail;
}

/** The signature algorithm of a `PublicKeyDetails` name. Throws SIGSTORE_KEY_DETAILS. */
export function algorithmOfKeyDetails(name: string): AlgorithmName {
  return keyDetailOf(name).algorithm;
}

/**
 * The `PublicKeyDetails` name of a key that signs with `algorithm`, a current name where there is one.
 * Throws SIGSTORE_KEY_DETAILS for a pair the enum cannot say, such as P-256 with SHA-512.
 */
export function keyDetailsOf(algorithm: AlgorithmName, spki: Uint8Array): string {
  const key = parseSpki(spki);
  for (const [name, detail] of details) {
    if (detail.algorithm !== algorithm || detail.encoding !== "pkix") continue;
    if (detail.bits === undefined || (key.kind === "rsa" && key.bits === detail.bits)) return name;
  }
  throw sigstoreError("SIGSTORE_KEY_DETAILS", { got: algorithm });
}

/** Whether a name fits the kind, curve and size of a key; says nothing about hash or padding. Throws SIGSTORE_KEY_DETAILS for a name not known here. */
export function isKeyDetailOf(name: string, spki: Uint8Array): boolean {
  const { algorithm, bits } = keyDetailOf(name);
  const key = parseSpki(spki);
  return (
    isAlgorithmOf(algorithmOf(algorithm), key) && (bits === undefined || (key.kind === "rsa" && key.bits === bits))
  );
}

/**
 * The verifier of a key that carries its own `keyDetails`; the name must fit the key itself.
 * Throws SIGSTORE_KEY_DETAILS, and the key errors of core.
 */
export function makeDetailedVerifier(rawBytes: Uint8Array, keyDetails: string): Verifier {
  const detail = keyDetailOf(keyDetails);
  const spki = detail.encoding === "pkcs1" ? wrapPkcs1(rawBytes) : rawBytes;
  const key = parseSpki(spki);
  if (detail.bits !== undefined && (key.kind !== "rsa" || key.bits !== detail.bits)) {
    throw sigstoreError("SIGSTORE_KEY_DETAILS", { expected: keyDetails, got: "a key of another kind or size" });
  }
  return makeVerifier(spki, detail.algorithm);
}

/** Whether the error says only that a key is of a kind that is not known here, or that its name does not fit it. */
export function isKeyProblem(error: unknown): error is TrustError {
  return (
    error instanceof TrustError && (error.code === "SIGSTORE_KEY_DETAILS" || /^CORE_(KEY|ALGORITHM)_/.test(error.code))
  );
}

// RFC 8017 §A.1.1 inside RFC 5280 §4.1: the enum's two PKCS#1 names carry the bare RSAPublicKey.
function wrapPkcs1(rsaPublicKey: Uint8Array): Uint8Array {
  return derSequence(derSequence(derOid("1.2.840.113549.1.1.1"), derNull()), derBitString(rsaPublicKey));
}
