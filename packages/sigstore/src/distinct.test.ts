import { expect, test } from "vitest";
import { countDistinct } from "./distinct.ts";

test.each([
  [[], 0],
  [[["a", "1"]], 1],
  [[["a", "1"], ["b", "2"]], 2], // prettier-ignore
  [[["a", "1"], ["a", "2"]], 1], // prettier-ignore
  [[["a", "1"], ["b", "1"]], 1], // prettier-ignore
  [[["a", "1"], ["a", "2"], ["b", "2"]], 2], // prettier-ignore
  [[["a", "1"], ["b", "1"], ["a", "2"], ["c", "3"]], 2], // prettier-ignore
] as const)("%j are %i parties", (rows, count) => {
  expect(countDistinct(rows.map(([operator, key]) => ({ operator, key })))).toBe(count);
});
