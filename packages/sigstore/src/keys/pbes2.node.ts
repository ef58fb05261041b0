import { createDecipheriv, pbkdf2 } from "node:crypto";
import { concatBytes, parseDer, quote, readInteger, readOctets, readOid, utf8, type DerNode } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { stretch } from "./sealed-key.node.ts";
import { checkPbkdf2, checkScrypt, type ScryptCost } from "./work.ts";

/** An encrypted PKCS#8 key, right in form and bearable to open. */
export interface Pbes2Key {
  readonly kdf:
    | { readonly kind: "pbkdf2"; readonly salt: Uint8Array; readonly rounds: number; readonly hash: string }
    | { readonly kind: "scrypt"; readonly salt: Uint8Array; readonly cost: ScryptCost };
  readonly cipher: Cipher;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
}

interface Cipher {
  readonly name: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
}

const ciphers: ReadonlyMap<string, Cipher> = new Map([
  ["2.16.840.1.101.3.4.1.2", { name: "aes-128-cbc", keyBytes: 16, ivBytes: 16 }],
  ["2.16.840.1.101.3.4.1.22", { name: "aes-192-cbc", keyBytes: 24, ivBytes: 16 }],
  ["2.16.840.1.101.3.4.1.42", { name: "aes-256-cbc", keyBytes: 32, ivBytes: 16 }],
  ["1.2.840.113549.3.7", { name: "des-ede3-cbc", keyBytes: 24, ivBytes: 8 }],
]);
/** RFC 8018 B.1; the first is what absence means. */
const hmacs: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.2.7", "sha1"],
  ["1.2.840.113549.2.8", "sha224"],
  ["1.2.840.113549.2.9", "sha256"],
  ["1.2.840.113549.2.10", "sha384"],
  ["1.2.840.113549.2.11", "sha512"],
  ["1.2.840.113549.2.12", "sha512-224"],
  ["1.2.840.113549.2.13", "sha512-256"],
]);
const pbes2 = "1.2.840.113549.1.5.13";
const pbkdf2Oid = "1.2.840.113549.1.5.12";
const scryptOid = "1.3.6.1.4.1.11591.4.11";

/**
 * Parses an EncryptedPrivateKeyInfo (RFC 5958 §3) under PBES2 (RFC 8018 §6.2) with PBKDF2 or scrypt (RFC 7914 §7) and AES or
 * triple DES in CBC mode, and proves that opening it is bearable, before any of that work is done.
 * Throws SIGSTORE_KEY_FILE_MALFORMED, SIGSTORE_KEY_CIPHER, SIGSTORE_KEY_WORK.
 */
export function parsePbes2Key(der: Uint8Array): Pbes2Key {
  return orMalformed(() => {
    const [scheme, sealed] = members(parseDer(der), 2, 2);
    const [schemeOid, params] = members(scheme, 2, 2);
    checkKnown(readOid(schemeOid), [pbes2]);
    const [kdf, encryption] = members(params, 2, 2);
    const [cipherOid, iv] = members(encryption, 2, 2);
    const cipher = ciphers.get(checkKnown(readOid(cipherOid), [...ciphers.keys()])) as Cipher;
    const ivBytes = readOctets(iv);
    if (ivBytes.length !== cipher.ivBytes) throw malformed();
    return { kdf: readKdf(kdf, cipher), cipher, iv: ivBytes, ciphertext: readOctets(sealed) };
  });
}

/** Opens an encrypted key; gives the DER of a PKCS#8 key, of which only padding and outer tag are checked. Throws SIGSTORE_KEY_PASSWORD_WRONG. */
export async function openPbes2Key({ kdf, cipher, iv, ciphertext }: Pbes2Key, password: string): Promise<Uint8Array> {
  const key =
    kdf.kind === "scrypt"
      ? await stretch(password, kdf.salt, kdf.cost, cipher.keyBytes)
      : await stretchByHmac(password, kdf, cipher.keyBytes);
  try {
    const decipher = createDecipheriv(cipher.name, key, iv);
    const plain = concatBytes(decipher.update(ciphertext), decipher.final());
    // CBC proves nothing: one wrong password in 256 has good padding, hardly one of these leaves DER behind.
    parseDer(plain);
    return plain;
  } catch {
    throw sigstoreError("SIGSTORE_KEY_PASSWORD_WRONG");
  }
}

function readKdf(node: DerNode, cipher: Cipher): Pbes2Key["kdf"] {
  const [oid, params] = members(node, 2, 2);
  return checkKnown(readOid(oid), [pbkdf2Oid, scryptOid]) === scryptOid
    ? readScrypt(params, cipher)
    : readPbkdf2(params, cipher);
}

function readScrypt(params: DerNode, cipher: Cipher): Pbes2Key["kdf"] {
  const [salt, ...numbers] = members(params, 4, 5);
  const [N = 0, r = 0, p = 0, length = cipher.keyBytes] = numbers.map((each) => Number(readInteger(each)));
  if (length !== cipher.keyBytes) throw malformed();
  checkScrypt({ N, r, p });
  return { kind: "scrypt", salt: readOctets(salt), cost: { N, r, p } };
}

function readPbkdf2(params: DerNode, cipher: Cipher): Pbes2Key["kdf"] {
  const [salt, count, ...more] = members(params, 2, 4);
  const [length, prf] = more[0]?.tag === 2 ? more : [undefined, ...more];
  if (length !== undefined && Number(readInteger(length)) !== cipher.keyBytes) throw malformed();
  const rounds = Number(readInteger(count as DerNode));
  checkPbkdf2(rounds);
  const hash = prf === undefined ? "sha1" : hmacOf(prf);
  return { kind: "pbkdf2", salt: readOctets(salt), rounds, hash };
}

function hmacOf(prf: DerNode): string {
  const [oid, nothing] = members(prf, 1, 2);
  if (nothing !== undefined && nothing.tag !== 5) throw malformed();
  return hmacs.get(checkKnown(readOid(oid), [...hmacs.keys()])) as string;
}

function stretchByHmac(
  password: string,
  { salt, rounds, hash }: Extract<Pbes2Key["kdf"], { kind: "pbkdf2" }>,
  length: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(utf8(password), salt, rounds, length, hash, (error, key) => {
      if (error === null) resolve(concatBytes(key));
      else reject(error);
    });
  });
}

/** The members of a SEQUENCE that has `min` to `max` of them. */
function members(node: DerNode, min: number, max: number): readonly [DerNode, DerNode, ...DerNode[]] {
  const { children } = node;
  if (node.raw[0] !== 0x30 || children.length < min || children.length > max) throw malformed();
  return children as readonly DerNode[] as readonly [DerNode, DerNode, ...DerNode[]];
}

function checkKnown(oid: string, known: readonly string[]): string {
  if (known.includes(oid)) return oid;
  throw sigstoreError("SIGSTORE_KEY_CIPHER", { expected: "PBES2 with PBKDF2 or scrypt and AES-CBC", got: quote(oid) });
}

function orMalformed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("SIGSTORE_KEY_")) throw error;
    throw malformed();
  }
}

function malformed(): Error {
  return sigstoreError("SIGSTORE_KEY_FILE_MALFORMED", { checked: "encrypted key", expected: "PKCS#8 under PBES2" });
}
