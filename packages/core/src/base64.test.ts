import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as node from "./base64.node.ts";
import * as web from "./base64.web.ts";

/** Texts near base64, most of them not canonical. */
const nearBase64 = fc.string({ unit: fc.constantFrom(..."ABYZabyz0189+/=-_ \n\u00e9\ud800"), maxLength: 12 });

describe.each([
  ["node", node],
  ["the platform", { decodeBase64: node.decodeByPlatform, encodeBase64: node.encodeByPlatform }],
  ["web", web],
])("base64 by %s", (_, { decodeBase64, encodeBase64 }) => {
  test("decode is the inverse of encode", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(decodeBase64(encodeBase64(bytes))).toEqual(bytes);
      }),
    );
  });

  test.each([
    "A",
    "AA",
    "AAA",
    "AA=A",
    "AA==AA==",
    "AB==",
    "AAB=",
    "AA= =",
    "AA-_",
    "A\u00e9A=",
    "AAAA\n",
    " AAAA",
    "====",
    "AA==",
  ])("%j is read only if it is what encode would write", (text) => {
    const bytes = decodeBase64(text);
    expect(bytes === undefined ? undefined : encodeBase64(bytes)).toBe(text === "AA==" ? text : undefined);
  });

  test("a view of a longer buffer is read from where it starts, and what comes back has a buffer of its own", () => {
    expect(encodeBase64(Uint8Array.of(9, 0, 0, 9).subarray(1, 3))).toBe("AAA=");
    expect(decodeBase64("AAA=")?.buffer.byteLength).toBe(2);
  });
});

test("both refuse and read the same texts", () => {
  const agrees = fc.property(nearBase64, (text) => {
    expect(node.decodeByPlatform(text)).toEqual(web.decodeBase64(text));
  });
  fc.assert(agrees, { numRuns: 2000 });
});
