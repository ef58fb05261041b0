import { base64, hash, utf8 } from "@countersign/core";

/** Gives so many bytes that nobody can guess. */
export type Random = (byteCount: number) => Uint8Array;

/** A proof key for code exchange (RFC 7636): who has the verifier is the one who asked. */
export interface ProofKey {
  /** A secret until the code is redeemed. */
  readonly verifier: string;
  /** SHA-256 of the verifier. */
  readonly challenge: string;
}

/** Makes a proof key of 256 bits. */
export function makeProofKey(random: Random): ProofKey {
  const verifier = makeSecret(random);
  return { verifier, challenge: base64Url(hash("sha256", utf8(verifier))) };
}

/** A text of 256 random bits: a state, a nonce, a verifier. */
export function makeSecret(random: Random): string {
  return base64Url(random(32));
}

/** Base64 of the URL alphabet without padding (RFC 7636, appendix A). */
function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
