import type { Algorithm } from "./algorithm.ts";
import type { HashName } from "./hash.ts";
import type { PublicKey } from "./spki.ts";

/**
 * What a platform must be able to do; `#crypto` is the one of this platform. Synchronous.
 * Callers keep the rules that all platforms share: shapes of signatures, sizes of messages, which digest fits.
 */
export interface Backend {
  readonly name: "node" | "web";
  hash(name: HashName, bytes: Uint8Array): Uint8Array;
  makeHasher(name: HashName): Hasher;
  /** Throws CORE_KEY_MALFORMED if an EC point is not on its curve. */
  openKey(key: OpenKey): SignatureCheck;
  /** `rsaBits` counts for RSA alone. Throws CORE_SIGNER_UNAVAILABLE where the platform cannot sign. */
  makeSecretKey(algorithm: Algorithm, rsaBits: number): SecretKey;
  /** Throws CORE_PRIVATE_KEY_MALFORMED, CORE_SIGNER_UNAVAILABLE. No part of the key is in the error, nor in a cause. */
  openSecretKey(form: SecretKeyForm, der: Uint8Array): SecretKey;
}

/** A hash in progress. `finish` may be called once. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  finish(): Uint8Array;
}

/** A public key and the one algorithm it is opened for. */
export interface OpenKey {
  readonly key: PublicKey;
  readonly spki: Uint8Array;
  readonly algorithm: Algorithm;
}

/** Checks of one key. Only for signatures whose shape was checked; both answer, neither throws. */
export interface SignatureCheck {
  isOverMessage(message: Uint8Array, signature: Uint8Array): boolean;
  /** Only if the algorithm is digestable, with a raw digest of its hash. */
  isOverDigest(digest: Uint8Array, signature: Uint8Array): boolean;
}

/** DER forms of a private key: RFC 5958, RFC 5915, RFC 8017. */
export type SecretKeyForm = "pkcs8" | "sec1" | "pkcs1";

/** A private key that stays in the backend. */
export interface SecretKey {
  readonly spki: Uint8Array;
  signMessage(algorithm: Algorithm, message: Uint8Array): Uint8Array;
  /** Only if the algorithm is digestable, with a raw digest of its hash. */
  signDigest(algorithm: Algorithm, digest: Uint8Array): Uint8Array;
}
