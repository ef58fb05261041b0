import { formatCanonicalJson, hash, hex, readObject, type Detail, type Json, type JsonObject } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { TrustError } from "@countersign/core";

/** Whom Fulcio's certificate must name, and who must have vouched for that name; both compared as they are. */
export interface SigstoreIdentity {
  readonly identity: string;
  readonly issuer: string;
}

/** The key type of an identity in place of a key (TUF's TAP 18, which securesystemslib follows). */
export const sigstoreKeyType = "sigstore-oidc";
/** The scheme that TAP 18 writes; some tools write it in lower case. */
export const sigstoreScheme = "Fulcio";

/** The longest identity or issuer, in UTF-16 units. */
export const maxIdentityChars = 2048;

/** Whether the JSON is of an identity rather than of a key. */
export function isSigstoreKey(value: Json): boolean {
  return typeof value === "object" && value !== null && (value as JsonObject)["keytype"] === sigstoreKeyType;
}

/**
 * Reads `{keytype, scheme, keyval: {identity, issuer}}`: no pattern, no part of an identity, nothing besides.
 * Throws INTOTO_KEY_MALFORMED.
 */
export function readSigstoreKey(value: Json): SigstoreIdentity & { readonly keyid?: string } {
  const reader = readObject(value, "key", malformed);
  reader.oneOf("keytype", [sigstoreKeyType]);
  reader.oneOf("scheme", [sigstoreScheme, sigstoreScheme.toLowerCase()]);
  const keyval = reader.object("keyval");
  const found = { identity: keyval.string("identity"), issuer: keyval.string("issuer") };
  keyval.refuseUnknown();
  const keyid = reader.optionalString("keyid");
  reader.refuseUnknown();
  for (const text of [found.identity, found.issuer])
    if (text === "" || text.length > maxIdentityChars)
      throw malformed({ checked: "identity and issuer", expected: `1 to ${maxIdentityChars} characters` });
  return keyid === undefined ? found : { ...found, keyid };
}

/** The identity as a layout lists it, under the id that securesystemslib computes for it. */
export function formatSigstoreKey({ identity, issuer }: SigstoreIdentity): JsonObject & { readonly keyid: string } {
  const key = { keytype: sigstoreKeyType, scheme: sigstoreScheme, keyval: { identity, issuer } };
  return { ...key, keyid: idOf(key) };
}

/** The id that securesystemslib computes for what the layout lists, in its own spelling of the scheme. */
export function sigstoreKeyId(identity: SigstoreIdentity, scheme: string): string {
  return idOf({ keytype: sigstoreKeyType, scheme, keyval: { identity: identity.identity, issuer: identity.issuer } });
}

function idOf(value: JsonObject): string {
  return hex(hash("sha256", formatCanonicalJson(value)));
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", { ...detail, checked: `sigstore-oidc ${detail.checked ?? "key"}` });
}
