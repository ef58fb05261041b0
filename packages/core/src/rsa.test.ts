import fc from "fast-check";
import { constants, generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { concatBytes, equalBytes } from "./bytes.ts";
import { backend as node } from "./crypto.node.ts";
import { backend as web } from "./crypto.web.ts";
import {
  bigEndian,
  bitLength,
  isPssBlock,
  isRsaShape,
  makePkcs1Block,
  makePssBlock,
  modPow,
  openRsaBlock,
} from "./rsa.ts";
import { hash } from "./digest.ts";
import { hashBytes, hashNames } from "./hash.ts";
import { makeVerifierOn } from "./key.ts";
import { parseSpki } from "./spki.ts";
import type { HashName } from "./hash.ts";
import type { RsaKey } from "./rsa.ts";

const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
const spki = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
const key = parseSpki(spki) as RsaKey & { kind: "rsa" };
const message = new Uint8Array([1, 2, 3]);

describe("numbers", () => {
  test("modPow is repeated multiplication", () => {
    const property = fc.property(
      fc.bigInt(0n, 50n),
      fc.integer({ min: 0, max: 40 }),
      fc.bigInt(2n, 99n),
      (base, exponent, modulus) => {
        let slow = 1n;
        for (let i = 0; i < exponent; i++) slow = (slow * base) % modulus;
        return modPow(base, BigInt(exponent), modulus) === slow;
      },
    );
    fc.assert(property);
    expect(modPow(-1n, 1n, 7n)).toBe(6n);
  });

  test("bigEndian and bitLength", () => {
    expect(bigEndian(new Uint8Array(0))).toBe(0n);
    expect(bigEndian(Uint8Array.of(1, 0))).toBe(256n);
    expect([1n, 255n, 256n, 1n << 2048n].map(bitLength)).toEqual([1, 8, 9, 2049]);
  });
});

describe("PKCS#1 v1.5", () => {
  test("the block is the one that OpenSSL signs", () => {
    for (const name of hashNames) {
      const signature = new Uint8Array(sign(name, message, pair.privateKey));
      expect(openRsaBlock(key, signature)).toEqual(makePkcs1Block(name, hash(name, message), 256));
    }
  });

  test("refuses s ≥ n, although it stands for the same number", () => {
    let signature = new Uint8Array(sign("sha256", message, pair.privateKey));
    for (let i = 0; bigEndian(signature) + key.modulus >= 1n << 2048n; i++) {
      signature = new Uint8Array(sign("sha256", Buffer.of(i), pair.privateKey));
    }
    const larger = Buffer.from((bigEndian(signature) + key.modulus).toString(16).padStart(512, "0"), "hex");
    expect(isRsaShape(key, signature)).toBe(true);
    expect(isRsaShape(key, larger)).toBe(false);
    expect(isRsaShape(key, concatBytes(Uint8Array.of(0), signature))).toBe(false);
  });
});

/** Signs a block of any content: what a forger with the key could send. */
function signBlock(block: Uint8Array): Uint8Array {
  const jwk = pair.privateKey.export({ format: "jwk" });
  const d = bigEndian(Buffer.from(jwk.d ?? "", "base64url"));
  return Buffer.from(modPow(bigEndian(block), d, key.modulus).toString(16).padStart(512, "0"), "hex");
}

describe("blocks that are nearly right are refused by both backends", () => {
  const digest = hash("sha256", message);
  const good = makePkcs1Block("sha256", digest, 256);
  const at = (index: number, value: number): Uint8Array => good.map((byte, i) => (i === index ? value : byte));
  const isTaken = (block: Uint8Array): boolean[] =>
    [node, web].flatMap((backend) => {
      const verifier = makeVerifierOn(backend, spki, "rsa-pkcs1-sha256");
      const signature = signBlock(block);
      return [
        verifier.verify(message, signature),
        verifier.verifyDigest?.(`sha256:${Buffer.from(digest).toString("hex")}` as never, signature) ?? true,
      ];
    });

  test("the good one is taken", () => {
    expect(isTaken(good)).toEqual([true, true, true, true]);
  });

  test("block type, padding, separator, identifier, NULL, digest", () => {
    const withoutNull = concatBytes(
      Uint8Array.of(0, 1),
      new Uint8Array(256 - 2 - 1 - 17 - 32).fill(0xff),
      Uint8Array.of(0),
      Buffer.from("302f300b0609608648016503040201", "hex"),
      Uint8Array.of(4, 32),
      digest,
    );
    expect(withoutNull).toHaveLength(256);
    const shortPadding = concatBytes(
      Uint8Array.of(0, 1, ...new Uint8Array(8).fill(255)),
      good.subarray(204),
      new Uint8Array(194),
    );
    const bad = [
      at(1, 2),
      at(1, 0),
      at(2, 0xfe),
      at(100, 0),
      at(204, 1),
      at(205, 0x31),
      at(220, 4),
      at(222, 1),
      at(255, (good[255] as number) ^ 1),
    ];
    for (const block of [...bad, withoutNull, shortPadding])
      expect(isTaken(block)).toEqual([false, false, false, false]);
  });
});

describe("PSS", () => {
  const frame = (name: HashName, bits: number): { name: HashName; hash: typeof hash; bits: number } => ({
    name,
    hash,
    bits,
  });

  test("takes what it makes at every bit length, and nothing that was flipped", () => {
    for (const name of hashNames) {
      for (let bits = 2048; bits < 2058; bits++) {
        const salt = new Uint8Array(hashBytes[name]).fill(bits & 255);
        const digest = hash(name, message);
        const block = makePssBlock(frame(name, bits), digest, salt);
        expect(block).toHaveLength(Math.ceil(bits / 8));
        expect(bitLength(bigEndian(block))).toBeLessThan(bits);
        expect(isPssBlock(frame(name, bits), digest, block)).toBe(true);
        expect(isPssBlock(frame(name, bits), hash(name, salt), block)).toBe(false);
        for (let i = 0; i < block.length; i += 7) {
          expect(
            isPssBlock(
              frame(name, bits),
              digest,
              block.map((byte, j) => (j === i ? byte ^ 0x80 : byte)),
            ),
          ).toBe(false);
        }
      }
    }
  });

  test("refuses a salt of another length, as both backends do", () => {
    for (const saltLength of [0, 20, 31, 33, 64]) {
      const signature = sign("sha256", message, {
        key: pair.privateKey,
        padding: constants.RSA_PKCS1_PSS_PADDING,
        saltLength,
      });
      for (const backend of [node, web]) {
        expect(makeVerifierOn(backend, spki, "rsa-pss-sha256").verify(message, signature)).toBe(false);
      }
    }
  });

  test("opens OpenSSL's", () => {
    const options = { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const block = openRsaBlock(key, new Uint8Array(sign("sha256", message, options)));
    expect(isPssBlock(frame("sha256", 2048), hash("sha256", message), block)).toBe(true);
    expect(equalBytes(block, makePkcs1Block("sha256", hash("sha256", message), 256))).toBe(false);
  });
});
