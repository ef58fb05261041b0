import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { asnNull, oid, sequence } from "./asn1.ts";
import type { Der } from "./asn1.ts";
import { localSigstoreError } from "./errors.ts";

/** Kinds of key that services of this package sign with. */
export type KeyKind = "p256" | "p384" | "p521" | "ed25519" | "rsa2048" | "ml-dsa-44";

/** A private key with all that is needed to sign X.509, CMS, notes and tokens with it. */
export interface KeyPair {
  readonly kind: KeyKind;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Der;
}

/** Where services get their keys: the same name gives the same key for as long as the keyring's file lives. */
export interface Keyring {
  readonly pair: (name: string, kind: KeyKind) => KeyPair;
}

/** A fresh key pair. */
export function makeKeyPair(kind: KeyKind): KeyPair {
  return keyPairOf(kind, generatePrivateKey(kind));
}

/** Keys that are written to `dir`/keys.json (mode 0600) when a directory is given, else kept in memory only. */
export function openKeyring(dir?: string): Keyring {
  const file = dir === undefined ? undefined : join(dir, "keys.json");
  const pems = file === undefined ? new Map<string, string>() : readPems(file);
  const pairs = new Map<string, KeyPair>();
  const pair = (name: string, kind: KeyKind): KeyPair => {
    const known = pairs.get(name) ?? storedPair(pems.get(name), kind) ?? makeKeyPair(kind);
    if (!pems.has(name)) {
      pems.set(name, known.privateKey.export({ format: "pem", type: "pkcs8" }).toString());
      if (file !== undefined) writePems(file, pems);
    }
    pairs.set(name, known);
    return known;
  };
  return { pair };
}

/** Signs with the hash of the key's strength unless `hash` names one; Ed25519 and ML-DSA take the message itself. */
export function signWith(pair: KeyPair, message: Uint8Array, hash: string = hashOf(pair)): Uint8Array<ArrayBuffer> {
  const digest = pair.kind === "ed25519" || pair.kind === "ml-dsa-44" ? null : hash;
  return new Uint8Array(sign(digest, message, pair.privateKey));
}

/** Name of the hash that goes with the key, as node:crypto spells it. */
export function hashOf(pair: KeyPair): "sha256" | "sha384" | "sha512" {
  if (pair.kind === "p384") return "sha384";
  return pair.kind === "p521" || pair.kind === "ed25519" ? "sha512" : "sha256";
}

/** AlgorithmIdentifier (RFC 5280 §4.1.1.2) of signatures made by `signWith` with this key and hash. */
export function signatureAlgorithm(pair: KeyPair, hash: string = hashOf(pair)): Der {
  if (pair.kind === "ed25519") return sequence(oid("1.3.101.112"));
  if (pair.kind === "ml-dsa-44") return sequence(oid("2.16.840.1.101.3.4.3.17"));
  if (pair.kind === "rsa2048") return sequence(oid(rsaOids.get(hash) ?? "1.2.840.113549.1.1.11"), asnNull());
  return sequence(oid(ecdsaOids.get(hash) ?? "1.2.840.10045.4.3.2"));
}

/** SHA-256 of bytes. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Uint8Array<ArrayBuffer> {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

const ecdsaOids: ReadonlyMap<string, string> = new Map([
  ["sha256", "1.2.840.10045.4.3.2"],
  ["sha384", "1.2.840.10045.4.3.3"],
  ["sha512", "1.2.840.10045.4.3.4"],
]);
const rsaOids: ReadonlyMap<string, string> = new Map([
  ["sha256", "1.2.840.113549.1.1.11"],
  ["sha384", "1.2.840.113549.1.1.12"],
  ["sha512", "1.2.840.113549.1.1.13"],
]);

function generatePrivateKey(kind: KeyKind): KeyObject {
  switch (kind) {
    case "p256":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "p384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "p521":
      return generateKeyPairSync("ec", { namedCurve: "P-521" }).privateKey;
    case "ed25519":
      return generateKeyPairSync("ed25519").privateKey;
    case "rsa2048":
      return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    case "ml-dsa-44":
      return generateKeyPairSync("ml-dsa-44").privateKey;
  }
}

function keyPairOf(kind: KeyKind, privateKey: KeyObject): KeyPair {
  const publicKey = createPublicKey(privateKey);
  return { kind, privateKey, publicKey, spki: new Uint8Array(publicKey.export({ format: "der", type: "spki" })) };
}

function storedPair(pem: string | undefined, kind: KeyKind): KeyPair | undefined {
  if (pem === undefined) return undefined;
  try {
    return keyPairOf(kind, createPrivateKey(pem));
  } catch (cause) {
    throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "keys.json holds a key that cannot be read", cause);
  }
}

function readPems(file: string): Map<string, string> {
  if (!existsSync(file)) return new Map();
  try {
    return new Map(Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>));
  } catch (cause) {
    throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "keys.json", cause);
  }
}

function writePems(file: string, pems: ReadonlyMap<string, string>): void {
  const temporary = `${file}.new`;
  writeFileSync(temporary, `${JSON.stringify(Object.fromEntries(pems), null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}
