import { base64, hex, hash, quote } from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/**
 * Proves that the hint of a bundle, if it has one, names the key of `spki`: SHA-256 of the SubjectPublicKeyInfo as base64, as hex,
 * or as `SHA256:` and base64 without padding. Another hint is refused: the bundle was made with another key,
 * or by a signer whose names cannot be told apart here.
 */
export function checkKeyHint(hint: string, spki: Uint8Array): void {
  if (hint === "" || keyNames(spki).includes(hint)) return;
  throw sigstoreError("SIGSTORE_KEY_HINT", { expected: base64(hash("sha256", spki)), got: quote(hint) });
}

function keyNames(spki: Uint8Array): readonly string[] {
  const digest = hash("sha256", spki);
  const text = base64(digest);
  return [text, hex(digest), `sha256:${hex(digest)}`, `SHA256:${text.replace(/=+$/, "")}`];
}
