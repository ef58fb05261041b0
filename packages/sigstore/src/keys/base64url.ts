import { base64, parseBase64 } from "@countersign/core";

/** Base64 of the URL alphabet without padding (RFC 4648 §5), as JOSE writes it. */
export function base64Url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The inverse; throws CORE_TEXT_MALFORMED for any other spelling. */
export function parseBase64Url(text: string): Uint8Array {
  const plain = /[+/=]/.test(text) ? "!" : text.replaceAll("-", "+").replaceAll("_", "/");
  return parseBase64(plain + "=".repeat((4 - (plain.length % 4)) % 4));
}
