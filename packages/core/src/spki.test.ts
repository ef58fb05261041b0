import fc from "fast-check";
import { ed25519 } from "@noble/curves/ed25519.js";
import { generateKeyPairSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { concatBytes, hex, parseHex } from "./bytes.ts";
import { backend as node } from "./crypto.node.ts";
import { backend as web } from "./crypto.web.ts";
import { derBitString, derInteger, derSequence } from "./der-writer.ts";
import { TrustError } from "./errors.ts";
import { makeVerifierOn } from "./key.ts";
import { formatRsaSpki, parseSpki } from "./spki.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const spkiOf = (pair: { publicKey: { export(o: { format: "der"; type: "spki" }): Buffer } }): Uint8Array =>
  new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }));
const ec = (namedCurve: string): Uint8Array => spkiOf(generateKeyPairSync("ec", { namedCurve }));
const ed = (point: string): Uint8Array => parseHex(`302a300506032b6570032100${point}`);
const rsa = (modulus: bigint, exponent: bigint): Uint8Array =>
  formatRsaSpki(derSequence(derInteger(modulus), derInteger(exponent)));

describe("parseSpki", () => {
  test("tells kinds, curves and levels apart", () => {
    expect(parseSpki(ec("P-256"))).toMatchObject({ kind: "ec", curve: "p256" });
    expect(parseSpki(ec("P-384"))).toMatchObject({ kind: "ec", curve: "p384" });
    expect(parseSpki(ec("P-521"))).toMatchObject({ kind: "ec", curve: "p521" });
    expect(parseSpki(spkiOf(generateKeyPairSync("ed25519")))).toMatchObject({ kind: "ed25519" });
    expect(parseSpki(spkiOf(generateKeyPairSync("rsa", { modulusLength: 2048 })))).toMatchObject({
      kind: "rsa",
      bits: 2048,
      exponent: 65537n,
    });
    for (const level of [44, 65, 87] as const) {
      expect(parseSpki(spkiOf(generateKeyPairSync(`ml-dsa-${level}`)))).toMatchObject({ kind: "ml-dsa", level });
    }
  });

  test("refuses other kinds, explicit curves, compressed points", () => {
    const compressed = concatBytes(
      parseHex("3039301306072a8648ce3d020106082a8648ce3d030107032200"),
      ec("P-256").subarray(27, 59),
    );
    compressed[26] = 2;
    const explicit = spkiOf(generateKeyPairSync("ec", { namedCurve: "P-256", paramEncoding: "explicit" }));
    const others = [ec("secp256k1"), spkiOf(generateKeyPairSync("ed448")), spkiOf(generateKeyPairSync("x25519"))];
    others.push(spkiOf(generateKeyPairSync("rsa-pss", { modulusLength: 2048 })), explicit, parseHex("3000"));
    for (const spki of others) expect(() => parseSpki(spki)).toThrowError(code("CORE_KEY_UNSUPPORTED"));
    expect(() => parseSpki(compressed)).toThrowError(expect.objectContaining({ name: "TrustError" }));
  });

  test("refuses what is cut, longer or not DER", () => {
    const good = ec("P-256");
    const bad = [
      new Uint8Array(0),
      parseHex("30"),
      parseHex("3080"),
      parseHex("ffff"),
      good.subarray(0, 90),
      concatBytes(good, good),
    ];
    bad.push(parseHex("30810100"), parseHex("3082000100"), new Uint8Array(100_000).fill(0x30));
    for (const spki of bad) expect(() => parseSpki(spki)).toThrowError(code("CORE_KEY_MALFORMED"));
  });

  test("on any flipped byte gives a TrustError or another key", () => {
    const keys = [
      ec("P-256"),
      spkiOf(generateKeyPairSync("ed25519")),
      spkiOf(generateKeyPairSync("rsa", { modulusLength: 2048 })),
    ];
    const flip = fc.tuple(fc.constantFrom(...keys), fc.nat(400), fc.integer({ min: 1, max: 255 }));
    const property = fc.property(flip, ([spki, at, mask]) => {
      const bad = spki.map((byte, i) => (i === at % spki.length ? byte ^ mask : byte));
      for (const backend of [node, web]) {
        try {
          expect(hex(makeVerifierOn(backend, bad).spki)).toBe(hex(bad));
        } catch (error) {
          expect(error).toBeInstanceOf(TrustError);
        }
      }
    });
    fc.assert(property, { numRuns: 200 });
  });
});

describe("EC points", () => {
  test("off the curve are refused by both backends", () => {
    for (const curve of ["P-256", "P-384", "P-521"]) {
      const spki = ec(curve);
      spki[spki.length - 1] = (spki.at(-1) as number) ^ 1;
      const zero = spki.slice().fill(0, -64);
      for (const backend of [node, web]) {
        expect(() => makeVerifierOn(backend, spki)).toThrowError(code("CORE_KEY_MALFORMED"));
        expect(() => makeVerifierOn(backend, zero)).toThrowError(code("CORE_KEY_MALFORMED"));
      }
    }
  });
});

describe("RSA numbers", () => {
  const odd = (bits: number): bigint => (1n << BigInt(bits - 1)) + 1n;

  test("are taken within the bounds", () => {
    for (const [bits, e] of [
      [2048, 3n],
      [2049, 65537n],
      [8192, 3n],
      [2048, (1n << 32n) - 1n],
    ] as const) {
      expect(parseSpki(rsa(odd(bits), e))).toMatchObject({ kind: "rsa", bits, exponent: e, modulus: odd(bits) });
    }
  });

  test("are refused outside them", () => {
    const bad: [bigint, bigint][] = [
      [odd(1024), 65537n],
      [odd(2047), 3n],
      [odd(8193), 3n],
      [odd(16384), 3n],
      [odd(30_000), 3n],
    ];
    for (const e of [0n, 1n, 2n, 4n, 65536n, (1n << 32n) + 1n, odd(2000), -3n]) bad.push([odd(2048), e]);
    bad.push([odd(2048) + 1n, 65537n], [0n, 3n]);
    for (const [n, e] of bad) expect(() => parseSpki(rsa(n, e)), `${e}`).toThrowError(code("CORE_KEY_WEAK"));
    expect(() => parseSpki(rsa(-odd(2048), 65537n))).toThrowError(code("CORE_KEY_WEAK"));
  });

  test("are refused in any other wrapping", () => {
    const [n, e] = [derInteger(odd(2048)), derInteger(65537n)];
    const bad = [
      derSequence(n),
      derSequence(n, e, e),
      derSequence(),
      n,
      concatBytes(derSequence(n, e), Uint8Array.of(0)),
      new Uint8Array(0),
    ];
    bad.push(derSequence(derSequence(n), e));
    for (const inner of bad) expect(() => parseSpki(formatRsaSpki(inner))).toThrowError(code("CORE_KEY_MALFORMED"));
    const identifier = parseHex("300d06092a864886f70d0101010500");
    const key = derBitString(derSequence(n, e));
    expect(() => parseSpki(derSequence(identifier, key, key))).toThrowError(code("CORE_KEY_MALFORMED"));
    expect(() => parseSpki(derSequence(identifier))).toThrowError(code("CORE_KEY_MALFORMED"));
    expect(() => parseSpki(derSequence(parseHex("300b06092a864886f70d010101"), key))).toThrowError(
      code("CORE_KEY_UNSUPPORTED"),
    );
  });
});

describe("Ed25519 points", () => {
  test("agree with noble on what lies on the curve", () => {
    let count = 0;
    for (let i = 2; i < 200; i++) {
      const point = new Uint8Array(32).fill(i * 7, 0, 31);
      point[0] = i;
      point[31] = i & 0x7f;
      const isTaken = isAccepted(ed(hex(point)));
      expect(isTaken).toBe(ed25519.utils.isValidPublicKey(point, false));
      if (isTaken) count++;
    }
    expect(count).toBeGreaterThan(50);
    expect(count).toBeLessThan(150);
  });

  test("of small order, canonical or not, are refused", () => {
    const order8 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03";
    const points = [`01${"00".repeat(31)}`, `01${"00".repeat(30)}80`, `ec${"ff".repeat(30)}7f`, `ec${"ff".repeat(31)}`];
    points.push("00".repeat(32), `${"00".repeat(31)}80`, `${order8}7a`, `${order8}fa`);
    points.push(
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    );
    for (const point of points) expect(() => parseSpki(ed(point)), point).toThrowError(code("CORE_KEY_WEAK"));
    for (const low of ["ed", "ee", "ef", "ff"]) {
      for (const high of ["7f", "ff"]) {
        expect(() => parseSpki(ed(low + "ff".repeat(30) + high))).toThrowError(code("CORE_KEY_MALFORMED"));
      }
    }
  });
});

function isAccepted(spki: Uint8Array): boolean {
  try {
    return parseSpki(spki).kind === "ed25519";
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}
