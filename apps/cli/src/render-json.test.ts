import { expect, test } from "vitest";
import { formatJson } from "./render-json.ts";

test("JSON on a terminal moves no cursor, hides nothing and turns nothing around, and means the same", () => {
  const hostile = {
    "\u009b31mname": "a\u001b[2J\u007f\u0085\u009d\u200b\u202e\u2028\u2066\ufeff\u{e0041}\u00a0z",
    plain: 'Ünïcödé 日本 🔏 \\ "',
  };
  const text = formatJson(hostile);
  expect(text).not.toMatch(
    /[\u0000-\u0009\u000b-\u001f\u007f-\u00a0\u200b-\u200f\u2028-\u202f\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/u,
  );
  expect(text).toContain("Ünïcödé 日本 🔏");
  expect(JSON.parse(text)).toEqual(hostile);
  expect(formatJson({ size: 2n ** 64n, list: [1] })).toBe(
    '{\n  "size": "18446744073709551616",\n  "list": [\n    1\n  ]\n}\n',
  );
});
