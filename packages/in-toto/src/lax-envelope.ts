import { coreError, type Envelope, type EnvelopeSignature, type Json, type JsonObject } from "@countersign/core";
import { maxSignatures } from "./signature.ts";

/**
 * Reads a DSSE envelope for compat, as securesystemslib 0.31 does: base64 of both alphabets, also with bits behind the last byte;
 * no signatures, empty ones, and key ids of any kind, which belong to nobody if they are no text. Throws
 * CORE_ENVELOPE_MALFORMED.
 */
export function parseLaxEnvelope(parts: Readonly<Record<string, Json>>): Envelope {
  const { payload, payloadType, signatures } = parts;
  if (typeof payloadType !== "string") throw malformed("payloadType");
  // Python goes through an empty object or text as through an empty list.
  const isEmpty = signatures === "" || (isObject(signatures) && Object.keys(signatures).length === 0);
  const listed: Json | undefined = isEmpty ? [] : signatures;
  if (!Array.isArray(listed) || listed.length > maxSignatures) throw malformed("signatures");
  return {
    payload: decode(payload, "payload"),
    payloadType,
    signatures: (listed as readonly Json[]).map(readSignature),
  };
}

function readSignature(value: Json): EnvelopeSignature {
  const { keyid, sig }: JsonObject = isObject(value) ? value : {};
  if (keyid === undefined) throw malformed("signature.keyid");
  return { keyid: typeof keyid === "string" ? keyid : "", sig: decode(sig, "signature.sig") };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Python's `b64decode` in its strict mode, which lets padding stand behind whole groups. */
function decode(value: Json | undefined, what: string): Uint8Array {
  if (typeof value !== "string") throw malformed(what);
  const [, digits = "", padding = ""] = /^([A-Za-z0-9+/_-]*)(={0,2})$/.exec(value) ?? [undefined, "?"];
  const rest = digits.length % 4;
  const isWhole = rest === 0 || rest + padding.length === 4;
  if (digits === "?" || !isWhole || (digits === "" && padding !== "")) throw malformed(what);
  return decodeDigits(digits.replaceAll("-", "+").replaceAll("_", "/"));
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values = new Uint8Array(128);
for (const [value, digit] of alphabet.split("").entries()) values[digit.charCodeAt(0)] = value;

function decodeDigits(digits: string): Uint8Array {
  const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
  for (let at = 0, to = 0, bits = 0, count = 0; at < digits.length; at++) {
    bits = ((bits << 6) | (values[digits.charCodeAt(at)] as number)) & 0xffffff;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out[to++] = bits >> count;
  }
  return out;
}

function malformed(checked: string): ReturnType<typeof coreError> {
  return coreError("CORE_ENVELOPE_MALFORMED", { checked: `envelope.${checked}` });
}
