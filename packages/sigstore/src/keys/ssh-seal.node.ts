import { createDecipheriv } from "node:crypto";
import { concatBytes, equalBytes, quote } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { stretchByBcrypt } from "./bcrypt-pbkdf.ts";
import type { SshKeyFile } from "./ssh-key.ts";
import { readSsh } from "./ssh-wire.ts";
import { checkBcrypt } from "./work.ts";

/** An enciphered private part of an SSH key, right in form and bearable to open. */
export interface SealedSshKey {
  readonly cipher: SshCipher;
  readonly salt: Uint8Array;
  readonly rounds: number;
  readonly sealed: Uint8Array;
  /** Empty if the cipher has none. */
  readonly tag: Uint8Array;
}

interface SshCipher {
  readonly name: string;
  readonly keyBytes: number;
  readonly ivBytes: number;
  readonly blockBytes: number;
  readonly tagBytes: number;
}

const aes = (bits: number, mode: "cbc" | "ctr"): readonly [string, SshCipher] => [
  `aes${bits}-${mode}`,
  { name: `aes-${bits}-${mode}`, keyBytes: bits / 8, ivBytes: 16, blockBytes: 16, tagBytes: 0 },
];
const gcm = (bits: number): readonly [string, SshCipher] => [
  `aes${bits}-gcm@openssh.com`,
  { name: `aes-${bits}-gcm`, keyBytes: bits / 8, ivBytes: 12, blockBytes: 16, tagBytes: 16 },
];
/** The ciphers of `ssh-keygen -Z`; the usual one is aes256-ctr. */
const ciphers: ReadonlyMap<string, SshCipher> = new Map([
  ...[128, 192, 256].flatMap((bits) => [aes(bits, "ctr"), aes(bits, "cbc")]),
  ...[128, 256].map(gcm),
  ["3des-cbc", { name: "des-ede3-cbc", keyBytes: 24, ivBytes: 8, blockBytes: 8, tagBytes: 0 }],
]);

/**
 * Reads how a key file of OpenSSH is enciphered (PROTOCOL.key: bcrypt_pbkdf and a cipher of SSH), and proves that opening it is
 * bearable, before any of that work is done.
 * Throws SIGSTORE_KEY_FILE_MALFORMED, SIGSTORE_KEY_SSH_ENCRYPTED, SIGSTORE_KEY_WORK.
 */
export function parseSshSeal({ inner, seal }: SshKeyFile): SealedSshKey {
  const { cipher: name = "none", kdf = "none", kdfOptions = inner, tag = inner } = seal ?? {};
  const cipher = ciphers.get(name);
  if (cipher === undefined || kdf !== "bcrypt")
    throw sigstoreError("SIGSTORE_KEY_SSH_ENCRYPTED", { expected: "bcrypt and AES", got: quote(`${kdf}, ${name}`) });
  const options = readSsh(kdfOptions, malformed);
  const [salt, rounds] = [options.string(), options.uint32()];
  const isWhole = inner.length > 0 && inner.length % cipher.blockBytes === 0 && tag.length === cipher.tagBytes;
  if (options.rest().length > 0 || salt.length === 0 || salt.length > 64 || !isWhole) throw malformed();
  checkBcrypt(rounds);
  return { cipher, salt, rounds, sealed: inner, tag };
}

/** To how many bytes the private part is padded. */
export function sshBlockBytes({ cipher }: SealedSshKey): number {
  return cipher.blockBytes;
}

/** Opens the private part, of which only its two check numbers are compared. Throws SIGSTORE_KEY_PASSWORD_WRONG. */
export function openSshSeal(key: SealedSshKey, password: string): Uint8Array {
  const plain = decipher(key, password);
  if (plain === undefined || !equalBytes(plain.subarray(0, 4), plain.subarray(4, 8)))
    throw sigstoreError("SIGSTORE_KEY_PASSWORD_WRONG");
  return plain;
}

function decipher({ cipher, salt, rounds, sealed, tag }: SealedSshKey, password: string): Uint8Array | undefined {
  const { name, keyBytes, ivBytes } = cipher;
  const derived = stretchByBcrypt(password, { salt, rounds }, keyBytes + ivBytes);
  const [key, iv] = [derived.subarray(0, keyBytes), derived.subarray(keyBytes)];
  try {
    if (tag.length > 0) {
      const opener = createDecipheriv(name as "aes-256-gcm", key, iv, { authTagLength: tag.length });
      opener.setAuthTag(tag);
      return concatBytes(opener.update(sealed), opener.final());
    }
    const opener = createDecipheriv(name, key, iv).setAutoPadding(false);
    return concatBytes(opener.update(sealed), opener.final());
  } catch {
    return undefined;
  }
}

function malformed(): Error {
  return sigstoreError("SIGSTORE_KEY_FILE_MALFORMED", {
    checked: "SSH key",
    expected: "a salt, rounds and whole blocks of the cipher",
  });
}
