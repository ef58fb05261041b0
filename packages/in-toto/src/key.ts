import {
  makeVerifier,
  parsePem,
  parsePublicKey,
  quote,
  readObject,
  TrustError,
  type Detail,
  type Json,
  type JsonObject,
  type ObjectReader,
  type Verifier,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { keyIdsOf, legacyKeyId, type KeyParts } from "./key-id.ts";
import { algorithmOfScheme, ed25519Spki } from "./key-scheme.ts";
import { isOpenPgpKey, openPgpMaterialId, readOpenPgpKey, type OpenPgpKey } from "./openpgp.ts";
import { checkKeyForm, checkNewerKeyForm, isUsedForm } from "./key-form.ts";
import { openLaxRsa, parseLaxRsaScheme, readRsaPem } from "./lax-rsa.ts";
import { isP224Spki, openAnyCurve, openP224, p224Scheme } from "./p224.ts";
import {
  isSigstoreKey,
  readSigstoreKey,
  sigstoreKeyId,
  sigstoreKeyType,
  sigstoreScheme,
  type SigstoreIdentity,
} from "./sigstore-key.ts";
import type { Mode } from "./mode.ts";

/** A functionary's or owner's public key as in-toto knows it. */
export interface LayoutKey {
  /** The id under which it is listed; nobody has to have computed it from the key. */
  readonly keyid: string;
  /** All ids under which its signatures may come, `keyid` first; more than one only for a key that came from a file. */
  readonly ids: readonly string[];
  readonly keytype: string;
  readonly scheme: string;
  /** PEM, or hex for Ed25519; empty for OpenPGP and Sigstore. */
  readonly public: string;
  /** Lower-case hex SHA-256 of the SubjectPublicKeyInfo, or of the Sigstore identity: the same for one key under two ids. */
  readonly materialId: string;
  readonly check: KeyCheck;
  /** OpenPGP subkeys, which may sign in its stead; their subkeys are empty. */
  readonly subkeys: ReadonlyMap<string, LayoutKey>;
  /** As the layout or file has it. */
  readonly json: JsonObject;
}

/** A public key, ready to check signatures; as core's `Verifier`, or on P-224. */
export type KeyVerifier = Pick<Verifier, "keyid" | "spki" | "verify"> & {
  readonly algorithm: { readonly name: string };
};

/** How signatures are checked. An `unusable` key throws its error when it is used. */
export type KeyCheck =
  | { readonly kind: "plain"; readonly verifier: KeyVerifier }
  | { readonly kind: "openpgp"; readonly openpgp: OpenPgpKey }
  | { readonly kind: "sigstore"; readonly identity: SigstoreIdentity }
  | { readonly kind: "unusable"; readonly error: TrustError; readonly isFormWrong: boolean };

/** The most subkeys of one OpenPGP key. */
export const maxSubkeys: number = 64;

/**
 * Parses a key as layouts hold it: securesystemslib's JSON, its export of an OpenPGP key, or a Sigstore identity. Without `keyid` in it, the
 * id it is listed under counts, else the computed one. An ECDSA key of any curve may have the scheme of P-256, as in-toto-golang lists it. Compat: RSA and DSA of any strength. Does not check that the id belongs to the key: `isOwnKeyId` tells.
 * Throws INTOTO_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED and core's errors of weak and malformed keys.
 */
export function parseLayoutKey(value: Json, listedId?: string, mode: Mode = "strict"): LayoutKey {
  if (isSigstoreKey(value)) return parseSigstoreKey(value, listedId);
  const reader = readObject(value, "key", malformed);
  if (isOpenPgpKey(reader)) return parseOpenPgpKey(reader, { json: value as JsonObject, listedId, mode });
  const keytype = reader.string("keytype");
  const scheme = reader.string("scheme");
  const keyval = reader.object("keyval");
  const text = keyval.string("public");
  const isPrivate = keyval.has("private") && keyval.string("private") !== "";
  if (isPrivate) throw malformed({ checked: "key.keyval.private", expected: "nothing in a public key" });
  const verifier = openVerifier({ keytype, scheme, public: text }, mode);
  const keyid = reader.optionalString("keyid") ?? listedId ?? legacyKeyId({ keytype, scheme, public: text });
  const { keyid: materialId } = verifier;
  const check = { kind: "plain", verifier } as const;
  const json = value as JsonObject;
  return { keyid, ids: [keyid], keytype, scheme, public: text, materialId, check, subkeys: new Map(), json };
}

/**
 * As `parseLayoutKey`, for a key that a layout lists under an id, which must be its own; but one of a kind that is not
 * supported is kept until something needs it, and in compat any that cannot be used, as the reference does.
 */
export function readListedKey(
  value: Json,
  listedId: string,
  mode: Mode,
  form: "metablock" | "dsse" = "metablock",
): LayoutKey {
  // The reference knows no identities in place of keys.
  if (mode === "compat" && form === "dsse") checkNewerKeyForm(value);
  else if (mode === "compat" || !isSigstoreKey(value)) checkKeyForm(value);
  try {
    const key = parseLayoutKey(value, undefined, mode);
    const isListed = Object.hasOwn(key.json, "keyid") && (mode === "compat" || key.keyid === listedId);
    if (isListed && (mode === "strict" || form === "dsse" || isUsedForm(value))) return key;
    const got = Object.hasOwn(key.json, "keyid") ? quote(key.keyid) : "nothing";
    throw malformed({ checked: "key.keyid", expected: quote(listedId), got });
  } catch (error) {
    if (!(error instanceof TrustError) || (mode === "strict" && !error.code.endsWith("_KEY_UNSUPPORTED"))) throw error;
    return unusable(value, listedId, error);
  }
}

/** Whether the id was computed from the key, in one of the ways in use. */
export function isOwnKeyId(key: LayoutKey): boolean {
  if (key.check.kind === "openpgp") return true;
  if (key.check.kind === "sigstore") return key.keyid === sigstoreKeyId(key.check.identity, key.scheme);
  return keyIdsOf(key).includes(key.keyid);
}

/** One person under two ids is one: what counts is the identity with its issuer. */
function parseSigstoreKey(value: Json, listedId?: string): LayoutKey {
  const { keyid: own, ...identity } = readSigstoreKey(value);
  const materialId = sigstoreKeyId(identity, sigstoreScheme);
  const keyid = own ?? listedId ?? materialId;
  const { scheme } = value as JsonObject & { readonly scheme: string };
  return {
    keyid,
    ids: [keyid],
    keytype: sigstoreKeyType,
    scheme,
    public: "",
    materialId,
    check: { kind: "sigstore", identity },
    subkeys: new Map(),
    json: value as JsonObject,
  };
}

function openVerifier({ keytype, scheme, public: text }: KeyParts, mode: Mode): KeyVerifier {
  if (mode === "compat" && keytype.startsWith("ecdsa")) return openReferenceEcdsa(scheme, text);
  if (mode === "compat" && keytype === "rsa") return openLaxRsa(readRsaPem(text), parseLaxRsaScheme(scheme));
  if (scheme === p224Scheme && (keytype === "ecdsa" || keytype === scheme)) return openP224(p224Spki(text));
  const algorithm = algorithmOfScheme(keytype, scheme);
  if (algorithm === golangAlgorithm && isP224Spki(parsePem(text)[0]?.bytes ?? new Uint8Array(0)))
    return openP224(p224Spki(text));
  const spki = algorithm === "ed25519" ? ed25519Spki(text) : parsePublicKey(text);
  const verifier = algorithm === golangAlgorithm ? makeVerifier(spki) : makeVerifier(spki, algorithm);
  return verifier.algorithm.family === "ecdsa" ? verifier : makeVerifier(spki, algorithm);
}

/** What in-toto-golang takes every ECDSA key for, of whatever curve; it hashes as the curve asks. */
const golangAlgorithm = "ecdsa-p256-sha256";

/** The reference knows two schemes, and hashes as they say, whatever the curve. */
function openReferenceEcdsa(scheme: string, pem: string): KeyVerifier {
  if (scheme !== "ecdsa-sha2-nistp256" && scheme !== "ecdsa-sha2-nistp384")
    throw inTotoError("INTOTO_KEY_UNSUPPORTED", { checked: "scheme", got: quote(scheme) });
  const algorithm = algorithmOfScheme("ecdsa", scheme);
  const own = attempt(() => makeVerifier(parsePublicKey(pem)));
  return own?.algorithm.name === algorithm ? own : openAnyCurve(pem, scheme);
}

function attempt<T>(open: () => T): T | undefined {
  try {
    return open();
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function p224Spki(pem: string): Uint8Array {
  const [block, ...more] = parsePem(pem);
  if (block?.label === "PUBLIC KEY" && more.length === 0 && isP224Spki(block.bytes)) return block.bytes;
  throw malformed({ checked: `key of ${p224Scheme}`, expected: "one on P-224" });
}

interface OpenPgpJson {
  readonly json: JsonObject;
  readonly listedId: string | undefined;
  readonly mode: Mode;
}

function parseOpenPgpKey(reader: ObjectReader, given: OpenPgpJson): LayoutKey {
  const main = openPgpKey(reader, given);
  const listed = reader.optionalJson("subkeys") ?? {};
  const subkeys = Object.entries(listed);
  if (subkeys.length > maxSubkeys) throw malformed({ checked: "key.subkeys", expected: `at most ${maxSubkeys}` });
  const read = subkeys.map(([id, value]) => [id, readListedKey(value as Json, id, given.mode)] as const);
  return { ...main, subkeys: new Map(read) };
}

function openPgpKey(reader: ObjectReader, { json, listedId, mode }: OpenPgpJson): LayoutKey {
  const openpgp = readOpenPgpKey(reader, mode);
  const keyid = reader.optionalString("keyid") ?? listedId;
  if (keyid === undefined) throw malformed({ checked: "key.keyid", expected: "present" });
  return {
    keyid,
    ids: [keyid],
    keytype: openpgp.type,
    scheme: openpgp.method,
    public: "",
    materialId: openPgpMaterialId(openpgp),
    check: { kind: "openpgp", openpgp },
    subkeys: new Map(),
    json,
  };
}

function unusable(value: Json, keyid: string, error: TrustError): LayoutKey {
  const check = { kind: "unusable", error, isFormWrong: !isUsedForm(value) } as const;
  const json = value as JsonObject;
  return {
    keyid,
    ids: [keyid],
    keytype: "",
    scheme: "",
    public: "",
    materialId: keyid,
    check,
    subkeys: new Map(),
    json,
  };
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_KEY_MALFORMED", detail);
}
