import { quote, type TrustError } from "@countersign/core";
import { sigstoreError } from "../errors.ts";

/** Makes SIGSTORE_KEY_REFERENCE, which repeats of the reference only what can be no secret. */
export function referenceMalformed(text: string, expected: string): TrustError {
  return sigstoreError("SIGSTORE_KEY_REFERENCE", { checked: quote(withoutSecrets(text)), expected });
}

/** A PIN can stand in a pkcs11: URI, a password before the host of any other, and may hold any character; a token in a query. */
export function withoutSecrets(text: string): string {
  if (/^pkcs11:/i.test(text)) return text.replaceAll(/(pin-value=)[^&;?]*/gi, "$1…");
  const [, scheme, rest = ""] = /^([a-z][a-z0-9+.-]*:\/\/)(.*)$/is.exec(text) ?? [];
  if (scheme === undefined) return text;
  return `${scheme}${rest.replace(/^.*@/s, "…@").replaceAll(/([?&](?!version=)[^=&]*=)[^&]*/g, "$1…")}`;
}
