import fc from "fast-check";

/** The steps of a random chain. */
export const stepNames = ["write", "build", "pack"] as const;
const patterns = [
  "*",
  "src/*",
  "*.c",
  "src/a.c",
  "[!x]*",
  "s?c/*",
  "a[",
  "{x}",
  "",
  "SRC/*",
  "./src/*",
  "**",
  "[a-s]*",
  "[]s]*",
  "[^x]*",
  "\\*",
  "[!]*",
  "[z-a]*",
  "src/[ab].c",
  "*a*c*",
  "?",
  "??",
  "src/?",
  "src/e\u0301",
  "src/\u00e9",
  "src/\ud83d\ude00",
  "src/[\u00e9-\u00fc]",
  "[",
  "[!",
  "[]",
  "[[]*",
  "[a-]*",
  "[-s]*",
  "[--s]*",
  "[!a-c]*",
  "[a\\-z]*",
  "[\\]]*",
  "[s&&s]*",
  "[~~s||]*",
  "[s-a-z]*",
  "[s\n]*",
  "*\n*",
  "src//*",
  "/src/*",
  "../src/*",
  "src/*\n",
  " src/*",
  "src/**/*",
  "*/",
  "{x}*",
  "{}",
  "{0}",
  "{{x}}",
  "{x!r}",
  "{x:>9}",
  "{y}",
  "{",
];
const prefixes = ["", "src", "src/", "sr", "out", "/src", "src\\", ".", "src//"];
const targets = [...stepNames, "look", "nobody", ""];
/** Where artifacts are. */
export const paths = [
  "src/a.c",
  "src/b.c",
  "out/a.o",
  "a",
  "src/ü",
  "out/src/a.c",
  "src/\u00e9",
  "src/e\u0301",
  "src/\ud83d\ude00",
  "s\nx",
  "",
  "./a",
];

const kept: fc.Arbitrary<readonly string[]> = fc.constantFrom(
  ["ALLOW", "*"],
  ["ALLOW", "src/*"],
  ["ALLOW", "out/*"],
  ["CREATE", "*"],
  ["MODIFY", "*"],
  ["DELETE", "*"],
  ["allow", "*"],
);
const matched = fc
  .record({
    pattern: fc.constantFrom(...patterns),
    source: fc.constantFrom(...prefixes),
    side: fc.constantFrom("MATERIALS", "PRODUCTS", "products"),
    to: fc.constantFrom(...prefixes),
    from: fc.constantFrom(...targets),
    shape: fc.nat(3),
  })
  .map(({ pattern, source, side, to, from, shape }) => [
    "MATCH",
    pattern,
    ...((shape & 1) === 1 ? ["IN", source] : []),
    "WITH",
    side,
    ...((shape & 2) === 2 ? ["IN", to] : []),
    "FROM",
    from,
  ]);
const simple = fc
  .tuple(
    fc.constantFrom("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE"),
    fc.constantFrom(...patterns, ...paths),
  )
  .map((words) => [...words]);
const rule = fc.oneof(
  { weight: 8, arbitrary: kept },
  { weight: 5, arbitrary: matched },
  { weight: 1, arbitrary: simple },
);
/** The rules of one side of a step or inspection. */
export const rules: fc.Arbitrary<readonly (readonly string[])[]> = fc
  .tuple(
    fc.array(rule, { maxLength: 4 }),
    fc.constantFrom("open", "open", "open", "open", "allow", "allow", "allow", "allow", "disallow"),
  )
  .map(([list, end]) => [
    ...list,
    ...(end === "open"
      ? []
      : end === "allow"
        ? [
            ["ALLOW", "*"],
            ["DISALLOW", "*"],
          ]
        : [["DISALLOW", "*"]]),
  ]);
