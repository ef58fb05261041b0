import { expect, test } from "vitest";
import { canonicalise, readCanonicalMembers, readCanonicalText } from "./canonical.ts";
import { bytesOf, codeOf } from "./sample.contract.ts";
import type { CanonicalOptions } from "./canonical.ts";

const strict: CanonicalOptions = { numbers: "refuse", duplicates: "refuse" };

test("core's reader, with in-toto's errors", () => {
  expect(readCanonicalText(canonicalise(bytesOf(' {"b":1, "a":2}'), strict))).toBe('{"a":2,"b":1}');
  expect([...readCanonicalMembers(bytesOf('{"b":[ 1 ]}'), strict).keys()]).toEqual(["b"]);
  expect(codeOf(() => canonicalise(bytesOf("[1,]"), strict))).toBe("INTOTO_JSON_MALFORMED");
  expect(codeOf(() => canonicalise(bytesOf('{"a":1,"a":1}'), strict))).toBe("INTOTO_JSON_DUPLICATE");
  expect(codeOf(() => canonicalise(bytesOf("1.0"), strict))).toBe("INTOTO_JSON_NUMBER");
  expect(codeOf(() => readCanonicalText(Uint8Array.of(0xff)))).toBe("INTOTO_JSON_MALFORMED");
});
