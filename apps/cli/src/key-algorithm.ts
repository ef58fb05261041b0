import type { AlgorithmName, RsaBits } from "@countersign/core";

/** Of the key that is made for one signature, by the names that Sigstore and cosign have for them. */
export const keyAlgorithms: ReadonlyMap<string, KeyAlgorithm> = new Map<string, KeyAlgorithm>([
  ["ecdsa-sha2-256-nistp256", { algorithm: "ecdsa-p256-sha256" }],
  ["ecdsa-sha2-384-nistp384", { algorithm: "ecdsa-p384-sha384" }],
  ["ecdsa-sha2-512-nistp521", { algorithm: "ecdsa-p521-sha512" }],
  ["rsa-sign-pkcs1-2048-sha256", { algorithm: "rsa-pkcs1-sha256", rsaBits: 2048 }],
  ["rsa-sign-pkcs1-3072-sha256", { algorithm: "rsa-pkcs1-sha256", rsaBits: 3072 }],
  ["rsa-sign-pkcs1-4096-sha256", { algorithm: "rsa-pkcs1-sha256", rsaBits: 4096 }],
]);

interface KeyAlgorithm {
  readonly algorithm: AlgorithmName;
  readonly rsaBits?: RsaBits;
}
