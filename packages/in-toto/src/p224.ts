import { backend } from "#p224";
import { equalBytes, hash, hex, parseHex, type Signer } from "@countersign/core";
import type { KeyVerifier } from "./key.ts";

/** What signing and checking on P-224 takes of the platform: SHA-256, and DER around the two numbers. */
export interface P224Backend {
  /** Opens a SubjectPublicKeyInfo. */
  openKey(spki: Uint8Array): (message: Uint8Array, signature: Uint8Array) => boolean;
  /** Opens an unencrypted private key in PEM; undefined if it is not on P-224. No error repeats any of it. */
  openSecretKey(pem: string): P224Secret | undefined;
  /**
   * Compat only: an EC key in PEM on any curve, with that hash, as the reference takes it. Throws INTOTO_KEY_UNSUPPORTED outside
   * of Node, INTOTO_KEY_MALFORMED.
   */
  openAnyCurve(pem: string, hash: "sha256" | "sha384"): Omit<KeyVerifier, "keyid" | "algorithm">;
  /** Compat only. Throws INTOTO_KEY_UNSUPPORTED outside of Node. */
  weakHash(name: "md5" | "sha1" | "sha224", bytes: Uint8Array): Uint8Array;
}

/** A private key on P-224. */
export interface P224Secret {
  readonly spki: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** The scheme as in-toto-golang spells it; it hashes with SHA-256 like P-256. */
export const p224Scheme = "ecdsa-sha2-nistp224";
/** Its algorithm, as claims call it; core and Sigstore know none on this curve. */
export const p224Algorithm = "ecdsa-p224-sha256";

const prefix = parseHex("304e301006072a8648ce3d020106052b81040021033a0004");
const pointBytes = 56;

/** Whether the SubjectPublicKeyInfo is of an EC key on P-224. */
export function isP224Spki(spki: Uint8Array): boolean {
  return spki.length === prefix.length + pointBytes && equalBytes(spki.subarray(0, prefix.length), prefix);
}

/** Opens a public key on P-224. Throws INTOTO_KEY_UNSUPPORTED outside of Node, INTOTO_KEY_MALFORMED for a point off the curve. */
export function openP224(spki: Uint8Array): KeyVerifier {
  const isGood = backend.openKey(spki);
  return { keyid: hex(hash("sha256", spki)), spki, algorithm: { name: p224Algorithm }, verify: isGood };
}

/** Opens an EC key on whatever curve, for compat only. Throws INTOTO_KEY_UNSUPPORTED outside of Node, INTOTO_KEY_MALFORMED. */
export function openAnyCurve(pem: string, scheme: string): KeyVerifier {
  const opened = backend.openAnyCurve(pem, scheme.endsWith("384") ? "sha384" : "sha256");
  return { ...opened, keyid: hex(hash("sha256", opened.spki)), algorithm: { name: scheme } };
}

/** Opens a private key on P-224; undefined for any other. */
export function openP224Secret(pem: string): Pick<Signer, "keyid" | "spki" | "sign"> | undefined {
  const secret = backend.openSecretKey(pem);
  if (secret === undefined) return undefined;
  const { spki } = secret;
  return {
    keyid: hex(hash("sha256", spki)),
    spki,
    sign: (input) =>
      "message" in input
        ? Promise.resolve(secret.sign(input.message))
        : Promise.reject(new TypeError("in-toto signs messages")),
  };
}
