import { describe, expect, test } from "vitest";
import type { Json } from "@countersign/core";
import { parseLaxEnvelope } from "./lax-envelope.ts";
import { codeOf } from "./sample.contract.ts";

const parts = { payload: "e30=", payloadType: "x", signatures: [{ keyid: "ab", sig: "AAAA" }] } as const;
const bad = "CORE_ENVELOPE_MALFORMED";

/** What Python 3.11's `b64decode` made of it, in hex; it was asked. */
test.each<readonly [string, string]>([
  ["AAAA=", "000000"],
  ["AAAA==", "000000"],
  ["AAA=", "0000"],
  ["AA==", "00"],
  ["AB==", "00"],
  ["", ""],
  ["A+_A", "03efc0"],
  ["A-_A", "03efc0"],
  ["/w==", "ff"],
])("base64 %s", (text, hex) => {
  expect(Buffer.from(parseLaxEnvelope({ ...parts, payload: text }).payload).toString("hex")).toBe(hex);
});

test.each(["AA=", "AAA==", "A", "AB", "AAA", "=", "==", "====", "AA==AA==", "AAAA\n", " AAAA", "AA*A"])(
  "base64 %j is refused",
  (text) => expect(codeOf(() => parseLaxEnvelope({ ...parts, payload: text }))).toBe(bad),
);

describe("signatures", () => {
  const read = (signatures: Json): unknown => parseLaxEnvelope({ ...parts, signatures }).signatures;

  test("none, empty ones, and those of nobody", () => {
    for (const none of [[], {}, ""]) expect(read(none)).toEqual([]);
    expect(read([{ keyid: 1, sig: "" }])).toEqual([{ keyid: "", sig: new Uint8Array(0) }]);
    expect(read([{ keyid: null, sig: "AA==" }])).toEqual([{ keyid: "", sig: new Uint8Array(1) }]);
  });

  test.each<Json>([
    null,
    1,
    { a: 1 },
    "x",
    [null],
    ["x"],
    [{ sig: "AAAA" }],
    [{ keyid: "ab" }],
    [{ keyid: "ab", sig: 1 }],
  ])("%j is refused", (signatures) => expect(codeOf(() => read(signatures))).toBe(bad));

  test("too many are refused, and another payloadType than a text", () => {
    expect(codeOf(() => read(Array.from({ length: 100 }, () => ({ keyid: "ab", sig: "AAAA" }))))).toBe(bad);
    expect(codeOf(() => parseLaxEnvelope({ ...parts, payloadType: null }))).toBe(bad);
  });
});
