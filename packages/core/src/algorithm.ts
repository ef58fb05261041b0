import { equalBytes, parseHex } from "./bytes.ts";
import { coreError, quote } from "./errors.ts";
import { hashBytes, hashNames } from "./hash.ts";
import { parseSpki } from "./spki.ts";
import type { HashName } from "./hash.ts";
import type { PublicKey } from "./spki.ts";

/** NIST curves, by their short names. */
export type Curve = "p256" | "p384" | "p521";
/** ML-DSA parameter sets (FIPS 204). */
export type MlDsaLevel = 44 | 65 | 87;
/** Every signature scheme that this project knows, one name each. */
export type AlgorithmName =
  | `ecdsa-${Curve}-${HashName}`
  | "ed25519"
  | "ed25519ph"
  | `rsa-pkcs1-${HashName}`
  | `rsa-pss-${HashName}`
  | `ml-dsa-${MlDsaLevel}`;

/** One row of the algorithm table. */
export interface Algorithm {
  readonly name: AlgorithmName;
  readonly family: "ecdsa" | "ed25519" | "ed25519ph" | "rsa-pkcs1" | "rsa-pss" | "ml-dsa";
  /** Only ECDSA. */
  readonly curve?: Curve;
  /** The hash over which it signs; absent when it signs the message itself. */
  readonly hash?: HashName;
  /** Only ML-DSA. */
  readonly level?: MlDsaLevel;
  /** Whether a digest made by `hash` is enough to verify, without the message. */
  readonly digestable: boolean;
}

const curves: readonly Curve[] = ["p256", "p384", "p521"];
const table: ReadonlyMap<string, Algorithm> = new Map(listAlgorithms().map((row) => [row.name, Object.freeze(row)]));

/** Every name in the table, in a fixed order. */
export const algorithmNames: readonly AlgorithmName[] = [...table.values()].map((row) => row.name);

/** The row of `name`. Throws CORE_ALGORITHM_UNKNOWN for a name that is not in the table. */
export function algorithmOf(name: string): Algorithm {
  const row = table.get(name);
  if (row === undefined) throw coreError("CORE_ALGORITHM_UNKNOWN", quote(name));
  return row;
}

const defaultHash: Readonly<Record<Curve, HashName>> = { p256: "sha256", p384: "sha384", p521: "sha512" };

/**
 * The algorithm taken for a key when nothing else names one: ECDSA with the hash of the curve's strength,
 * RSA PKCS#1 v1.5 with SHA-256, pure Ed25519, ML-DSA of the key's level. Throws the key errors of `parseSpki`.
 */
export function defaultAlgorithm(spki: Uint8Array): AlgorithmName {
  return defaultAlgorithmOf(parseSpki(spki));
}

/** As `defaultAlgorithm`, for a key that is parsed already. */
export function defaultAlgorithmOf(key: PublicKey): AlgorithmName {
  if (key.kind === "ec") return `ecdsa-${key.curve}-${defaultHash[key.curve]}`;
  if (key.kind === "rsa") return "rsa-pkcs1-sha256";
  return key.kind === "ml-dsa" ? `ml-dsa-${key.level}` : "ed25519";
}

/** Whether a key of this kind, curve or level can be used with the algorithm at all. */
export function isAlgorithmOf(algorithm: Algorithm, key: PublicKey): boolean {
  if (key.kind === "ec") return algorithm.family === "ecdsa" && algorithm.curve === key.curve;
  if (key.kind === "rsa") return algorithm.family === "rsa-pkcs1" || algorithm.family === "rsa-pss";
  if (key.kind === "ml-dsa") return algorithm.family === "ml-dsa" && algorithm.level === key.level;
  return algorithm.family === "ed25519" || algorithm.family === "ed25519ph";
}

/** An X.509 AlgorithmIdentifier: dotted OID, and the whole DER of its parameters if there are any. */
export interface AlgorithmIdentifier {
  readonly oid: string;
  readonly params?: Uint8Array;
}

/**
 * The algorithm that a certificate's signatureAlgorithm means for a signature made by the issuer's key
 * (RFC 4055, 5758, 8410, 9881). Parameters must be exactly those the RFC gives: absent, NULL for RSA PKCS#1 v1.5,
 * and for RSA-PSS explicit ones with one hash for both uses and a salt of its length.
 * Throws CORE_ALGORITHM_WEAK (SHA-1, MD5), CORE_ALGORITHM_UNKNOWN, CORE_ALGORITHM_PARAMETERS, CORE_ALGORITHM_MISMATCH
 * and the key errors of `parseSpki`.
 */
export function x509Algorithm(signatureAlgorithm: AlgorithmIdentifier, issuerSpki: Uint8Array): AlgorithmName {
  const key = parseSpki(issuerSpki);
  const name = readIdentifier(signatureAlgorithm, key);
  if (!isAlgorithmOf(algorithmOf(name), key)) {
    throw coreError("CORE_ALGORITHM_MISMATCH", {
      checked: "certificate signature",
      expected: `one made by ${describeKey(key)}`,
      got: name,
    });
  }
  return name;
}

/** A few words for a message: `a P-256 key`. */
export function describeKey(key: PublicKey): string {
  if (key.kind === "ec") return `a P-${key.curve.slice(1)} key`;
  if (key.kind === "ml-dsa") return `an ML-DSA-${key.level} key`;
  return key.kind === "rsa" ? "an RSA key" : "an Ed25519 key";
}

const weakOids: ReadonlyMap<string, string> = new Map([
  ["1.2.840.113549.1.1.2", "MD2 with RSA"],
  ["1.2.840.113549.1.1.4", "MD5 with RSA"],
  ["1.2.840.113549.1.1.5", "SHA-1 with RSA"],
  ["1.3.14.3.2.29", "SHA-1 with RSA"],
  ["1.2.840.10045.4.1", "SHA-1 with ECDSA"],
  ["1.2.840.10040.4.3", "SHA-1 with DSA"],
]);
const ecdsaOids: ReadonlyMap<string, HashName> = new Map([
  ["1.2.840.10045.4.3.2", "sha256"],
  ["1.2.840.10045.4.3.3", "sha384"],
  ["1.2.840.10045.4.3.4", "sha512"],
]);
const pkcs1Oids: ReadonlyMap<string, HashName> = new Map([
  ["1.2.840.113549.1.1.11", "sha256"],
  ["1.2.840.113549.1.1.12", "sha384"],
  ["1.2.840.113549.1.1.13", "sha512"],
]);
const bareOids: ReadonlyMap<string, AlgorithmName> = new Map<string, AlgorithmName>([
  ["1.3.101.112", "ed25519"],
  ["2.16.840.1.101.3.4.3.17", "ml-dsa-44"],
  ["2.16.840.1.101.3.4.3.18", "ml-dsa-65"],
  ["2.16.840.1.101.3.4.3.19", "ml-dsa-87"],
]);
const pssOid = "1.2.840.113549.1.1.10";

function readIdentifier({ oid, params }: AlgorithmIdentifier, key: PublicKey): AlgorithmName {
  const weak = weakOids.get(oid);
  if (weak !== undefined) throw coreError("CORE_ALGORITHM_WEAK", weak);
  if (oid === pssOid) return `rsa-pss-${readPssHash(params)}`;
  const pkcs1 = pkcs1Oids.get(oid);
  if (pkcs1 !== undefined) {
    checkParams(params, "0500");
    return `rsa-pkcs1-${pkcs1}`;
  }
  const ecdsa = ecdsaOids.get(oid);
  const bare = ecdsa === undefined ? bareOids.get(oid) : (`ecdsa-${curveOf(key)}-${ecdsa}` as const);
  if (bare === undefined) throw coreError("CORE_ALGORITHM_UNKNOWN", quote(oid));
  checkParams(params, "");
  return bare;
}

/** The curve is not in the identifier, the issuer's key has it; another kind of key is refused by the caller. */
function curveOf(key: PublicKey): Curve {
  return key.kind === "ec" ? key.curve : "p256";
}

function checkParams(params: Uint8Array | undefined, expected: string): void {
  if (equalBytes(params ?? new Uint8Array(0), parseHex(expected))) return;
  throw coreError("CORE_ALGORITHM_PARAMETERS", { expected: expected === "" ? "none" : "NULL" });
}

const hashOidHex: Readonly<Record<HashName, string>> = {
  sha256: "0609608648016503040201",
  sha384: "0609608648016503040202",
  sha512: "0609608648016503040203",
};

/** RFC 4055 §2.1: a hash identifier is read with NULL parameters and without; nothing else may vary. */
function readPssHash(params: Uint8Array | undefined): HashName {
  if (params === undefined || equalBytes(params, parseHex("3000")))
    throw coreError("CORE_ALGORITHM_WEAK", "RSA-PSS with its default, SHA-1");
  for (const hash of hashNames) {
    for (const outer of ["", "0500"]) {
      for (const inner of ["", "0500"]) if (equalBytes(params, parseHex(pssParamsHex(hash, outer, inner)))) return hash;
    }
  }
  throw coreError("CORE_ALGORITHM_PARAMETERS", {
    expected: "RSA-PSS with one SHA-2 hash for both uses and a salt of its length",
  });
}

function pssParamsHex(hash: HashName, outer: string, inner: string): string {
  const outerId = tlv("30", hashOidHex[hash] + outer);
  const mgf = tlv("30", `06092a864886f70d010108${tlv("30", hashOidHex[hash] + inner)}`);
  const salt = tlv("02", hashBytes[hash].toString(16));
  return tlv("30", tlv("a0", outerId) + tlv("a1", mgf) + tlv("a2", salt));
}

function tlv(tag: string, content: string): string {
  return tag + (content.length / 2).toString(16).padStart(2, "0") + content;
}

function listAlgorithms(): Algorithm[] {
  const rows: Algorithm[] = [];
  for (const curve of curves) {
    for (const hash of hashNames)
      rows.push({ name: `ecdsa-${curve}-${hash}`, family: "ecdsa", curve, hash, digestable: true });
  }
  rows.push({ name: "ed25519", family: "ed25519", digestable: false });
  rows.push({ name: "ed25519ph", family: "ed25519ph", hash: "sha512", digestable: true });
  for (const hash of hashNames) rows.push({ name: `rsa-pkcs1-${hash}`, family: "rsa-pkcs1", hash, digestable: true });
  for (const hash of hashNames) rows.push({ name: `rsa-pss-${hash}`, family: "rsa-pss", hash, digestable: true });
  for (const level of [44, 65, 87] as const)
    rows.push({ name: `ml-dsa-${level}`, family: "ml-dsa", level, digestable: false });
  return rows;
}
