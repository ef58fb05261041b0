import {
  concatBytes,
  derInteger,
  derSequence,
  formatPem,
  hash,
  hex,
  makeVerifier,
  parsePublicKey,
  quote,
  type Detail,
  type HashName,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { checkDsaKey, formatDsaSpki, isDsaSignature } from "./dsa.ts";
import { ed25519Spki } from "./key-scheme.ts";
import { inTotoError } from "./errors.ts";
import { openLaxRsa } from "./lax-rsa.ts";
import type { KeyVerifier } from "./key.ts";
import type { Mode } from "./mode.ts";

/** The kinds of OpenPGP keys that in-toto knows. */
export type OpenPgpType = "rsa" | "dsa" | "eddsa";

/** A public key that securesystemslib exported from OpenPGP; the OpenPGP packets themselves are not in it. */
export interface OpenPgpKey {
  readonly type: OpenPgpType;
  readonly method: string;
  /** DER of the SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Whether the signature, as `OpenPgpSignature` has it, is the key's over the message. */
  isOver(hash: HashName, message: Uint8Array, signature: Uint8Array): boolean;
  /** When the key ends, in milliseconds since 1970; absent if never. */
  readonly expiresMs?: number;
}

/** An OpenPGP signature as securesystemslib exports it. */
export interface OpenPgpSignature {
  /** The hashed part of the signature packet (RFC 9580 §5.2.3). */
  readonly otherHeaders: Uint8Array;
  /** RSA: one number, perhaps without leading zeros. EdDSA: R and S, 64 bytes. DSA: r and s in DER. */
  readonly signature: Uint8Array;
}

/** Whether the JSON is of an OpenPGP key rather than of a plain one. */
export function isOpenPgpKey(reader: ObjectReader): boolean {
  return !reader.has("keytype") && reader.has("type") && reader.has("method");
}

/** How securesystemslib calls them. */
export const openPgpMethods: Readonly<Record<OpenPgpType, string>> = {
  rsa: "pgp+rsa-pkcsv1.5",
  dsa: "pgp+dsa-fips-180-2",
  eddsa: "pgp+eddsa-ed25519",
};

/**
 * Reads an exported OpenPGP key: RSA, DSA, or EdDSA on Curve25519. That the key belongs to its id, its user ids and its
 * subkeys was checked when it was exported, if ever: whoever signed the layout vouches for it. Compat: weak ones too.
 * Throws INTOTO_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED, INTOTO_KEY_WEAK and core's errors of weak and malformed keys.
 */
export function readOpenPgpKey(reader: ObjectReader, mode: Mode = "strict"): OpenPgpKey {
  const type = reader.string("type");
  const method = reader.string("method");
  if (type !== "rsa" && type !== "dsa" && type !== "eddsa")
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", {
      checked: "OpenPGP key",
      expected: "RSA, DSA or EdDSA",
      got: quote(type),
    });
  if (method !== openPgpMethods[type]) {
    const detail = { checked: "OpenPGP method", expected: openPgpMethods[type], got: quote(method) };
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", detail);
  }
  const numbers = reader.object("keyval").object("public");
  const expiresMs = readExpiry(reader);
  return { type, method, ...openers[type](numbers, mode), ...(expiresMs === undefined ? {} : { expiresMs }) };
}

/** Lower-case hex SHA-256 of the SubjectPublicKeyInfo. */
export function openPgpMaterialId({ spki }: OpenPgpKey): string {
  return hex(hash("sha256", spki));
}

type Opened = Pick<OpenPgpKey, "spki" | "isOver">;

const openers: Readonly<Record<OpenPgpType, (numbers: ObjectReader, mode: Mode) => Opened>> = {
  rsa: openRsa,
  dsa: openDsa,
  eddsa: openEdDsa,
};

function openRsa(numbers: ObjectReader, mode: Mode): Opened {
  const [modulus, exponent] = [readNumber(numbers, "n"), readNumber(numbers, "e")];
  const der = derSequence(derInteger(modulus), derInteger(exponent));
  const size = Math.ceil(modulus.toString(16).length / 2);
  if (mode === "compat") {
    const open = (name: HashName): KeyVerifier => openLaxRsa(der, { padding: "pkcs1", hash: name });
    const isOver: Opened["isOver"] = (name, message, signature) => open(name).verify(message, padded(signature, size));
    return { spki: open("sha256").spki, isOver };
  }
  const spki = parsePublicKey(formatPem("RSA PUBLIC KEY", der));
  const isOver: Opened["isOver"] = (name, message, signature) =>
    makeVerifier(spki, `rsa-pkcs1-${name}`).verify(message, padded(signature, size));
  return { spki, isOver };
}

/** GnuPG leaves leading zeros away. */
function padded(signature: Uint8Array, size: number): Uint8Array {
  return signature.length > size ? signature : concatBytes(new Uint8Array(size - signature.length), signature);
}

function openDsa(numbers: ObjectReader, mode: Mode): Opened {
  const key = {
    p: readNumber(numbers, "p"),
    q: readNumber(numbers, "q"),
    g: readNumber(numbers, "g"),
    y: readNumber(numbers, "y"),
  };
  checkDsaKey(key, mode);
  return {
    spki: formatDsaSpki(key),
    isOver: (name, message, signature) => isDsaSignature(key, hash(name, message), signature),
  };
}

function openEdDsa(numbers: ObjectReader): Opened {
  const spki = ed25519Spki(numbers.string("q"));
  const verifier = makeVerifier(spki, "ed25519");
  // OpenPGP's Ed25519 signs the digest.
  return { spki, isOver: (name, message, signature) => verifier.verify(hash(name, message), signature) };
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

/** A signature packet of version 4 over a document with SHA-256, by the numbers of RFC 9580 §9. */
export const documentHeaders: Readonly<Record<OpenPgpType, readonly number[]>> = {
  rsa: [4, 0, 1, 8],
  dsa: [4, 0, 17, 8],
  eddsa: [4, 0, 22, 8],
};

/**
 * Whether the signature is the key's over the message (RFC 9580 §5.2.4, version 4): SHA-256 over the message, the hashed
 * part of the packet and its trailer. Strict: demands a packet of the kind that signs documents, made with SHA-256; compat: as the reference,
 * looks at nothing in it.
 */
export function isOpenPgpSignature(
  key: OpenPgpKey,
  message: Uint8Array,
  { otherHeaders, signature }: OpenPgpSignature,
  mode: Mode = "strict",
): boolean {
  const isDocument = documentHeaders[key.type].every((byte, at) => otherHeaders[at] === byte);
  if (!isDocument && mode === "strict") return false;
  return key.isOver("sha256", concatBytes(message, otherHeaders, trailerOf(otherHeaders)), signature);
}

/** What ends the hashed bytes of a signature of version 4. */
export function trailerOf({ length }: Uint8Array): Uint8Array {
  return Uint8Array.of(4, 0xff, length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255);
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", detail);
}
