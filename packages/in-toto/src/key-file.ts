import {
  formatPem,
  hex,
  makeVerifier,
  parseHex,
  parsePrivateKey,
  parsePem,
  parsePublicKey,
  parseUtf8,
  readObject,
  readTextValue,
  TrustError,
  utf8,
  type AlgorithmName,
  type Detail,
  type JsonObject,
  type ObjectReader,
  type Signer,
} from "@countersign/core";
import { canonicalise, readCanonicalText } from "./canonical.ts";
import { inTotoError } from "./errors.ts";
import { parseOpenPgpFile } from "./openpgp-file.ts";
import { parseArmor } from "./openpgp-packet.ts";
import { keyIdsOf, type KeyParts } from "./key-id.ts";
import { isP224Spki, openP224Secret, p224Scheme } from "./p224.ts";
import { algorithmOfScheme, schemeOfAlgorithm } from "./key-scheme.ts";
import { parseLayoutKey, type LayoutKey } from "./key.ts";
import { openLaxRsa, readRsaPem } from "./lax-rsa.ts";
import type { Mode } from "./mode.ts";

/** The largest key file that is read, in bytes. */
export const maxKeyFileBytes: number = 1024 * 1024;

/** A private key that signs layouts and links, with its public half as a layout lists it. */
export interface InTotoSigner {
  readonly key: LayoutKey;
  readonly signer: Pick<Signer, "keyid" | "spki" | "sign">;
}

/**
 * Parses a public key from a file: securesystemslib's JSON (also an exported OpenPGP key), or PEM (SPKI or PKCS#1), which
 * gets the reference's scheme for its kind: RSA-PSS with SHA-256, ECDSA with the hash of the curve's strength (P-224 only in Node), Ed25519;
 * or an OpenPGP public key as `gpg --export` writes it, armoured or not (`parseOpenPgpFile`).
 * Compat: RSA and DSA of any strength. Its ids are all that some tool computes for it, the one of in-toto 1.x first. Throws the errors of `parseLayoutKey` and
 * INTOTO_TOO_LARGE.
 */
export function parseKeyFile(bytes: Uint8Array, mode: Mode = "strict"): LayoutKey {
  // No text in UTF-8 begins like this, and every OpenPGP packet does.
  const isBinary = bytes.length <= maxKeyFileBytes && (bytes[0] ?? 0) >= 0x80;
  if (isBinary) return parseOpenPgpFile(bytes, mode);
  const text = readFileText(bytes);
  if (text.startsWith("-----BEGIN PGP ")) return parseOpenPgpFile(parseArmor(text), mode);
  if (text.startsWith("{")) return parseJsonKey(text, mode);
  const lax = mode === "compat" ? laxRsaOf(text) : undefined;
  return lax ?? publicKeyOf(p224SpkiOf(text) ?? parsePublicKey(text));
}

/**
 * Reads a private key from a file: unencrypted PEM (PKCS#8, PKCS#1, SEC1), or securesystemslib's JSON. No error repeats
 * any of the input. Throws INTOTO_PRIVATE_KEY_MALFORMED, INTOTO_KEY_UNSUPPORTED, core's errors of private keys.
 */
export function parseSignerFile(bytes: Uint8Array): InTotoSigner {
  const text = readFileText(bytes);
  if (text.startsWith("{")) return parseJsonSigner(text);
  const p224 = openP224Secret(text);
  if (p224 !== undefined) return { key: publicKeyOf(p224.spki), signer: p224 };
  const { spki } = parsePrivateKey(text);
  const key = publicKeyOf(spki);
  return { key, signer: parsePrivateKey(text, algorithmOfScheme(key.keytype, key.scheme)) };
}

/** A private key on P-224, unencrypted in PEM, which no other key reference knows; undefined for all else. */
export function readP224Signer(bytes: Uint8Array): InTotoSigner | undefined {
  if (bytes.length > maxKeyFileBytes || bytes[0] !== 0x2d) return undefined;
  const signer = openP224Secret(new TextDecoder().decode(bytes));
  return signer === undefined ? undefined : { key: publicKeyOf(signer.spki), signer };
}

/** Core knows no P-224. */
function p224SpkiOf(pem: string): Uint8Array | undefined {
  if (!pem.startsWith("-----BEGIN PUBLIC KEY-----")) return undefined;
  const [block, ...more] = parsePem(pem);
  return block !== undefined && more.length === 0 && isP224Spki(block.bytes) ? block.bytes : undefined;
}

/** The key as layouts list it: the reference's scheme for its kind, `keyid_hash_algorithms` and all. */
export function publicKeyOf(spki: Uint8Array): LayoutKey {
  if (isP224Spki(spki))
    return keyOfParts({ keytype: "ecdsa", scheme: p224Scheme, public: formatPem("PUBLIC KEY", spki).trimEnd() });
  const { algorithm } = makeVerifier(spki);
  const name: AlgorithmName = algorithm.family === "rsa-pkcs1" ? "rsa-pss-sha256" : algorithm.name;
  const { keytype, scheme } = schemeOfAlgorithm(name);
  // Without the last newline, as the reference reads public keys, and in-toto-golang all.
  const text = keytype === "ed25519" ? hex(spki.subarray(-32)) : formatPem("PUBLIC KEY", spki).trimEnd();
  return keyOfParts({ keytype, scheme, public: text });
}

/** An RSA key in PEM, of whatever strength; undefined for all else. */
function laxRsaOf(pem: string): LayoutKey | undefined {
  const der = attempt(() => readRsaPem(pem));
  if (der === undefined) return undefined;
  const { spki } = openLaxRsa(der, { padding: "pss", hash: "sha256" });
  const text = formatPem("PUBLIC KEY", spki).trimEnd();
  return keyOfParts({ keytype: "rsa", scheme: "rsassa-pss-sha256", public: text }, "compat");
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

function keyOfParts(parts: KeyParts, mode: Mode = "strict"): LayoutKey {
  const ids = keyIdsOf(parts);
  const [keyid = ""] = ids;
  const { keytype, scheme } = parts;
  // No empty `private`: in-toto-golang drops it before it checks a layout's signature.
  const keyval = { public: parts.public };
  const json = { keyid, keyid_hash_algorithms: ["sha256", "sha512"], keytype, keyval, scheme };
  return { ...parseLayoutKey(json, undefined, mode), ids };
}

function parseJsonKey(text: string, mode: Mode): LayoutKey {
  const json = parseKeyJson(text);
  const key = parseLayoutKey(json, undefined, mode);
  if (key.check.kind !== "plain") return key;
  const ids = [...new Set([key.keyid, ...keyIdsOf(key)])];
  return { ...key, ids, json: { ...json, keyid: key.keyid } };
}

function parseJsonSigner(text: string): InTotoSigner {
  const reader = orMalformed(() => readObject(parseKeyJson(text), "key", malformed));
  const { keytype, scheme } = { keytype: reader.string("keytype"), scheme: reader.string("scheme") };
  const keyval = reader.object("keyval");
  const algorithm = algorithmOfScheme(keytype, scheme);
  const secret = keyval.optionalString("private") ?? "";
  const signer = parsePrivateKey(algorithm === "ed25519" ? ed25519Pem(secret) : secret, algorithm);
  const key = keyOfParts({ keytype, scheme, public: keyval.string("public") });
  if (key.materialId !== signer.keyid) throw malformed({ expected: "a private key that belongs to the public one" });
  return { key: withOwnId(key, reader), signer };
}

/** A file that names its id keeps it: links were signed under it. */
function withOwnId(key: LayoutKey, reader: ObjectReader): LayoutKey {
  const keyid = reader.optionalString("keyid") ?? key.keyid;
  return { ...key, keyid, ids: [...new Set([keyid, ...key.ids])], json: { ...key.json, keyid } };
}

const ed25519Pkcs8 = "302e020100300506032b657004220420";

function ed25519Pem(seed: string): string {
  if (!/^[0-9a-f]{64}$/.test(seed)) throw malformed({ expected: "64 hex digits" });
  return formatPem("PRIVATE KEY", parseHex(ed25519Pkcs8 + seed));
}

function parseKeyJson(text: string): JsonObject {
  const canonical = canonicalise(utf8(text), { numbers: "refuse", duplicates: "refuse" });
  return readTextValue(readCanonicalText(canonical)) as JsonObject;
}

function readFileText(bytes: Uint8Array): string {
  if (bytes.length <= maxKeyFileBytes) return parseUtf8(bytes).trimStart();
  throw inTotoError("INTOTO_TOO_LARGE", { checked: "key file", expected: `at most ${maxKeyFileBytes} bytes` });
}

/** Drops the cause: it may quote the key. */
function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed({ expected: "JSON" });
  }
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_PRIVATE_KEY_MALFORMED", detail);
}
