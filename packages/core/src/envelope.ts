import { base64, concatBytes, utf8 } from "./bytes.ts";
import { readObject, type ObjectReader } from "./decode.ts";
import { coreError, type Detail, type TrustError } from "./errors.ts";
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

/** Parses a DSSE envelope; unknown members are refused. Throws CORE_ENVELOPE_MALFORMED. */
export function parseEnvelope(value: Json): Envelope {
  const reader = readObject(value, "envelope", malformed);
  const envelope = {
    payloadType: reader.string("payloadType"),
    payload: reader.bytes("payload"),
    signatures: reader.array("signatures", maxEnvelopeSignatures).map((each, index) => parseSignature(readObject(each, `envelope.signatures[${index}]`, malformed))),
  };
  reader.refuseUnknown();
  if (envelope.signatures.length === 0) throw malformed({ checked: "envelope.signatures", expected: "at least one" });
  return envelope;
}

/** The inverse of `parseEnvelope`; an empty key id is left out. */
export function formatEnvelope({ payloadType, payload, signatures }: Envelope): JsonObject {
  return {
    payload: base64(payload),
    payloadType,
    signatures: signatures.map(({ keyid, sig }) => (keyid === "" ? { sig: base64(sig) } : { sig: base64(sig), keyid })),
  };
}

/** The bytes that a DSSE signature covers (DSSE v1, PAE): type and payload with their lengths in decimal. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concatBytes(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

function parseSignature(reader: ObjectReader): EnvelopeSignature {
  const signature = { keyid: reader.optionalString("keyid") ?? "", sig: reader.bytes("sig") };
  reader.refuseUnknown();
  if (signature.sig.length === 0) throw malformed({ checked: "signature", expected: "bytes", got: "nothing" });
  return signature;
}

function malformed(detail: Detail): TrustError {
  return coreError("CORE_ENVELOPE_MALFORMED", detail);
}
