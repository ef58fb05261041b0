import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { lintEntries } from "./lint-entry.ts";
import { maxLintFindings } from "./lint.ts";
import { lint, codes, inMaterials, inProducts, cases } from "./lint-case.contract.ts";

test("nothing to say of a sound layout", () => {
  expect(lint({})).toEqual([]);
});

describe("lint", () => {
  test.each(cases)("$name", ({ changes, found }) => {
    expect(codes(changes)).toEqual(found);
  });

  test("every code of the catalogue is found by a case", () => {
    const found = new Set(cases.flatMap((each) => each.found.map((text) => text.split(" ")[1])));
    expect([...found].toSorted()).toEqual(Object.keys(lintEntries).toSorted());
  });

  test("names the rule and the fix", () => {
    expect(
      lint(
        inMaterials([
          ["ALLOW", "a"],
          ["create", "b"],
          ["DISALLOW", "*"],
        ]),
      ),
    ).toEqual([
      {
        level: "fail",
        code: "INTOTO_LINT_CREATE_IN_MATERIALS",
        message:
          'CREATE among expected materials consumes nothing, ever: step "build", expected materials, rule 2: "CREATE b"',
        fix: "use MATCH or ALLOW for materials, and CREATE for products",
        item: "build",
        side: "materials",
        rule: 2,
      },
    ]);
  });

  test("many rules and patterns take time in proportion, and findings end", () => {
    const rules = Array.from({ length: 50_000 }, (_, at) => ["REQUIRE", `a${at}`]);
    const allowed = Array.from({ length: 50_000 }, (_, at) => ["ALLOW", `*${at}*`]);
    const found = lint(inProducts([...allowed, ...rules, ["DISALLOW", "*"]]));
    expect(found).toHaveLength(maxLintFindings);
  });

  test("whatever the rules are, lint answers", () => {
    const word = fc.constantFrom("*", "a", "a/*", "[", "?", "./a", "**", "[!a]", "a/b", "");
    const rule = fc.oneof(
      fc.tuple(fc.constantFrom("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW", "REQUIRE"), word),
      fc
        .tuple(word, word, fc.constantFrom("build", "product", "none"))
        .map(([pattern, prefix, from]) => ["MATCH", pattern, "IN", prefix, "WITH", "PRODUCTS", "FROM", from]),
    );
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 8 }), (rules) => {
        for (const { message, fix } of [...lint(inProducts(rules)), ...lint(inMaterials(rules))]) {
          expect(message).not.toBe("");
          expect(fix).not.toBe("");
        }
      }),
    );
  });
});
