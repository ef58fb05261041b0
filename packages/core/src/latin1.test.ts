import { expect, test } from "vitest";
import * as node from "./latin1.node.ts";
import * as web from "./latin1.web.ts";

test.each([
  ["node", node],
  ["web", web],
])("a character for each byte, by %s", (_, { readLatin1 }) => {
  const all = Uint8Array.from({ length: 50_000 }, (_each, at) => at);
  const text = readLatin1(all);
  expect(text.length).toBe(all.length);
  expect(Uint8Array.from(text, (char) => char.charCodeAt(0))).toEqual(all);
  expect(readLatin1(Uint8Array.of(1, 0x80, 0xff, 2).subarray(1, 3))).toBe("\u0080\u00ff");
  expect(readLatin1(new Uint8Array(0))).toBe("");
});
