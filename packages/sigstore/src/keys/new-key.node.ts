import { createPrivateKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { concatBytes, formatPem, parsePrivateKey } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { checkPair, openPem, type KeyFile, type OpenOptions } from "./key-file.node.ts";
import { formatSealedKey } from "./sealed-key.node.ts";

/** What `makeKey` can make. */
export type KeyType =
  | "ecdsa-p256"
  | "ecdsa-p384"
  | "ecdsa-p521"
  | "ed25519"
  | "rsa-3072"
  | "rsa-4096"
  | "ml-dsa-44"
  | "ml-dsa-65"
  | "ml-dsa-87";

const makers: ReadonlyMap<KeyType, () => KeyObject> = new Map<KeyType, () => KeyObject>([
  ["ecdsa-p256", () => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey],
  ["ecdsa-p384", () => generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey],
  ["ecdsa-p521", () => generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey],
  ["ed25519", () => generateKeyPairSync("ed25519").privateKey],
  ["rsa-3072", () => generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey],
  ["rsa-4096", () => generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey],
  ["ml-dsa-44", () => generateKeyPairSync("ml-dsa-44").privateKey],
  ["ml-dsa-65", () => generateKeyPairSync("ml-dsa-65").privateKey],
  ["ml-dsa-87", () => generateKeyPairSync("ml-dsa-87").privateKey],
]);

/** The names of all types, the default first. */
export const keyTypes: readonly KeyType[] = [...makers.keys()];

/** Both halves of a key, as PEM to be kept in files. */
export interface KeyPair {
  /** Encrypted in cosign's form, or plain PKCS#8. */
  readonly private: string;
  readonly public: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

/** A new key. Without a password its private half is not encrypted. Throws SIGSTORE_KEY_TYPE where the platform cannot make it. */
export async function makeKey(type: KeyType, password: string | undefined): Promise<KeyPair> {
  return pairOf(generate(type), password);
}

/** Takes over the private key of a file, under a password of its own or none. Throws what opening it throws. */
export async function importKey(
  file: KeyFile,
  name: string,
  io: OpenOptions,
  newPassword: () => Promise<string | undefined>,
): Promise<KeyPair> {
  const pem = await openPem(file, name, io);
  // As for signing, so that a key whose halves do not belong together is never taken over.
  await checkPair(parsePrivateKey(pem));
  return pairOf(createPrivateKey(pem), await newPassword());
}

function generate(type: KeyType): KeyObject {
  try {
    return (makers.get(type) as () => KeyObject)();
  } catch {
    throw sigstoreError("SIGSTORE_KEY_TYPE", type);
  }
}

async function pairOf(key: KeyObject, password: string | undefined): Promise<KeyPair> {
  const der = concatBytes(key.export({ type: "pkcs8", format: "der" }));
  const plain = formatPem("PRIVATE KEY", der);
  const { spki } = parsePrivateKey(plain);
  const sealed = password === undefined ? plain : await formatSealedKey(der, password);
  return { private: sealed, public: formatPem("PUBLIC KEY", spki), spki };
}
