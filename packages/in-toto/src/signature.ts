import {
  base64,
  parseHex,
  quote,
  readObject,
  type Certificate,
  type Detail,
  type EnvelopeSignature,
  type Json,
  type JsonObject,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { checkProved, type Prover } from "./bundle.ts";
import { parsePemCertificate } from "./certificate.ts";
import { inTotoError } from "./errors.ts";
import { isNewerUsedForm } from "./key-form.ts";
import { isOpenPgpSignature, type OpenPgpSignature } from "./openpgp.ts";
import type { LayoutKey } from "./key.ts";
import type { Mode } from "./mode.ts";

/** One signature of a layout or link, unverified. */
export interface MetadataSignature {
  /** Whose it says it is; nobody signed that. */
  readonly keyid: string;
  /** Absent on an OpenPGP signature. */
  readonly sig?: Uint8Array;
  /** Compat: hex of half bytes or with a line end, at which the reference gives up once it looks at the signature. */
  readonly isUnreadable?: true;
  readonly openpgp?: OpenPgpSignature;
  /** The functionary's certificate (ITE-7). */
  readonly certificate?: Certificate;
  /** As the file has it. */
  readonly json: JsonObject;
}

/** The most signatures of one file. */
export const maxSignatures: number = 64;

/**
 * Parses the signatures of a Metablock: `{keyid, sig}`, both hex, with `cert` (in-toto-golang) or `certificate` (ITE-7)
 * in PEM, or securesystemslib's export of an OpenPGP signature. Strict: no key id twice.
 * Throws INTOTO_SIGNATURE_MALFORMED, INTOTO_SIGNATURE_TWICE, INTOTO_CERTIFICATE_MALFORMED.
 */
export function parseSignatures(value: Json, mode: Mode): readonly MetadataSignature[] {
  if (!Array.isArray(value)) throw malformed({ checked: "signatures", expected: "an array" });
  const listed: readonly Json[] = value;
  if (listed.length > maxSignatures) throw malformed({ checked: "signatures", expected: `at most ${maxSignatures}` });
  const signatures = listed.map((each, at) => parseSignature(each, `signatures[${at}]`, mode));
  return mode === "strict" ? checkOnce(signatures) : signatures;
}

/** The signatures of a DSSE envelope; strict: no key id twice. Throws INTOTO_SIGNATURE_TWICE. */
export function fromEnvelope(signatures: readonly EnvelopeSignature[], mode: Mode): readonly MetadataSignature[] {
  const read = signatures.map(({ keyid, sig }) => ({ keyid, sig, json: { keyid, sig: base64(sig) } }));
  return mode === "strict" ? checkOnce(read) : read;
}

function checkOnce(signatures: readonly MetadataSignature[]): readonly MetadataSignature[] {
  const keyids = new Set<string>();
  for (const { keyid } of signatures) {
    if (keyids.has(keyid)) throw inTotoError("INTOTO_SIGNATURE_TWICE", { got: quote(keyid) });
    keyids.add(keyid);
  }
  return signatures;
}

function parseSignature(value: Json, at: string, mode: Mode): MetadataSignature {
  const reader = readObject(value, at, malformed);
  const keyid = reader.string("keyid");
  if (!hexPatterns[mode].test(keyid)) throw malformed({ checked: `${at}.keyid`, expected: "hex", got: quote(keyid) });
  const json = value as JsonObject;
  if (mode === "compat" ? hasOpenPgpForm(json) : reader.has("other_headers")) {
    const [headers, signature] = [readHex(reader, "other_headers", mode), readHex(reader, "signature", mode)];
    const openpgp = { otherHeaders: headers ?? nothing, signature: signature ?? nothing };
    return { keyid, openpgp, json, ...unreadable(headers, signature) };
  }
  const certificate = mode === "compat" ? undefined : readCertificate(reader);
  const sig = readHex(reader, "sig", mode);
  const plain = { keyid, sig: sig ?? nothing, json, ...unreadable(sig) };
  return certificate === undefined ? plain : { ...plain, certificate };
}

/** What the reference takes for an OpenPGP signature, whatever else is in it. */
function hasOpenPgpForm(json: JsonObject): boolean {
  const isHex = (name: string): boolean => {
    const text = json[name];
    return typeof text === "string" && hexPatterns.compat.test(text);
  };
  const isShortIdFine = !Object.hasOwn(json, "short_keyid") || isHex("short_keyid");
  return isHex("other_headers") && isHex("signature") && isShortIdFine;
}

const nothing = new Uint8Array(0);

function unreadable(...parts: readonly (Uint8Array | undefined)[]): Pick<MetadataSignature, "isUnreadable"> {
  return parts.includes(undefined) ? { isUnreadable: true } : {};
}

const hexPatterns = { strict: /^[0-9a-f]+$/, compat: /^[0-9a-fA-F]+\n?$/ } as const;

/** Bytes of hex. In compat undefined for half a byte or a line feed, which pass the reference's check of form. */
function readHex(reader: ObjectReader, name: string, mode: Mode): Uint8Array | undefined {
  const text = reader.string(name);
  if (!hexPatterns[mode].test(text)) throw malformed({ checked: name, expected: "hex", got: quote(text) });
  if (/^(?:[0-9a-fA-F]{2})+$/.test(text)) return parseHex(text.toLowerCase());
  if (mode === "compat") return undefined;
  throw malformed({ checked: name, expected: "whole bytes in hex", got: `${text.length} digits` });
}

function readCertificate(reader: ObjectReader): Certificate | undefined {
  const pem = reader.optionalString("cert") || reader.optionalString("certificate");
  return pem === undefined || pem === "" ? undefined : parsePemCertificate(pem);
}

/** What a signature is checked against. */
export interface SignedBytes {
  readonly form: "metablock" | "dsse";
  readonly mode: Mode;
  readonly signatures: readonly MetadataSignature[];
  /** Who was proved to have signed, where it came in a Sigstore bundle; then there are no `signatures`. */
  readonly proved?: Prover;
  signedBytes(): Uint8Array;
}

/**
 * Proves that the key, or one of its OpenPGP subkeys, signed, and returns that signature. Strict: each of the key's
 * signatures must be good; compat: as the reference, the first under its ids in a Metablock decides, in DSSE any good
 * one. `nowMs` is for the expiry of OpenPGP keys. Does not check that the key may sign this.
 * What came in a Sigstore bundle is proved already: only whose it is is looked at, and a Sigstore identity needs one.
 * Throws INTOTO_SIGNATURE_MISSING, INTOTO_SIGNATURE_BAD, INTOTO_KEY_EXPIRED, INTOTO_IDENTITY_MISMATCH,
 * INTOTO_BUNDLE_NEEDED; INTOTO_KEY_MALFORMED for a signature of
 * another kind than the key, and the error of an unusable key: with these the reference gives up altogether.
 */
export function checkSignature(signed: SignedBytes, key: LayoutKey, nowMs: number): MetadataSignature {
  if (signed.proved !== undefined) {
    checkProved(signed.proved, key);
    return { keyid: key.keyid, json: {} };
  }
  if (key.check.kind === "sigstore") throw inTotoError("INTOTO_BUNDLE_NEEDED", { checked: `key ${quote(key.keyid)}` });
  if (signed.mode === "compat") checkUsable(signed, key);
  const own = signed.signatures.filter(({ keyid }) => key.ids.includes(keyid) || key.subkeys.has(keyid));
  const [first] = own;
  if (first === undefined) throw inTotoError("INTOTO_SIGNATURE_MISSING", { checked: `key ${quote(key.keyid)}` });
  const isGood = (signature: MetadataSignature): boolean => isSignature(signed, key, signature, nowMs);
  const good = signed.mode === "compat" && signed.form === "metablock" ? first : own.find(isGood);
  const areAllGood = signed.mode === "compat" ? good !== undefined && isGood(good) : own.every(isGood);
  if (good !== undefined && areAllGood) return good;
  throw inTotoError("INTOTO_SIGNATURE_BAD", { checked: `key ${quote(key.keyid)}` });
}

/** The reference looks at the kind and form of the key before it looks for a signature. */
function checkUsable({ form }: SignedBytes, { check, json, keyid }: LayoutKey): void {
  if (form === "dsse" && !isNewerUsedForm(json))
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: `key ${quote(keyid)}` });
  if (form === "metablock" && check.kind === "unusable" && check.isFormWrong) throw check.error;
}

function isSignature(signed: SignedBytes, main: LayoutKey, signature: MetadataSignature, nowMs: number): boolean {
  const key = main.subkeys.get(signature.keyid) ?? main;
  const { check } = key;
  // In envelopes the reference takes whatever goes wrong for a bad signature.
  if (check.kind === "unusable" && signed.mode === "compat" && signed.form === "dsse") return false;
  if (check.kind === "unusable") throw check.error;
  if (check.kind === "sigstore") return false;
  // The reference knows neither P-224 nor P-521, and gives up.
  if (signed.mode === "compat" && /^ecdsa-sha2-nistp(?:224|521)$/.test(key.scheme))
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: `key ${quote(key.keyid)}` });
  if (check.kind === "openpgp" && signed.form === "dsse")
    throw inTotoError("INTOTO_OPENPGP_DSSE", { checked: `key ${quote(key.keyid)}` });
  if ((check.kind === "openpgp") !== (signature.openpgp !== undefined)) throw otherKind(key);
  if (signature.isUnreadable === true && !hasEnded(key, nowMs))
    throw malformed({ checked: `signature by key ${quote(key.keyid)}`, expected: "whole bytes in hex" });
  const isShort = key.keytype === "ed25519" && signature.sig?.length !== 64;
  if (isShort && (signed.mode === "strict" || signed.form === "metablock"))
    throw malformed({ checked: `signature by key ${quote(key.keyid)}`, expected: "64 bytes" });
  if (check.kind === "plain") return check.verifier.verify(signed.signedBytes(), signature.sig ?? new Uint8Array(0));
  checkLasts(key, nowMs);
  // A subkey ends with its main key; the reference looks at the one that signed.
  if (signed.mode === "strict") checkLasts(main, nowMs);
  return (
    signature.openpgp !== undefined &&
    isOpenPgpSignature(check.openpgp, signed.signedBytes(), signature.openpgp, signed.mode)
  );
}

function checkLasts(key: LayoutKey, nowMs: number): void {
  if (key.check.kind !== "openpgp" || !hasEnded(key, nowMs)) return;
  const got = new Date(key.check.openpgp.expiresMs ?? 0).toISOString();
  throw inTotoError("INTOTO_KEY_EXPIRED", { checked: `key ${quote(key.keyid)}`, got });
}

function hasEnded({ check }: LayoutKey, nowMs: number): boolean {
  return check.kind === "openpgp" && (check.openpgp.expiresMs ?? Infinity) < nowMs;
}

function otherKind(key: LayoutKey): TrustError {
  const got = key.check.kind === "openpgp" ? "a plain signature" : "an OpenPGP signature";
  return inTotoError("INTOTO_KEY_MALFORMED", { checked: `signature by key ${quote(key.keyid)}`, got });
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_SIGNATURE_MALFORMED", detail);
}
