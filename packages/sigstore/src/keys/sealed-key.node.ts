import { randomBytes, scrypt } from "node:crypto";
import { base64, concatBytes, formatPem, parseJson, readObject, utf8, type JsonObject } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { checkScrypt, type ScryptCost } from "./work.ts";

/** The PEM labels of cosign's encrypted keys; the first is written. */
export const sealedLabels: readonly string[] = ["ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"];
/** The cost that new files have: go-securesystemslib's "OWASP" one, 64 MiB. */
export const newScryptCost: ScryptCost = { N: 65_536, r: 8, p: 1 };
/** The largest body of an encrypted key, in bytes. */
export const maxSealedBytes: number = 256 * 1024;

const saltBytes = 32;
const keyBytes = 32;
const nonceBytes = 24;

/** What a sealed key says of itself, in the clear and unverified. */
export interface SealedKey {
  readonly cost: ScryptCost;
  readonly salt: Uint8Array;
  readonly nonce: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/**
 * Parses the body of an encrypted key of cosign (go-securesystemslib/encrypted: JSON with scrypt and nacl/secretbox), and
 * proves that opening it is bearable, before any of that work is done. Throws SIGSTORE_KEY_FILE_MALFORMED, SIGSTORE_KEY_WORK.
 */
export function parseSealedKey(body: Uint8Array): SealedKey {
  if (body.length > maxSealedBytes) throw malformed({ expected: `at most ${maxSealedBytes} bytes` });
  const reader = readObject(jsonOf(body), "key", malformed);
  const [kdf, cipher] = [reader.object("kdf"), reader.object("cipher")];
  kdf.oneOf("name", ["scrypt"]);
  cipher.oneOf("name", ["nacl/secretbox"]);
  const params = kdf.object("params");
  const cost = { N: params.number("N"), r: params.number("r"), p: params.number("p") };
  checkScrypt(cost);
  const salt = kdf.bytes("salt");
  const nonce = cipher.bytes("nonce");
  if (salt.length < 8 || salt.length > 64) throw malformed({ checked: "key.kdf.salt", expected: "8 to 64 bytes" });
  if (nonce.length !== nonceBytes) throw malformed({ checked: "key.cipher.nonce", expected: `${nonceBytes} bytes` });
  return { cost, salt, nonce, ciphertext: reader.bytes("ciphertext") };
}

/** Opens a sealed key; gives the DER of a PKCS#8 key, unchecked. Throws SIGSTORE_KEY_PASSWORD_WRONG. */
export async function openSealedKey(
  { cost, salt, nonce, ciphertext }: SealedKey,
  password: string,
): Promise<Uint8Array> {
  const box = await openBox(await stretch(password, salt, cost), nonce);
  try {
    return box.decrypt(ciphertext);
  } catch {
    throw sigstoreError("SIGSTORE_KEY_PASSWORD_WRONG");
  }
}

/** Seals the DER of a PKCS#8 key under a password, as PEM that cosign reads. Salt and nonce are new each time. */
export async function formatSealedKey(pkcs8: Uint8Array, password: string): Promise<string> {
  const [salt, nonce] = [new Uint8Array(randomBytes(saltBytes)), new Uint8Array(randomBytes(nonceBytes))];
  const box = await openBox(await stretch(password, salt, newScryptCost), nonce);
  const json = {
    kdf: { name: "scrypt", params: newScryptCost, salt: base64(salt) },
    cipher: { name: "nacl/secretbox", nonce: base64(nonce) },
    ciphertext: base64(box.encrypt(pkcs8)),
  };
  return formatPem(sealedLabels[0] ?? "", utf8(JSON.stringify(json)));
}

/** scrypt, with the memory that its cost needs and no more; Node's own limit is too low for keys of today. */
export function stretch(
  password: string,
  salt: Uint8Array,
  cost: ScryptCost,
  length: number = keyBytes,
): Promise<Uint8Array> {
  const maxmem = checkScrypt(cost) + 1024 * 1024;
  return new Promise((resolve, reject) => {
    scrypt(utf8(password), salt, length, { ...cost, maxmem }, (error, key) => {
      if (error === null) resolve(concatBytes(key));
      else reject(error);
    });
  });
}

async function openBox(key: Uint8Array, nonce: Uint8Array): Promise<Box> {
  const { xsalsa20poly1305 } = await import("@noble/ciphers/salsa.js");
  return xsalsa20poly1305(key, nonce);
}

interface Box {
  encrypt(plain: Uint8Array): Uint8Array;
  decrypt(sealed: Uint8Array): Uint8Array;
}

/** Drops the cause: it may quote the file. */
function jsonOf(body: Uint8Array): JsonObject {
  try {
    return parseJson(body) as JsonObject;
  } catch {
    throw malformed({ expected: "JSON" });
  }
}

function malformed(detail: { readonly checked?: string; readonly expected?: string; readonly got?: string }) {
  return sigstoreError("SIGSTORE_KEY_FILE_MALFORMED", { checked: "encrypted key", ...detail });
}
