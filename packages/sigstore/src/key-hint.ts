import { base64, hex, hash, quote, type Verifier } from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/**
 * Proves that the hint of a bundle, if it has one, names `key`: SHA-256 of its SubjectPublicKeyInfo as base64, as hex,
 * or as `SHA256:` and base64 without padding. Another hint is refused: the bundle was made with another key,
 * or by a signer whose names cannot be told apart here.
 */
export function checkKeyHint(hint: string, key: Verifier): void {
  if (hint === "" || keyNames(key).includes(hint)) return;
  throw sigstoreError("SIGSTORE_KEY_HINT", { expected: base64(hash("sha256", key.spki)), got: quote(hint) });
}

function keyNames(key: Verifier): readonly string[] {
  const digest = hash("sha256", key.spki);
  const text = base64(digest);
  return [text, hex(digest), `sha256:${hex(digest)}`, `SHA256:${text.replace(/=+$/, "")}`];
}
