import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TrustError } from "@countersign/core";
import { formatPython } from "./python-format.ts";

const values = new Map([
  ["x", "src/*"],
  ["y", "9"],
  ["x-y", "é🙂'\"\\\n\u0085"],
  ["0a", ""],
]);

function ours(word: string): string | undefined {
  try {
    return formatPython(word, values, 65_536);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

test.each([
  ["{x}", "src/*"],
  ["{{{x}}}", "{src/*}"],
  ["{x!r}", "'src/*'"],
  ["{x:>{y}}", "    src/*"],
  ["{x:.3}|{x:^9}|{x:07}|{x:a<7s}", "src|  src/*  |src/*00|src/*aa"],
  ["{x[0]}{x[4]}", "s*"],
  ["{x-y!a}", "'\\xe9\\U0001f642\\'\"\\\\\\n\\x85'"],
  ["{0a:3}", "   "],
])("%s", (word, expected) => expect(ours(word)).toBe(expected));

test.each([
  "{",
  "}",
  "{}",
  "{0}",
  "{z}",
  "{x",
  "x}",
  "{x.y}",
  "{x[9]}",
  "{x[-1]}",
  "{x!q}",
  "{x:d}",
  "{x:=9}",
  "{x:+}",
])("%s is refused", (word) => expect(ours(word)).toBeUndefined());

test("a width without end is refused", () => {
  expect(ours("{x:>999999999}")).toBeUndefined();
  expect(ours("{x:>100000}")).toBeUndefined();
});

const python = spawnSync("python3", ["-c", "0"]).status === 0;

describe.skipIf(!python)("with Python itself", () => {
  test("2,000 random words", () => {
    const part = fc.constantFrom(
      "{",
      "}",
      "x",
      "y",
      "x-y",
      "0a",
      "!r",
      "!s",
      "!a",
      ":",
      ">",
      "<",
      "^",
      "9",
      "0",
      ".",
      "[0]",
      "[",
      "]",
      "s",
      "{x}",
      "{y}",
      " ",
      "*",
    );
    const words = fc.sample(
      fc.array(part, { maxLength: 8 }).map((parts) => parts.join("")),
      { numRuns: 2000, seed: 7 },
    );
    const program = `import json,sys
v=${JSON.stringify(Object.fromEntries(values))}
for w in json.load(sys.stdin):
  try: print(json.dumps(w.format(**v)))
  except Exception: print("null")`;
    const { stdout } = spawnSync("python3", ["-c", program], { input: JSON.stringify(words), encoding: "utf8" });
    const theirs = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as string | null);
    const wrong = words.flatMap((word, at) =>
      (ours(word) ?? null) === theirs[at] ? [] : [[word, ours(word), theirs[at]]],
    );
    // Attributes of texts, such as the place of a method in memory, are nobody's pattern.
    expect(wrong.filter(([word]) => !/\{[^}]*\.[a-z]/.test(word ?? ""))).toEqual([]);
    expect(theirs.filter((each) => each !== null).length).toBeGreaterThan(300);
  });
});
