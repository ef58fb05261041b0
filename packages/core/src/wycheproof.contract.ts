import { expect, test } from "vitest";
import { parseHex } from "./bytes.ts";
import { digestFromBytes } from "./digest.ts";
import { TrustError } from "./errors.ts";
import { makeVerifierOn } from "./key.ts";
import type { AlgorithmName } from "./algorithm.ts";
import type { Backend } from "./crypto.ts";
import type { Verifier } from "./key.ts";

/** As much of a Wycheproof file as is read here. */
export interface WycheproofFile {
  readonly testGroups: readonly { readonly publicKeyDer: string; readonly tests: readonly WycheproofCase[] }[];
}

interface WycheproofCase {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly ctx?: string;
  readonly sig: string;
  readonly result: "valid" | "invalid" | "acceptable";
  readonly flags: readonly string[];
}

/** The files we have, and what they test. */
export const wycheproofFiles: Readonly<Record<string, AlgorithmName>> = {
  "ecdsa_secp256r1_sha256_test.json": "ecdsa-p256-sha256",
  "ecdsa_secp384r1_sha384_test.json": "ecdsa-p384-sha384",
  "ecdsa_secp521r1_sha512_test.json": "ecdsa-p521-sha512",
  "ed25519_test.json": "ed25519",
  "mldsa_44_verify_test.json": "ml-dsa-44",
  "rsa_pss_2048_sha256_mgf1_32_test.json": "rsa-pss-sha256",
  "rsa_signature_2048_sha256_test.json": "rsa-pkcs1-sha256",
};

/**
 * One test a file: exactly the `valid` cases are taken. Of the `acceptable` ones there is one kind, `MissingNull`
 * (DigestInfo without its NULL), and we refuse it: RFC 8017 §9.2 note 1 gives one encoding, and we compare with that.
 */
export function testWycheproof(backend: Backend, name: string, file: WycheproofFile): void {
  const algorithm = wycheproofFiles[name] as AlgorithmName;
  test(`${backend.name}: ${name}`, () => {
    const wrong: string[] = [];
    let count = 0;
    for (const group of file.testGroups) {
      const verifier = openGroup(backend, group.publicKeyDer, algorithm);
      for (const row of group.tests) {
        count++;
        const isTaken = isTakenBy(backend, verifier, row);
        if (isTaken !== isOurs(row)) wrong.push(`${row.tcId} ${row.result} ${row.comment}`);
        if (row.result === "acceptable") expect(row.flags).toEqual(["MissingNull"]);
      }
    }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThan(100);
  });
}

/** A key that we refuse takes no signature. */
function openGroup(backend: Backend, spki: string, algorithm: AlgorithmName): Verifier | undefined {
  try {
    return makeVerifierOn(backend, parseHex(spki), algorithm);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** We sign and verify ML-DSA with the empty context alone. */
function isOurs(row: WycheproofCase): boolean {
  return row.result === "valid" && (row.ctx ?? "") === "";
}

/** Over the message; over the digest, where that is another path (the web backend has but one), the answer must be the same. */
function isTakenBy(backend: Backend, verifier: Verifier | undefined, row: WycheproofCase): boolean {
  if (verifier === undefined) return false;
  const [message, signature] = [parseHex(row.msg), parseHex(row.sig)];
  const isTaken = verifier.verify(message, signature);
  const { hash } = verifier.algorithm;
  if (verifier.verifyDigest === undefined || hash === undefined || backend.name === "web") return isTaken;
  expect(verifier.verifyDigest(digestFromBytes(hash, backend.hash(hash, message)), signature)).toBe(isTaken);
  return isTaken;
}
