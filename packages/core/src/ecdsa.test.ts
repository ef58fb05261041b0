import fc from "fast-check";
import { generateKeyPairSync, sign } from "node:crypto";
import { describe, expect, test } from "vitest";
import { concatBytes, hex, parseHex } from "./bytes.ts";
import { derInteger, derSequence } from "./der-writer.ts";
import { curveOrders, isEcdsaShape } from "./ecdsa.ts";
import type { Curve } from "./algorithm.ts";

const curves: Readonly<Record<Curve, string>> = { p256: "P-256", p384: "P-384", p521: "P-521" };
const order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

function shape(...integers: readonly string[]): Uint8Array {
  const body = integers.map((text) => concatBytes(Uint8Array.of(2, text.length / 2), parseHex(text)));
  const length = body.reduce((sum, part) => sum + part.length, 0);
  return concatBytes(Uint8Array.of(0x30, length), ...body);
}

describe("isEcdsaShape", () => {
  test("takes whatever OpenSSL signs", () => {
    for (const curve of Object.keys(curves) as Curve[]) {
      const { privateKey } = generateKeyPairSync("ec", { namedCurve: curves[curve] });
      for (let i = 0; i < 100; i++) expect(isEcdsaShape(curve, sign("sha256", Buffer.of(i), privateKey))).toBe(true);
    }
  });

  test("takes the edges of the range and nothing beyond", () => {
    const below = `${order.slice(0, -2)}50`;
    expect(isEcdsaShape("p256", shape("01", "01"))).toBe(true);
    expect(isEcdsaShape("p256", shape(`00${below}`, `00${below}`))).toBe(true);
    expect(isEcdsaShape("p256", shape(`00${order}`, "01"))).toBe(false);
    expect(isEcdsaShape("p256", shape("01", `00${order}`))).toBe(false);
    for (const bad of ["00", "", "ff", "0001", "80", `0100${order}`]) {
      expect(isEcdsaShape("p256", shape(bad, "01")), bad).toBe(false);
      expect(isEcdsaShape("p256", shape("01", bad)), bad).toBe(false);
    }
  });

  test.each([
    ["p256", 256],
    ["p384", 384],
    ["p521", 521],
  ] as const)("the order of %s has %i bits, and is the first number that is refused", (curve, bits) => {
    const n = BigInt(`0x${hex(curveOrders[curve])}`);
    expect(n.toString(2)).toHaveLength(bits);
    const isTaken = (s: bigint): boolean => isEcdsaShape(curve, derSequence(derInteger(1n), derInteger(s)));
    expect([n - 1n, n, n + 1n].map(isTaken)).toEqual([true, false, false]);
  });

  test("refuses lengths that are long, indefinite, wrong, and anything after the end", () => {
    const texts = [
      "3006020101020101",
      "308106020101020101",
      "30820006020101020101",
      "3080020101020101",
      "30800201010201010000",
    ];
    texts.push("300602010102010100", "3005020101020101", "3007020101020101", "3106020101020101", "300602810101020101");
    texts.push("3003020101", "3009020101020101020101", "30", "3000", "", "3006020101030101", "300602020101");
    expect(texts.map((text) => isEcdsaShape("p256", parseHex(text)))).toEqual([
      true,
      ...texts.slice(1).map(() => false),
    ]);
  });

  test("never throws, and takes no other bytes than it would write itself", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 150 }),
      fc.tuple(fc.uint8Array({ maxLength: 34 }), fc.uint8Array({ maxLength: 34 })).map(([r, s]) => {
        const body = concatBytes(Uint8Array.of(2, r.length), r, Uint8Array.of(2, s.length), s);
        return concatBytes(Uint8Array.of(0x30, body.length), body);
      }),
    );
    fc.assert(fc.property(bytes, (signature) => isEcdsaShape("p256", signature) === isShapeSlowly(signature)));
  });
});

/** The obvious way: read two numbers leniently, write them strictly, compare. */
function isShapeSlowly(signature: Uint8Array): boolean {
  const text = Buffer.from(signature).toString("hex");
  const first = signature[3] ?? 0;
  const r = text.slice(8, 8 + 2 * first);
  const s = text.slice(12 + 2 * first);
  const [left, right] = [BigInt(`0x0${r}`), BigInt(`0x0${s}`)];
  const limit = BigInt(`0x${order}`);
  if (left < 1n || right < 1n || left >= limit || right >= limit) return false;
  return Buffer.from(shape(integer(left), integer(right))).toString("hex") === text;
}

function integer(value: bigint): string {
  const digits = value.toString(16);
  const even = digits.length % 2 === 0 ? digits : `0${digits}`;
  return Number.parseInt(even.slice(0, 2), 16) > 0x7f ? `00${even}` : even;
}
