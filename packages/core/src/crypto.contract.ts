import { describe, expect, test } from "vitest";
import { algorithmNames, algorithmOf } from "./algorithm.ts";
import { parseBase64, utf8 } from "./bytes.ts";
import { digestFromBytes } from "./digest.ts";
import { hashNames } from "./hash.ts";
import { makeVerifierOn } from "./key.ts";
import type { AlgorithmName } from "./algorithm.ts";
import type { Backend } from "./crypto.ts";
import type { Digest } from "./digest.ts";
import type { Verifier } from "./key.ts";

/** One good signature: vectors/signature/contract.json. All in base64. */
export interface ContractRow {
  readonly algorithm: string;
  readonly spki: string;
  readonly message: string;
  readonly signature: string;
}

/** What every backend must do alike; run over each of them, in Node and in a browser. */
export function describeBackend(backend: Backend, rows: readonly ContractRow[]): void {
  describe(`${backend.name} backend`, () => {
    test("the vectors hold every algorithm", () => {
      expect(rows.map((row) => row.algorithm).toSorted()).toEqual(algorithmNames.toSorted());
    });
    describeHash(backend);
    for (const row of rows) {
      describe(row.algorithm, () => {
        describeRow(backend, row);
      });
    }
  });
}

/** "abc", FIPS 180-4 examples. */
const abc = {
  sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
  sha384: "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
  sha512:
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
} as const;

function describeHash(backend: Backend): void {
  for (const name of hashNames) {
    test(`${name} in one piece and in many`, () => {
      expect(digestFromBytes(name, backend.hash(name, utf8("abc")))).toBe(`${name}:${abc[name]}`);
      const hasher = backend.makeHasher(name);
      for (const char of ["a", "", "bc"]) hasher.update(utf8(char));
      const value = hasher.finish();
      expect(digestFromBytes(name, value)).toBe(`${name}:${abc[name]}`);
      expect(value.constructor).toBe(Uint8Array);
    });
  }
}

function describeRow(backend: Backend, row: ContractRow): void {
  const name = row.algorithm as AlgorithmName;
  const [message, signature] = [parseBase64(row.message), parseBase64(row.signature)];
  const open = (): Verifier => makeVerifierOn(backend, parseBase64(row.spki), name);
  const digest = (): Digest => digestOn(backend, algorithmOf(name).hash ?? "sha256", message);

  test("takes the signature over the message, again and again", () => {
    const verifier = open();
    for (let i = 0; i < 3; i++) expect(verifier.verify(message, signature)).toBe(true);
    expect(verifier.verify(utf8("another message"), signature)).toBe(false);
    expect(verifier.verify(new Uint8Array(0), signature)).toBe(false);
  });

  test("takes it over the digest exactly if the algorithm can", () => {
    const { algorithm, verifyDigest } = open();
    expect(verifyDigest !== undefined).toBe(algorithm.digestable);
    if (verifyDigest === undefined) return;
    expect(verifyDigest(digest(), signature)).toBe(true);
    const other = digestOn(backend, algorithm.hash ?? "sha256", utf8("another message"));
    expect(verifyDigest(other, signature)).toBe(false);
  });

  test("S25: refuses a digest of another hash and never takes a digest for the message", () => {
    const verifier = open();
    for (const hash of hashNames) {
      const value = digestOn(backend, hash, message);
      expect(verifier.verify(backend.hash(hash, message), signature)).toBe(false);
      if (verifier.verifyDigest === undefined || hash === verifier.algorithm.hash) continue;
      expect(() => verifier.verifyDigest?.(value, signature)).toThrowError(
        expect.objectContaining({ code: "CORE_DIGEST_UNUSABLE", kind: "usage" }),
      );
    }
  });

  test("answers false to a signature that was flipped, cut, lengthened or emptied", () => {
    const verifier = open();
    for (const bad of mangle(signature)) {
      expect(verifier.verify(message, bad)).toBe(false);
      if (verifier.verifyDigest !== undefined) expect(verifier.verifyDigest(digest(), bad)).toBe(false);
    }
  });

  test("refuses the key under every algorithm it is not made for", () => {
    const spki = parseBase64(row.spki);
    const family = familyOf(name);
    for (const other of algorithmNames.filter((candidate) => familyOf(candidate) !== family)) {
      expect(() => makeVerifierOn(backend, spki, other)).toThrowError(
        expect.objectContaining({ code: "CORE_ALGORITHM_MISMATCH" }),
      );
    }
  });

  test("refuses a key that was cut or lengthened", () => {
    const spki = parseBase64(row.spki);
    for (const bad of [spki.subarray(0, -1), spki.subarray(1), new Uint8Array([...spki, 0]), new Uint8Array(0)]) {
      expect(() => makeVerifierOn(backend, bad, name)).toThrowError(expect.objectContaining({ name: "TrustError" }));
    }
  });
}

function digestOn(backend: Backend, hash: "sha256" | "sha384" | "sha512", bytes: Uint8Array): Digest {
  return digestFromBytes(hash, backend.hash(hash, bytes));
}

/** Algorithms of one family take the same keys. */
function familyOf(name: AlgorithmName): string {
  const { family, curve, level } = algorithmOf(name);
  return family === "ecdsa" || family === "ml-dsa" ? `${family} ${curve ?? level}` : family.slice(0, 3);
}

function mangle(signature: Uint8Array): Uint8Array[] {
  const flips = [0, 1, signature.length >> 1, signature.length - 2, signature.length - 1].map((at) =>
    signature.map((byte, i) => (i === at ? byte ^ 1 : byte)),
  );
  return [
    ...flips,
    new Uint8Array(0),
    signature.subarray(0, -1),
    signature.subarray(1),
    new Uint8Array([...signature, 0]),
    new Uint8Array([0, ...signature]),
    new Uint8Array([...signature, ...signature]),
    new Uint8Array(signature.length),
    new Uint8Array(signature.length).fill(0xff),
    signature.toReversed(),
  ];
}
