import { parsePem } from "@countersign/core";
import type { KeyFile } from "./key-file.node.ts";
import { parsePbes2Key } from "./pbes2.node.ts";
import { parseSealedKey } from "./sealed-key.node.ts";
import { parseSshKeyFile } from "./ssh-key.ts";
import { parseSshSeal } from "./ssh-seal.node.ts";
import type { ScryptCost } from "./work.ts";

/**
 * In words, how the private key of a file is encrypted; undefined if it is not. Told by the outside of the file, which nobody
 * has signed. Throws SIGSTORE_KEY_FILE_MALFORMED, SIGSTORE_KEY_WORK, SIGSTORE_KEY_CIPHER, SIGSTORE_KEY_SSH_ENCRYPTED.
 */
export function describeKeyFile({ form, isEncrypted, text }: KeyFile): string | undefined {
  if (!isEncrypted) return undefined;
  if (form === "legacy") return "OpenSSL's old form, which protects little";
  const body = parsePem(text)[0]?.bytes ?? new Uint8Array(0);
  if (form === "sigstore") return `${scryptWords(parseSealedKey(body).cost)}, XSalsa20-Poly1305`;
  if (form === "openssh") return sshWords(parseSshSeal(parseSshKeyFile(body)));
  const { kdf, cipher } = parsePbes2Key(body);
  const stretched = kdf.kind === "scrypt" ? scryptWords(kdf.cost) : `PBKDF2 ${kdf.hash} ${kdf.rounds} rounds`;
  return `${stretched}, ${cipher.name}`;
}

function sshWords({ rounds, cipher }: ReturnType<typeof parseSshSeal>): string {
  return `bcrypt_pbkdf ${rounds} rounds, ${cipher.name}`;
}

function scryptWords({ N, r, p }: ScryptCost): string {
  return `scrypt N ${N} r ${r} p ${p}`;
}
