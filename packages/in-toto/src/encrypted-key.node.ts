import { createDecipheriv, createHmac, createPrivateKey, pbkdf2Sync, timingSafeEqual } from "node:crypto";
import { formatPem, parseHex, utf8, type Detail, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { parseSignerFile, type InTotoSigner } from "./key-file.ts";

/** The most PBKDF2 rounds that a file may ask for; the reference writes 100,000. */
export const maxKeyIterations = 10_000_000;

/** An encrypted private key of the reference, right in form. */
export interface EncryptedKey {
  /** Opens it. Throws INTOTO_KEY_PASSWORD and what `parseSignerFile` throws; no error repeats anything of key or password. */
  open(password: string): InTotoSigner;
}

/**
 * Recognises a private key as in-toto 1.x and securesystemslib encrypt it: Ed25519 and ECDSA as
 * `salt@@@@iterations@@@@hmac@@@@iv@@@@ciphertext`, RSA as PEM with `Proc-Type: 4,ENCRYPTED` (RFC 1421 as OpenSSL does it,
 * AES only). Undefined for all else. Throws INTOTO_PRIVATE_KEY_MALFORMED for one that asks for too much.
 */
export function readEncryptedKey(bytes: Uint8Array): EncryptedKey | undefined {
  if (bytes.length > maxEncryptedKeyBytes) return undefined;
  const text = Buffer.from(bytes).toString("latin1");
  const sealed = sealedForm.exec(text);
  if (sealed !== null) return readSealed(sealed);
  if (!legacyPem.test(text)) return undefined;
  return { open: (password) => openLegacyPem(text, password) };
}

const maxEncryptedKeyBytes = 64 * 1024;
const sealedForm =
  /^((?:[0-9a-f]{2}){1,64})@@@@([1-9][0-9]{0,8})@@@@([0-9a-f]{64})@@@@([0-9a-f]{32})@@@@((?:[0-9a-f]{2})+)\s*$/;
const legacyPem =
  /^\s*-----BEGIN (?:RSA|EC) PRIVATE KEY-----\r?\nProc-Type: 4,ENCRYPTED\r?\nDEK-Info: AES-(?:128|192|256)-CBC,[0-9A-F]{32}\r?\n/;

/**
 * PBKDF2 with HMAC-SHA-256 makes one 32-byte key, under which the ciphertext has an HMAC-SHA-256, looked at first, and is
 * AES-256-CTR.
 */
function readSealed([, salt = "", iterations = "", mac = "", iv = "", ciphertext = ""]: RegExpExecArray): EncryptedKey {
  const rounds = Number(iterations);
  if (rounds > maxKeyIterations)
    throw malformed({ checked: "iterations", expected: `at most ${maxKeyIterations}`, got: iterations });
  const sealed = parseHex(ciphertext);
  return {
    open: (password) => {
      const key = pbkdf2Sync(utf8(password), parseHex(salt), rounds, 32, "sha256");
      const own = createHmac("sha256", key).update(sealed).digest();
      if (!timingSafeEqual(own, parseHex(mac))) throw inTotoError("INTOTO_KEY_PASSWORD");
      const decipher = createDecipheriv("aes-256-ctr", key, parseHex(iv));
      return parseSignerFile(Buffer.concat([decipher.update(sealed), decipher.final()]));
    },
  };
}

function openLegacyPem(pem: string, password: string): InTotoSigner {
  return parseSignerFile(utf8(formatPem("PRIVATE KEY", decryptPem(pem, password))));
}

/** The cause is dropped: it may quote the key. */
function decryptPem(pem: string, passphrase: string): Uint8Array {
  try {
    return createPrivateKey({ key: pem, format: "pem", passphrase }).export({ format: "der", type: "pkcs8" });
  } catch {
    throw inTotoError("INTOTO_KEY_PASSWORD");
  }
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_PRIVATE_KEY_MALFORMED", detail);
}
