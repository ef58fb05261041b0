import {
  attempt,
  base64,
  parseBase64,
  parseJson,
  parsePem,
  parseUtf8,
  readObject,
  TrustError,
  type Detail,
  type ObjectReader,
} from "@countersign/core";
import { maxBundleBytes, type Bundle } from "./bundle.ts";
import { parseDetached, type Detached } from "./detached.ts";
import { sigstoreError } from "./errors.ts";

/**
 * Reads what `cosign sign-blob --bundle` and `attest-blob --bundle` wrote before there were Sigstore bundles, JSON
 * `{base64Signature, cert, rekorBundle}` (cosign's LocalSignedPayload), as a bundle of version 0.1. A signature that is a DSSE
 * envelope is one; a public key in `cert` is left out, since a bundle never brings its own key. Verifies nothing.
 * Throws SIGSTORE_DETACHED_MALFORMED.
 */
export function parseCosignBundle(bytes: Uint8Array): Bundle {
  try {
    const reader = readObject(parseJson(bytes, { maxBytes: maxBundleBytes }), "cosign bundle", malformed);
    const signature = reader.bytes("base64Signature");
    const certificate = readCertificate(reader.optionalString("cert") ?? "");
    const log = reader.optionalObject("rekorBundle");
    const logBundle = log === undefined ? undefined : formatLog(log);
    reader.refuseUnknown();
    return parseDetached({
      signed: readSigned(signature),
      ...(certificate !== undefined && { certificate }),
      ...(logBundle !== undefined && { logBundle }),
    });
  } catch (error) {
    if (!(error instanceof TrustError) || error.code === "SIGSTORE_DETACHED_MALFORMED") throw error;
    throw sigstoreError("SIGSTORE_DETACHED_MALFORMED", { got: error.message }, error);
  }
}

/** What `cosign --output-signature` wrote: base64 of a signature or of a DSSE envelope, or the bytes themselves. */
export function parseSignatureFile(bytes: Uint8Array): Detached["signed"] {
  return readSigned(decoded(bytes) ?? bytes);
}

/** What `cosign --output-certificate` wrote: PEM, or base64 of it. Throws SIGSTORE_DETACHED_MALFORMED, and core's for text. */
export function parseCertificateFile(bytes: Uint8Array): string {
  const text = parseUtf8(decoded(bytes) ?? bytes);
  if (text.includes("-----BEGIN ")) return text;
  throw malformed({ checked: "certificate", expected: "PEM, or base64 of it" });
}

function decoded(bytes: Uint8Array): Uint8Array | undefined {
  return attempt(() => parseBase64(parseUtf8(bytes).trim()));
}

const openingBrace = 0x7b;

/** No signature begins as JSON does: ECDSA's is DER, and of others all but one in 256 begin otherwise, and none is JSON. */
function readSigned(signature: Uint8Array): Detached["signed"] {
  if (signature[0] === openingBrace && isJson(signature)) return { kind: "envelope", bytes: signature };
  return { kind: "payload", signature: base64(signature) };
}

function isJson(bytes: Uint8Array): boolean {
  try {
    parseJson(bytes, { maxBytes: maxBundleBytes });
    return true;
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

function readCertificate(text: string): string | undefined {
  if (text === "") return undefined;
  const pem = text.includes("-----BEGIN ") ? text : parseUtf8(parseBase64(text));
  const [block] = parsePem(pem);
  return block?.label === "PUBLIC KEY" ? undefined : pem;
}

/** As `parseDetached` reads it: its members are looked at there. */
function formatLog(log: ObjectReader): string {
  const payload = log.object("Payload");
  const text = JSON.stringify({
    SignedEntryTimestamp: base64(log.bytes("SignedEntryTimestamp")),
    Payload: {
      body: base64(payload.bytes("body")),
      integratedTime: readNumber(payload, "integratedTime"),
      logIndex: readNumber(payload, "logIndex"),
      logID: payload.string("logID"),
    },
  });
  payload.refuseUnknown();
  log.refuseUnknown();
  return text;
}

function readNumber(reader: ObjectReader, name: string): number {
  const number = Number(reader.integer(name));
  if (!Number.isSafeInteger(number)) throw malformed({ checked: name, expected: "a smaller number" });
  return number;
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_DETACHED_MALFORMED", detail);
}
