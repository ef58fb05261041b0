import { concatBytes, equalBytes, hash, hex, parseHex, quote, utf8, type Verifier } from "@countersign/core";
import { tlogError } from "./errors.ts";

/** What kind of signature a note key makes (C2SP signed-note, signature types). */
export type NoteKeyType = "ed25519" | "ecdsa" | "rsa-pkcs1" | "cosignature-ed25519" | "cosignature-ml-dsa-44";

/** What a key signs: the note's text up to and with its last newline, as text and as UTF-8. */
export interface SignedText {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** What a good signature says beyond being good. */
export interface SignatureFacts {
  /** Only cosignatures: seconds since 1970, as the witness claims. */
  readonly timestamp?: bigint;
}

/** A public key under the name it signs notes with. */
export interface NoteKey {
  readonly name: string;
  /** The 4 bytes that lead its signatures; always recomputed from name and key, never taken over. */
  readonly keyHint: Uint8Array;
  readonly type: NoteKeyType;
  readonly verifier: Verifier;
  /** The facts in a good signature, or undefined for a bad one. `signature` is what follows the key hint. */
  readonly verify: (signed: SignedText, signature: Uint8Array) => SignatureFacts | undefined;
}

/** Length of a key hint, in bytes. */
export const keyHintBytes = 4;

const typeByFamily: ReadonlyMap<string, NoteKeyType> = new Map([
  ["ed25519", "ed25519"],
  ["ecdsa", "ecdsa"],
  ["rsa-pkcs1", "rsa-pkcs1"],
]);

/**
 * The note key of a log that signs the note's text itself: Ed25519, ECDSA or RSA PKCS#1 v1.5, the latter two as Sigstore's logs do.
 * Cosigners are made by `cosignerKey`. Errors: TLOG_KEY_MALFORMED (name), TLOG_KEY_UNSUPPORTED. C2SP signed-note.
 */
export function noteKey({ name, verifier }: { readonly name: string; readonly verifier: Verifier }): NoteKey {
  const type = typeByFamily.get(verifier.algorithm.family);
  if (type === undefined) throw tlogError("TLOG_KEY_UNSUPPORTED", verifier.algorithm.name);
  return {
    name: checkKeyName(name),
    keyHint: keyHintOf(name, type, verifier.spki),
    type,
    verifier,
    verify: ({ bytes }, signature) => (verifier.verify(bytes, signature) ? {} : undefined),
  };
}

/** The first 4 bytes of `noteKeyId`. */
export function keyHintOf(name: string, type: NoteKeyType, spki: Uint8Array): Uint8Array {
  return noteKeyId(name, type, spki).subarray(0, keyHintBytes);
}

/**
 * The hash over name, type and key whose beginning is the key hint, and which Rekor 2 gives as the id of its log; for ECDSA the
 * hash of the SPKI alone. C2SP signed-note; Rekor for RSA. Name and key are not checked.
 */
export function noteKeyId(name: string, type: NoteKeyType, spki: Uint8Array): Uint8Array {
  if (type === "ecdsa") return hash("sha256", spki);
  return hash("sha256", concatBytes(utf8(`${name}\n`), typedKey(type, spki)));
}

/** Whether two note keys are one and the same: same name, same kind of signature, same public key. */
export function isSameKey(a: NoteKey, b: NoteKey): boolean {
  return a.name === b.name && a.type === b.type && equalBytes(a.verifier.spki, b.verifier.spki);
}

/** Gives back a key name that may stand in a note: not empty, no white space, no plus sign. Error: TLOG_KEY_MALFORMED. C2SP signed-note. */
export function checkKeyName(name: string): string {
  if (!isKeyName(name))
    throw tlogError("TLOG_KEY_MALFORMED", {
      checked: "key name",
      expected: "no white space, no plus sign",
      got: quote(name),
    });
  return name;
}

/** Printable ASCII but for the plus sign: nearly every name, told without the classes of Unicode. */
const plainName = /^[!-*,-~]+$/;

/** Whether the text may be a key name. */
export function isKeyName(name: string): boolean {
  if (plainName.test(name)) return true;
  return name !== "" && name.isWellFormed() && !/[\p{White_Space}+]/u.test(name);
}

const rsaTag = utf8("PKIX-RSA-PKCS#1v1.5");
/** For each type that carries a raw key: its type byte, and the DER in front of the key in an SPKI (RFC 8410, RFC 9881). */
const rawTypes: ReadonlyMap<
  NoteKeyType,
  { readonly byte: number; readonly prefix: Uint8Array; readonly keyBytes: number }
> = (() => {
  const ed25519 = { prefix: parseHex("302a300506032b6570032100"), keyBytes: 32 };
  const mlDsa44 = { prefix: parseHex("30820532300b06096086480165030403110382052100"), keyBytes: 1312 };
  return new Map([
    ["ed25519", { byte: 0x01, ...ed25519 }],
    ["cosignature-ed25519", { byte: 0x04, ...ed25519 }],
    ["cosignature-ml-dsa-44", { byte: 0x06, ...mlDsa44 }],
  ]);
})();

/** The type byte and the key as a vkey carries them. The SPKI is not checked to be of that type. */
export function typedKey(type: NoteKeyType, spki: Uint8Array): Uint8Array {
  const raw = rawTypes.get(type);
  if (raw !== undefined) return concatBytes(Uint8Array.of(raw.byte), spki.subarray(raw.prefix.length));
  return type === "ecdsa" ? concatBytes(Uint8Array.of(0x02), spki) : concatBytes(Uint8Array.of(0xff), rsaTag, spki);
}

/** Takes apart what `typedKey` makes. The SPKI is not looked into. Error: TLOG_KEY_MALFORMED, TLOG_KEY_UNSUPPORTED. */
export function parseTypedKey(bytes: Uint8Array): { type: NoteKeyType; spki: Uint8Array } {
  const key = bytes.subarray(1);
  if (bytes[0] === 0x02) return { type: "ecdsa", spki: key };
  if (bytes[0] === 0xff && equalBytes(key.subarray(0, rsaTag.length), rsaTag))
    return { type: "rsa-pkcs1", spki: key.subarray(rsaTag.length) };
  for (const [type, raw] of rawTypes) {
    if (raw.byte !== bytes[0]) continue;
    if (key.length !== raw.keyBytes)
      throw tlogError("TLOG_KEY_MALFORMED", { checked: type, expected: `${raw.keyBytes} bytes`, got: `${key.length}` });
    return { type, spki: concatBytes(raw.prefix, key) };
  }
  throw tlogError("TLOG_KEY_UNSUPPORTED", `type byte ${hex(bytes.subarray(0, 1))}`);
}
