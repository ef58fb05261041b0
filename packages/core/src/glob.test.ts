import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCharacterSet } from "./glob-set.ts";
import { compileGlob, maxPatternChars } from "./glob.ts";
import { codeOf } from "./sample.contract.ts";

interface Vectors {
  readonly cases: readonly (readonly [pattern: string, name: string, isMatch: boolean])[];
}
const vectors = JSON.parse(readFileSync(new URL("../vectors/glob/fnmatch.json", import.meta.url), "utf8")) as Vectors;

/** Character by character, with every choice of a star tried: obviously right, and exponential. */
function isSlowMatch(pattern: string, name: string): boolean {
  if (pattern === "") return name === "";
  const [char = ""] = pattern;
  if (char === "*") return isSlowMatch(pattern.slice(1), name) || (name !== "" && isSlowMatch(pattern, tail(name)));
  if (name === "") return false;
  const set = char === "[" ? readCharacterSet(pattern, 0) : undefined;
  if (set !== undefined)
    return set.test(name.codePointAt(0) as number) && isSlowMatch(pattern.slice(set.end), tail(name));
  return (char === "?" || char === [...name][0]) && isSlowMatch(tail(pattern), tail(name));
}

function tail(text: string): string {
  return [...text].slice(1).join("");
}

test("answers every case as Python's fnmatch", () => {
  const wrong = vectors.cases.filter(([pattern, name, isMatch]) => compileGlob(pattern).isMatch(name) !== isMatch);
  expect(wrong).toEqual([]);
  expect(vectors.cases.filter(([, , isMatch]) => isMatch).length).toBeGreaterThan(500);
  expect(vectors.cases.filter(([, , isMatch]) => !isMatch).length).toBeGreaterThan(400);
});

test("answers as a matcher that tries everything", () => {
  const units = fc.constantFrom("a", "b", "/", "🙂", "-", "!");
  const patterns = fc.string({ unit: fc.oneof(units, fc.constantFrom("*", "?", "[", "]")), maxLength: 9 });
  const property = fc.property(patterns, fc.string({ unit: units, maxLength: 7 }), (pattern, name) => {
    expect(compileGlob(pattern).isMatch(name)).toBe(isSlowMatch(pattern, name));
  });
  fc.assert(property, { numRuns: 3000 });
});

describe("what a rule can use instead of asking", () => {
  test("a pattern without wildcards is the one name that it matches", () => {
    for (const pattern of ["src/foo.py", "src[", "a\\b", "", "]", "🙂"]) {
      expect(compileGlob(pattern)).toMatchObject({ literal: pattern, isAll: false });
    }
    for (const pattern of ["*", "?", "[a]", "a*"]) expect(compileGlob(pattern).literal).toBeUndefined();
  });

  test("stars alone match everything", () => {
    expect(["*", "***"].map((pattern) => compileGlob(pattern).isAll)).toEqual([true, true]);
    expect(["", "*a", "?*"].map((pattern) => compileGlob(pattern).isAll)).toEqual([false, false, false]);
  });
});

describe("hostile patterns", () => {
  test("thirty stars, and thousands, take no time to speak of", () => {
    const name = `${"a".repeat(5000)}b`;
    const started = process.threadCpuUsage();
    expect(compileGlob("*a".repeat(30)).isMatch(name)).toBe(false);
    expect(compileGlob(`${"*a?".repeat(1000)}c`).isMatch(name)).toBe(false);
    expect(compileGlob(`${"*[!b]".repeat(800)}[!a]?`).isMatch(name)).toBe(false);
    expect(compileGlob(`${"*?".repeat(1500)}x`).isMatch(name)).toBe(false);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(2000);
  });

  test("one that is longer than any honest one is refused", () => {
    expect(compileGlob("a".repeat(maxPatternChars)).literal).toHaveLength(maxPatternChars);
    expect(codeOf(() => compileGlob("*".repeat(maxPatternChars + 1)))).toBe("CORE_TOO_LARGE");
  });
});
