import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileExclusion, defaultExcludes, maxExcludeChars, maxExcludePatterns } from "./exclude.ts";

const table: readonly (readonly [patterns: readonly string[], excluded: readonly string[], kept: readonly string[]])[] =
  [
    [["*.pyc"], ["a.pyc", "d/a.pyc", "d.pyc/x"], ["a.py", "a.pycx"]],
    [["/a"], ["a", "a/b"], ["d/a"]],
    [["a/b"], ["a/b", "a/b/c"], ["d/a/b", "a/c"]],
    [["a/"], ["a/b", "d/a/b", "a/b/c"], ["a", "d/a"]],
    [["a/**/z"], ["a/z", "a/b/z", "a/b/c/z/y"], ["z", "b/z"]],
    [["a/**"], ["a/b", "a/b/c"], ["a", "d/a/b"]],
    [["**/a"], ["a", "d/a", "d/e/a/f"], ["ab"]],
    [["**"], ["a", "a/b"], []],
    [["**/"], ["a/b", "a/b/c"], ["a"]],
    [["a*b?c"], ["abxc", "axxbyc", "d/abxc"], ["abc", "a/bxc"]],
    [["[a-c]x"], ["ax", "bx", "d/cx"], ["dx", "x"]],
    [["[!a-c]x"], ["dx"], ["ax", "y/x"]],
    [["[^a-c]x"], ["dx"], ["ax"]],
    [["[]]"], ["]"], ["a"]],
    [["a[b"], ["a[b"], ["ab"]],
    [["[z-a]"], [], ["z", "a", "-"]],
    [[String.raw`\*`], ["*"], ["a"]],
    [
      [String.raw`\#x`, String.raw`\!y`],
      ["#x", "!y"],
      ["x", "y"],
    ],
    [[String.raw`a\ `], ["a "], ["a"]],
    [["a  "], ["a"], ["a  "]],
    [["# all", "", "/", "  "], [], ["a", "# all"]],
    [
      ["*.o", "!keep.o"],
      ["a.o", "d/b.o"],
      ["keep.o", "d/keep.o"],
    ],
    [["!keep.o", "*.o"], ["keep.o"], []],
    [["?"], ["é", "🙂", "d/🙂"], ["éé"]],
    [["[🙂]"], ["🙂"], ["é"]],
    [[".*"], [".git", "d/.git"], [".", "..", "./a", "../a", "../../b", "a"]],
    [["a//b"], [], ["a/b", "a"]],
    [[...defaultExcludes], ["x.link", "x.link.sh", "d/.git/config", "m.pyc", "run.sh~"], ["links", "git", "a"]],
  ];

describe("exclude patterns", () => {
  test.each(table)("%j", (patterns, excluded, kept) => {
    const exclusion = compileExclusion(patterns);
    expect(excluded.filter((path) => !exclusion.isExcluded(path))).toEqual([]);
    expect(kept.filter((path) => exclusion.isExcluded(path))).toEqual([]);
  });

  test.each(["!", "a\\", "[[:alpha:]]", "x".repeat(maxExcludeChars + 1)])("refused: %#", (pattern) => {
    expect(() => compileExclusion([pattern])).toThrow(expect.objectContaining({ code: "INTOTO_EXCLUDE_MALFORMED" }));
  });

  test("too many are refused", () => {
    const many = Array.from({ length: maxExcludePatterns + 1 }, () => "a");
    expect(() => compileExclusion(many)).toThrow(expect.objectContaining({ code: "INTOTO_EXCLUDE_MALFORMED" }));
  });

  test("I7: 30 stars and 30 double stars take no exponential time", () => {
    const deep = "a/".repeat(500);
    const exclusion = compileExclusion(["a*".repeat(30) + "b", "**/a/".repeat(30) + "b"]);
    expect(exclusion.isExcluded("a".repeat(3000))).toBe(false);
    expect(exclusion.isExcluded(`${deep}c`)).toBe(false);
    expect(exclusion.isExcluded(`${deep}b`)).toBe(true);
  });

  const python = "/usr/bin/python3";
  const hasPathspec = existsSync(python) && spawnSync(python, ["-c", "import pathspec"]).status === 0;
  // Left out where pathspec 0.11 is not git: [^x], sets that match a slash, and `/**/`, which it matches with nothing.
  const piece = fc.constantFrom("a", "b", "*", "?", "[ab]", "[b-z]", "**", "x", ".", "\\*", "!", "#");
  const segment = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
  const pattern = fc
    .tuple(
      fc.constantFrom("", "", "/", "!"),
      fc.array(segment, { minLength: 1, maxLength: 3 }),
      fc.constantFrom("", "", "/"),
    )
    .map(([start, segments, end]) => start + segments.join("/") + end)
    .filter((text) => text !== "!" && !/^[!/]*(\*\*\/)+$/.test(text));
  const name = fc.array(fc.constantFrom("a", "a", "b", "x", ".", "*"), { minLength: 1, maxLength: 2 });
  const path = fc
    .array(
      name.map((parts) => parts.join("")).filter((part) => part !== "." && part !== ".."),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => parts.join("/"));

  test.skipIf(!hasPathspec)("agree with the reference's on random patterns and paths", () => {
    const cases = fc.sample(
      fc.record({
        patterns: fc.array(pattern, { minLength: 1, maxLength: 3 }),
        paths: fc.array(path, { minLength: 5, maxLength: 10 }),
      }),
      { numRuns: 1500, seed: 7 },
    );
    const program = `import json,sys,pathspec
for c in json.load(sys.stdin):
  s=pathspec.PathSpec.from_lines("gitwildmatch",c["patterns"])
  print(json.dumps([s.match_file(p) for p in c["paths"]]))`;
    const { stdout } = spawnSync(python, ["-c", program], { input: JSON.stringify(cases), encoding: "utf8" });
    const expected = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as boolean[]);
    const got = cases.map(({ patterns, paths }) => paths.map((each) => compileExclusion(patterns).isExcluded(each)));
    const wrong = cases.flatMap((each, at) =>
      JSON.stringify(got[at]) === JSON.stringify(expected[at])
        ? []
        : [{ ...each, got: got[at], expected: expected[at] }],
    );
    expect(wrong.slice(0, 3)).toEqual([]);
    const hits = expected.flat();
    expect(hits.filter(Boolean).length / hits.length).toBeGreaterThan(0.05);
  });
});
