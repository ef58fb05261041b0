import { ED25519_TORSION_SUBGROUP, ed25519 } from "@noble/curves/ed25519.js";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { algorithmNames } from "./algorithm.ts";
import { concatBytes, parseHex, utf8 } from "./bytes.ts";
import { describeBackend } from "./crypto.contract.ts";
import { backend as node } from "./crypto.node.ts";
import { backend as web } from "./crypto.web.ts";
import { digestOf, hash } from "./digest.ts";
import { generateSignerOn, makeVerifierOn } from "./key.ts";
import { bigEndian } from "./rsa.ts";
import { testWycheproof, wycheproofFiles } from "./wycheproof.contract.ts";
import type { ContractRow } from "./crypto.contract.ts";
import type { WycheproofFile } from "./wycheproof.contract.ts";

const read = (path: string): unknown => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
const rows = read("../vectors/signature/contract.json") as readonly ContractRow[];
const shared = "../../../../shared/data/crypto/wycheproof/";
const backends = [node, web];

for (const backend of backends) describeBackend(backend, rows);

describe("Wycheproof", () => {
  const hasData = existsSync(new URL(shared, import.meta.url));
  if (!hasData) test.skip("no shared data here", () => {});
  for (const backend of hasData ? backends : []) {
    for (const name of Object.keys(wycheproofFiles))
      testWycheproof(backend, name, read(shared + name) as WycheproofFile);
  }
});

describe("what Node signs both backends take", () => {
  const message = utf8("signed here, checked there");
  for (const name of algorithmNames) {
    test(name, async () => {
      const signer = generateSignerOn(node, name);
      const signatures = [await signer.sign({ message })];
      if (signer.algorithm.hash !== undefined) {
        signatures.push(await signer.sign({ digest: digestOf(signer.algorithm.hash, message) }));
      }
      for (const backend of backends) {
        const verifier = makeVerifierOn(backend, signer.spki, name);
        expect(verifier.keyid).toBe(signer.keyid);
        for (const signature of signatures) {
          expect(verifier.verify(message, signature)).toBe(true);
          expect(verifier.verify(utf8("other"), signature)).toBe(false);
        }
      }
    });
  }
});

describe("Ed25519 where readings of RFC 8032 differ: both backends use the equation without cofactor", () => {
  const { BASE, Fn } = ed25519.Point;
  const torsion = ed25519.Point.fromHex(ED25519_TORSION_SUBGROUP[1] as string);
  const secret = 123_456_789n;
  const spkiOf = (point: Uint8Array): Uint8Array => concatBytes(parseHex("302a300506032b6570032100"), point);
  const littleEndian = (bytes: Uint8Array): bigint => bigEndian(bytes.toReversed());

  function signWith(r: Uint8Array, key: Uint8Array, message: Uint8Array): Uint8Array {
    const k = Fn.create(littleEndian(hash("sha512", concatBytes(r, key, message))));
    return concatBytes(r, Fn.toBytes(Fn.create(7n + k * secret)));
  }

  test("a signature whose R has a part of small order is refused by both, where noble's own verify takes it", () => {
    const key = BASE.multiply(secret).toBytes();
    const message = utf8("cofactor");
    const signature = signWith(BASE.multiply(7n).add(torsion).toBytes(), key, message);
    expect(ed25519.verify(signature, message, key, { zip215: false })).toBe(true);
    for (const backend of backends) expect(makeVerifierOn(backend, spkiOf(key)).verify(message, signature)).toBe(false);
    const honest = signWith(BASE.multiply(7n).toBytes(), key, message);
    for (const backend of backends) expect(makeVerifierOn(backend, spkiOf(key)).verify(message, honest)).toBe(true);
  });

  test("a key with a part of small order gives the same answer on both", () => {
    const key = BASE.multiply(secret).add(torsion).toBytes();
    const [first, second] = backends.map((backend) => makeVerifierOn(backend, spkiOf(key)));
    let count = 0;
    for (let i = 0; i < 48; i++) {
      const signature = signWith(BASE.multiply(7n).toBytes(), key, Uint8Array.of(i));
      const isTaken = first?.verify(Uint8Array.of(i), signature);
      expect(second?.verify(Uint8Array.of(i), signature)).toBe(isTaken);
      if (isTaken === true) count++;
    }
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(24);
  });
});
