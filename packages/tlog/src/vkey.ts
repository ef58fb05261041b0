import {
  base64,
  concatBytes,
  equalBytes,
  formatPem,
  hex,
  makeVerifier,
  parseBase64,
  parseHex,
  parsePrivateKey,
  quote,
  TrustError,
} from "@countersign/core";
import type { Signer, Verifier } from "@countersign/core";
import { cosignerKey } from "./cosignature.ts";
import { tlogError } from "./errors.ts";
import {
  checkKeyName,
  isKeyName,
  keyHintOf,
  noteKey,
  parseTypedKey,
  typedKey,
  type NoteKey,
  type NoteKeyType,
} from "./key.ts";
import type { NoteSigner } from "./note.ts";

/** Longest vkey or skey that is parsed, in characters: an RSA key of 8,192 bits and a long name fit. */
export const maxVkeyChars = 4096;

/**
 * Parses a verifier key, `name+<hex key id>+<base64 of type and key>`. Proves that the id is the hash of name and key.
 * Errors: TLOG_KEY_MALFORMED, TLOG_KEY_UNSUPPORTED, TLOG_KEY_ID_MISMATCH, and core's for a key that is unfit. C2SP signed-note, "Verifier keys".
 */
export function parseVkey(text: string): NoteKey {
  const { name, hint, typed } = splitKey(text);
  const { type, spki } = parseTypedKey(typed);
  const verifier = openKey(type, spki);
  const key = type.startsWith("cosignature") ? cosignerKey({ name, verifier }) : noteKey({ name, verifier });
  if (key.type !== type) throw tlogError("TLOG_KEY_MALFORMED", { checked: quote(name), expected: type, got: key.type });
  if (!equalBytes(key.keyHint, hint))
    throw tlogError("TLOG_KEY_ID_MISMATCH", { checked: quote(name), expected: hex(key.keyHint), got: hex(hint) });
  return key;
}

/** The inverse of `parseVkey`. */
export function formatVkey({ name, keyHint, type, verifier }: NoteKey): string {
  return `${name}+${hex(keyHint)}+${base64(typedKey(type, verifier.spki))}`;
}

/** Signs notes with a log's key: Ed25519, ECDSA or RSA PKCS#1 v1.5. Errors as `noteKey`. */
export function noteSigner({ name, signer }: { readonly name: string; readonly signer: Signer }): NoteSigner {
  const verifier = makeVerifier(signer.spki, signer.algorithm.name);
  const { keyHint } = noteKey({ name, verifier });
  return { name, keyHint, sign: (text) => signer.sign({ message: new TextEncoder().encode(text) }) };
}

const skeyMark = "PRIVATE+KEY+";
const ed25519Byte = 0x01;
const seedBytes = 32;

/** Parses an Ed25519 signer key, `PRIVATE+KEY+name+<hex key id>+<base64 of 0x01 and seed>`, and checks its id. Messages never hold the key. Errors: TLOG_KEY_MALFORMED, TLOG_KEY_UNSUPPORTED, TLOG_KEY_ID_MISMATCH. */
export function parseSkey(text: string): NoteSigner {
  if (!text.startsWith(skeyMark))
    throw tlogError("TLOG_KEY_MALFORMED", { checked: "signer key", expected: `${skeyMark} at its start` });
  const { name, hint, typed } = splitKey(text.slice(skeyMark.length));
  if (typed[0] !== ed25519Byte || typed.length !== 1 + seedBytes) {
    throw tlogError("TLOG_KEY_UNSUPPORTED", { checked: "signer key", expected: "an Ed25519 seed" });
  }
  const made = noteSigner({ name, signer: signerFromSeed(typed.subarray(1)) });
  if (!equalBytes(made.keyHint, hint))
    throw tlogError("TLOG_KEY_ID_MISMATCH", { checked: quote(name), expected: hex(made.keyHint), got: hex(hint) });
  return made;
}

/** The inverse of `parseSkey`, from a 32-byte Ed25519 seed. Errors: TLOG_KEY_MALFORMED. The result is a secret. */
export function formatSkey(name: string, seed: Uint8Array): string {
  if (seed.length !== seedBytes)
    throw tlogError("TLOG_KEY_MALFORMED", { checked: "seed", expected: `${seedBytes} bytes`, got: `${seed.length}` });
  const hint = keyHintOf(checkKeyName(name), "ed25519", signerFromSeed(seed).spki);
  return `${skeyMark}${name}+${hex(hint)}+${base64(concatBytes(Uint8Array.of(ed25519Byte), seed))}`;
}

/** The core signer of a 32-byte Ed25519 seed (RFC 8410 §7). */
function signerFromSeed(seed: Uint8Array): Signer {
  return parsePrivateKey(formatPem("PRIVATE KEY", concatBytes(parseHex("302e020100300506032b657004220420"), seed)));
}

/** Signed-note type 2 hashes with SHA-256 whatever the curve; for the other types the key decides. */
function openKey(type: NoteKeyType, spki: Uint8Array): Verifier {
  const verifier = makeVerifier(spki);
  const { curve } = verifier.algorithm;
  return type === "ecdsa" && curve !== undefined ? makeVerifier(spki, `ecdsa-${curve}-sha256`) : verifier;
}

/** Splits at the first two plus signs: base64 may hold more of them. No part of the text goes into a message, it may be a secret. */
function splitKey(text: string): { name: string; hint: Uint8Array; typed: Uint8Array } {
  const first = text.indexOf("+");
  const second = text.indexOf("+", first + 1);
  const name = text.slice(0, Math.max(first, 0));
  const id = text.slice(first + 1, second);
  if (text.length > maxVkeyChars || first < 0 || second < 0 || !isKeyName(name) || !/^[0-9a-f]{8}$/.test(id)) {
    throw tlogError("TLOG_KEY_MALFORMED", { expected: "<name>+<8 hex digits>+<base64>" });
  }
  return { name, hint: parseHex(id), typed: decodeKey(text.slice(second + 1)) };
}

function decodeKey(text: string): Uint8Array {
  try {
    return parseBase64(text);
  } catch (error) {
    throw error instanceof TrustError
      ? tlogError("TLOG_KEY_MALFORMED", { checked: "key", expected: "base64 with padding" })
      : error;
  }
}
