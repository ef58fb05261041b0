import fc from "fast-check";
import { expect, test } from "vitest";
import { utf8 as bytesOf } from "./bytes.ts";
import { formatCanonicalJson } from "./canonical-json.ts";
import { canonicalise, readCanonicalText as readText } from "./canonical-scan.ts";
import { checkIntegers, endOfValue, readTextItems, readTextMembers, readTextValue } from "./canonical-text.ts";
import { canonicalErrors as errors, codeOf, integerJson } from "./sample.contract.ts";

function readCanonicalText(bytes: Uint8Array): string {
  return readText(bytes, errors.malformed);
}

test("reads back what was written", () => {
  const property = fc.property(integerJson, (value) => {
    const text = readCanonicalText(formatCanonicalJson(value));
    expect(readTextValue(text)).toEqual(value);
    expect(endOfValue(text, 0)).toBe(text.length);
    const wrapped = `[${text},0]`;
    expect(endOfValue(wrapped, 1)).toBe(text.length + 1);
    expect(readTextItems(wrapped)).toEqual([text, "0"]);
  });
  fc.assert(property, { numRuns: 500 });
});

test("finds members, their names without escapes", () => {
  const property = fc.property(fc.dictionary(fc.string(), integerJson), (value) => {
    const text = readCanonicalText(formatCanonicalJson(value));
    const found = readTextMembers(text).map(({ name, from, to }) => [name, readTextValue(text.slice(from, to))]);
    expect(Object.fromEntries(found)).toEqual(value);
    expect(found).toHaveLength(Object.keys(value).length);
  });
  fc.assert(property);
});

test("only an object has members", () => {
  for (const text of ["null", '"a"', '["_type","link"]', "[]", "{}", "1"]) expect(readTextMembers(text)).toEqual([]);
});

test("tells fractions from strings that look like them", () => {
  const read = (text: string): string =>
    readCanonicalText(canonicalise(bytesOf(text), { numbers: "keep", duplicates: "refuse", errors }));
  for (const text of ['["[1.5"]', '{"a":",1.0\\n"}', "[15]"]) checkIntegers(read(text), errors);
  for (const text of ["[1.5]", '{"a":1.0}', "[0,1e3]"]) {
    expect(codeOf(() => checkIntegers(read(text), errors))).toBe("CORE_JSON_NOT_CANONICAL");
  }
});
