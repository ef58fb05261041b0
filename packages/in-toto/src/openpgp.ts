import {
  concatBytes,
  derInteger,
  derSequence,
  formatPem,
  hash,
  makeVerifier,
  parsePublicKey,
  quote,
  type Detail,
  type ObjectReader,
  type TrustError,
  type Verifier,
} from "@countersign/core";
import { ed25519Spki } from "./key-scheme.ts";
import { inTotoError } from "./errors.ts";

/** A public key that securesystemslib exported from OpenPGP; the OpenPGP packets themselves are not in it. */
export interface OpenPgpKey {
  readonly type: "rsa" | "eddsa";
  readonly method: string;
  readonly verifier: Verifier;
  /** Length of an RSA modulus, in bytes: shorter signatures lack leading zeros. 64 for EdDSA. */
  readonly signatureBytes: number;
  /** When the key ends, in milliseconds since 1970; absent if never. */
  readonly expiresMs?: number;
}

/** An OpenPGP signature as securesystemslib exports it. */
export interface OpenPgpSignature {
  /** The hashed part of the signature packet (RFC 9580 §5.2.3). */
  readonly otherHeaders: Uint8Array;
  readonly signature: Uint8Array;
}

/** Whether the JSON is of an OpenPGP key rather than of a plain one. */
export function isOpenPgpKey(reader: ObjectReader): boolean {
  return !reader.has("keytype") && reader.has("type") && reader.has("method");
}

const methods = { rsa: "pgp+rsa-pkcsv1.5", eddsa: "pgp+eddsa-ed25519" } as const;

/**
 * Reads an exported OpenPGP key: RSA, or EdDSA on Curve25519. That the key belongs to its id, its user ids and its
 * subkeys was checked when it was exported, if ever: whoever signed the layout vouches for it.
 * Throws INTOTO_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED (DSA) and core's errors of weak and malformed keys.
 */
export function readOpenPgpKey(reader: ObjectReader): OpenPgpKey {
  const type = reader.string("type");
  const method = reader.string("method");
  if (type !== "rsa" && type !== "eddsa")
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "OpenPGP key", expected: "RSA or EdDSA", got: quote(type) });
  if (method !== methods[type]) {
    const detail = { checked: "OpenPGP method", expected: methods[type], got: quote(method) };
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", detail);
  }
  const numbers = reader.object("keyval").object("public");
  const opened = type === "rsa" ? openRsa(numbers) : openEdDsa(numbers);
  const expiresMs = readExpiry(reader);
  return { type, method, ...opened, ...(expiresMs === undefined ? {} : { expiresMs }) };
}

type Opened = Pick<OpenPgpKey, "verifier" | "signatureBytes">;

function openRsa(numbers: ObjectReader): Opened {
  const [modulus, exponent] = [readNumber(numbers, "n"), readNumber(numbers, "e")];
  const pem = formatPem("RSA PUBLIC KEY", derSequence(derInteger(modulus), derInteger(exponent)));
  const verifier = makeVerifier(parsePublicKey(pem), "rsa-pkcs1-sha256");
  return { verifier, signatureBytes: Math.ceil(modulus.toString(16).length / 2) };
}

function openEdDsa(numbers: ObjectReader): Opened {
  return { verifier: makeVerifier(ed25519Spki(numbers.string("q")), "ed25519"), signatureBytes: 64 };
}

function readNumber(numbers: ObjectReader, name: string): bigint {
  const text = numbers.string(name);
  if (/^[0-9a-fA-F]{1,4096}$/.test(text)) return BigInt(`0x${text}`);
  throw malformed({ checked: `OpenPGP number ${name}`, expected: "hex" });
}

/** Seconds since 1970, and how many of them the key lasts; 0 or absent is for ever. */
function readExpiry(reader: ObjectReader): number | undefined {
  const created = reader.has("creation_time") ? reader.number("creation_time") : 0;
  const period = reader.has("validity_period") ? reader.number("validity_period") : 0;
  if (!Number.isSafeInteger(created) || !Number.isSafeInteger(period) || created < 0 || period < 0)
    throw malformed({ checked: "OpenPGP creation_time and validity_period", expected: "seconds" });
  return created === 0 || period === 0 ? undefined : (created + period) * 1000;
}

/** A signature packet of version 4 over a document, by RSA or EdDSA, with SHA-256. */
const documentHeaders = { rsa: [4, 0, 1, 8], eddsa: [4, 0, 22, 8] } as const;

/**
 * Whether the signature is the key's over the message (RFC 9580 §5.2.4, version 4): SHA-256 over the message, the hashed
 * part of the packet and its trailer, signed as PKCS#1 v1.5 or by Ed25519. Demands a packet of the kind that signs
 * documents, made with SHA-256; looks at no time in it.
 */
export function isOpenPgpSignature(
  key: OpenPgpKey,
  message: Uint8Array,
  { otherHeaders, signature }: OpenPgpSignature,
): boolean {
  const isDocument = documentHeaders[key.type].every((byte, at) => otherHeaders[at] === byte);
  if (!isDocument || signature.length > key.signatureBytes) return false;
  const { length } = otherHeaders;
  const trailer = Uint8Array.of(4, 0xff, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
  const signed = concatBytes(message, otherHeaders, trailer);
  const padded = concatBytes(new Uint8Array(key.signatureBytes - signature.length), signature);
  // OpenPGP's Ed25519 signs the digest; RSA takes the digest itself.
  return key.verifier.verify(key.type === "rsa" ? signed : hash("sha256", signed), padded);
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", detail);
}
