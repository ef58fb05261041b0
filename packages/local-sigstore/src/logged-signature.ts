import { createPublicKey, X509Certificate } from "node:crypto";
import { digestFromBytes, makeVerifier, TrustError } from "@countersign/core";
import type { AlgorithmName, HashName, Verifier } from "@countersign/core";
import type { EntryVerifier } from "./entry.ts";
import { localSigstoreError } from "./errors.ts";
import { readOr } from "./request.ts";

/** Algorithms that Rekor v2 logs, by PublicKeyDetails name. */
export const loggedAlgorithms: ReadonlyMap<string, AlgorithmName> = new Map<string, AlgorithmName>([
  ["PKIX_ECDSA_P256_SHA_256", "ecdsa-p256-sha256"],
  ["PKIX_ECDSA_P384_SHA_384", "ecdsa-p384-sha384"],
  ["PKIX_ECDSA_P521_SHA_512", "ecdsa-p521-sha512"],
  ["PKIX_RSA_PKCS1V15_2048_SHA256", "rsa-pkcs1-sha256"],
  ["PKIX_RSA_PKCS1V15_3072_SHA256", "rsa-pkcs1-sha256"],
  ["PKIX_RSA_PKCS1V15_4096_SHA256", "rsa-pkcs1-sha256"],
  ["PKIX_ED25519_PH", "ed25519ph"],
]);

/** SubjectPublicKeyInfo of what verifies an entry. Throws LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function spkiOf(verifier: Pick<EntryVerifier, "type" | "der">): Uint8Array {
  const der = Buffer.from(verifier.der);
  return readOr("verifier of the entry", () => {
    const key =
      verifier.type === "certificate"
        ? new X509Certificate(der).publicKey
        : createPublicKey({ key: der, format: "der", type: "spki" });
    return new Uint8Array(key.export({ format: "der", type: "spki" }));
  });
}

/** A certificate or public key in PEM, as DER. Throws LOCAL_SIGSTORE_REQUEST_MALFORMED. */
export function verifierOfPem(armoured: string): Pick<EntryVerifier, "type" | "der"> {
  return readOr("verifier of the entry", () => {
    if (armoured.includes("BEGIN CERTIFICATE")) {
      return { type: "certificate", der: new Uint8Array(new X509Certificate(armoured).raw) };
    }
    const der = createPublicKey(armoured).export({ format: "der", type: "spki" });
    return { type: "public-key", der: new Uint8Array(der) };
  });
}

/** Proves a signature over a digest. Throws LOCAL_SIGSTORE_ENTRY_REFUSED. */
export function checkDigestSignature(o: {
  readonly spki: Uint8Array;
  readonly algorithm: AlgorithmName;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
}): void {
  const isGood = attempt(() => {
    const verifier = makeVerifier(o.spki, o.algorithm);
    return verifier.verifyDigest?.(digestFromBytes(hashOf(verifier), o.digest), o.signature) ?? false;
  });
  if (!isGood) throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "signature does not verify");
}

/** Proves a signature over a whole message, by any algorithm the key may use. Throws LOCAL_SIGSTORE_ENTRY_REFUSED. */
export function checkMessageSignature(spki: Uint8Array, message: Uint8Array, signature: Uint8Array): void {
  if (algorithmsOf(spki, undefined).some((name) => attempt(() => makeVerifier(spki, name).verify(message, signature))))
    return;
  throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", "signature does not verify");
}

/** The algorithms a key may have signed a digest of this hash with. */
export function algorithmsOf(spki: Uint8Array, hash: HashName | undefined): AlgorithmName[] {
  const own = readOr("key", () => makeVerifier(spki).algorithm);
  const hashes: readonly HashName[] = hash === undefined ? ["sha256", "sha384", "sha512"] : [hash];
  if (own.family === "ecdsa") return hashes.map((name) => `ecdsa-${own.curve ?? "p256"}-${name}` as const);
  if (own.family === "rsa-pkcs1") return hashes.map((name) => `rsa-pkcs1-${name}` as const);
  return own.family === "ed25519" && hash !== undefined ? ["ed25519ph"] : [own.name];
}

function hashOf(verifier: Verifier): HashName {
  return verifier.algorithm.hash ?? "sha512";
}

function attempt(check: () => boolean): boolean {
  try {
    return check();
  } catch (error) {
    if (error instanceof TrustError) throw localSigstoreError("LOCAL_SIGSTORE_ENTRY_REFUSED", error.message, error);
    throw error;
  }
}
