import { base64, concatBytes, utf8 } from "./bytes.ts";
import { readObject } from "./decode.ts";
import { coreError } from "./errors.ts";
import type { Detail, TrustError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** A DSSE envelope (DSSE v1), unverified. The payload bytes are the ones that were signed. */
export interface Envelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signatures: readonly EnvelopeSignature[];
}

/** One signature; `keyid` is a hint that nobody signed, empty if absent. */
export interface EnvelopeSignature {
  readonly keyid: string;
  readonly sig: Uint8Array;
}

/** The most signatures an envelope may carry. */
export const maxEnvelopeSignatures: number = 32;

/**
 * Parses a DSSE envelope (DSSE v1.0.2, envelope.md): at least one signature, none of them empty, strict base64 in the
 * standard alphabet alone. Other members, which nobody signed, are passed over as the specification asks. Checks no
 * signature and does not look into the payload. Throws CORE_ENVELOPE_MALFORMED.
 */
export function parseEnvelope(value: Json): Envelope {
  const reader = readObject(value, "envelope", malformed);
  const payloadType = reader.string("payloadType");
  const payload = reader.bytes("payload");
  const signatures = reader
    .array("signatures", maxEnvelopeSignatures)
    .map((each, index) => parseSignature(each, `envelope.signatures[${index}]`));
  if (signatures.length === 0) throw malformed({ checked: "envelope.signatures", expected: "at least one" });
  return { payloadType, payload, signatures };
}

/** The inverse of `parseEnvelope`; an empty key id is left out. */
export function formatEnvelope({ payloadType, payload, signatures }: Envelope): JsonObject {
  return {
    payload: base64(payload),
    payloadType,
    signatures: signatures.map(({ keyid, sig }) => (keyid === "" ? { sig: base64(sig) } : { sig: base64(sig), keyid })),
  };
}

/** The bytes that a DSSE signature covers (DSSE v1.0.2, protocol.md): type and payload with their lengths in bytes. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

function parseSignature(value: Json, at: string): EnvelopeSignature {
  const reader = readObject(value, at, malformed);
  const signature = { keyid: reader.optionalString("keyid") ?? "", sig: reader.bytes("sig") };
  if (signature.sig.length === 0) throw malformed({ checked: `${at}.sig`, expected: "bytes", got: "nothing" });
  return signature;
}

function malformed(detail: Detail): TrustError {
  return coreError("CORE_ENVELOPE_MALFORMED", detail);
}
