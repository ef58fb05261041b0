import { parseJson, readObject, utf8, type Detail, type Json, type TrustError } from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import { maxTrustRootBytes } from "./trust-root.ts";

/** The two documents of a client trust config, each as JSON of its own. */
export interface TrustConfig {
  readonly trustedRoot: Uint8Array;
  readonly signingConfig: Uint8Array;
}

/** What a client trust config calls itself. */
export const trustConfigMediaType = "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json";

/**
 * Takes a client trust config apart (protobuf-specs sigstore_trustroot.proto `ClientTrustConfig`), as sigstore-python reads it.
 * Looks at neither of its documents. Throws SIGSTORE_TRUST_CONFIG_MALFORMED.
 */
export function parseTrustConfig(bytes: Uint8Array): TrustConfig {
  const reader = readObject(jsonOf(bytes), "trust config", malformed);
  reader.oneOf("mediaType", [trustConfigMediaType]);
  const read = (name: string): Uint8Array => {
    reader.object(name);
    return utf8(JSON.stringify(reader.json(name)));
  };
  const parts = { trustedRoot: read("trustedRoot"), signingConfig: read("signingConfig") };
  reader.refuseUnknown();
  return parts;
}

function jsonOf(bytes: Uint8Array): Json {
  try {
    return parseJson(bytes, { maxBytes: 2 * maxTrustRootBytes });
  } catch (error) {
    throw sigstoreError("SIGSTORE_TRUST_CONFIG_MALFORMED", { expected: "JSON" }, error);
  }
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_TRUST_CONFIG_MALFORMED", detail);
}
