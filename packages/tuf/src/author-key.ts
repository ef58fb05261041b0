import { formatPem, hex, makeVerifier, type AlgorithmName, type JsonObject, type Signer } from "@countersign/core";
import { tufError } from "./errors.ts";
import { computeKeyId, listedSchemes } from "./key.ts";

/** A public key as metadata lists it, under its id. */
export interface ListedKey {
  readonly keyid: string;
  readonly key: JsonObject;
  /** The key itself, whatever its id: lower-case hex SHA-256 of its SubjectPublicKeyInfo. */
  readonly fingerprint: string;
}

/**
 * The form in which a key is listed, the same that securesystemslib writes: Ed25519 in hex, all others in PEM. Its id is
 * the SHA-256 of the canonical JSON of that form (specification 1.0.34 §4.2). Unless an algorithm is named it is the one
 * of `tufAlgorithm`. Throws TUF_KEY_UNLISTABLE for an algorithm without a scheme, and the errors of `makeVerifier`.
 */
export function formatKey(spki: Uint8Array, algorithm?: AlgorithmName): ListedKey {
  const verifier = makeVerifier(spki, algorithm ?? tufAlgorithm(makeVerifier(spki).algorithm.name));
  const scheme = listedSchemes.get(verifier.algorithm.name);
  if (scheme === undefined) throw tufError("TUF_KEY_UNLISTABLE", { got: verifier.algorithm.name });
  const text = scheme.keytype === "ed25519" ? hex(spki.subarray(-32)) : formatPem("PUBLIC KEY", spki);
  const key = { keytype: scheme.keytype, keyval: { public: text }, scheme: scheme.scheme };
  return { keyid: computeKeyId(key), key, fingerprint: verifier.keyid };
}

/** The algorithm by which a key signs metadata, if its default is another: RSA keys sign by PSS with SHA-256, as everywhere in TUF. */
export function tufAlgorithm(name: AlgorithmName): AlgorithmName {
  return name === "rsa-pkcs1-sha256" ? "rsa-pss-sha256" : name;
}

/** The listed form of a signer's public half. Throws as `formatKey`. */
export function formatSignerKey(signer: Signer): ListedKey {
  return formatKey(signer.spki, signer.algorithm.name);
}
