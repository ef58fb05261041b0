import { formatCanonicalJson, hash, hex, type JsonObject } from "@countersign/core";

/** What a key id is computed from. */
export interface KeyParts {
  readonly keytype: string;
  readonly scheme: string;
  /** PEM or hex, exactly as in `keyval.public`. */
  readonly public: string;
}

/** The id that in-toto 1.x and in-toto-golang compute: over `keyid_hash_algorithms` too. */
export function legacyKeyId({ keytype, scheme, public: text }: KeyParts): string {
  return idOf({ keytype, scheme, keyid_hash_algorithms: ["sha256", "sha512"], keyval: { public: text } });
}

/** The id that securesystemslib 1.x computes. */
export function currentKeyId({ keytype, scheme, public: text }: KeyParts): string {
  return idOf({ keytype, scheme, keyval: { public: text } });
}

/**
 * Every id that some tool gives the key: legacy and current, the PEM with its last newline and without; legacy first. The
 * last is in-toto-golang's for an ECDSA key of another curve, whose scheme it takes to be that of P-256.
 */
export function keyIdsOf(parts: KeyParts): readonly string[] {
  const texts = parts.public.startsWith("-----") ? [parts.public.trimEnd(), `${parts.public.trimEnd()}\n`] : [];
  const forms = [...new Set([parts.public, ...texts])].map((text) => ({ ...parts, public: text }));
  const golang = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", public: parts.public.trimEnd() };
  const isOtherCurve = parts.keytype === golang.keytype && parts.scheme !== golang.scheme;
  return [...forms.map(legacyKeyId), ...forms.map(currentKeyId), ...(isOtherCurve ? [legacyKeyId(golang)] : [])];
}

function idOf(value: JsonObject): string {
  return hex(hash("sha256", formatCanonicalJson(value)));
}
