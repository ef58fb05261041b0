import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileGlob } from "./glob.ts";
import { formatHashes, type Hashes } from "./hashes.ts";
import { applyRules, maxPatternTests, traceOf, type ItemArtifacts, type RuleTrace } from "./match.ts";
import { parseRule, type Rule, type Side } from "./rule.ts";
import { TrustError } from "@countersign/core";
import { codeOf } from "./sample.contract.ts";

/** `{ a: "1" }`: an artifact whose hash is 01. */
function artifacts(contents: Readonly<Record<string, string>>): Map<string, Hashes> {
  return new Map(Object.entries(contents).map(([path, content]) => [path, formatHashes({ sha256: content })]));
}

function item(
  materials: Readonly<Record<string, string>>,
  products: Readonly<Record<string, string>>,
): ItemArtifacts & { name: string } {
  return { name: "item", materials: artifacts(materials), products: artifacts(products) };
}

function rules(...lines: readonly string[]): Rule[] {
  return lines.map((line) => parseRule(line.split(" ")));
}

interface Case {
  readonly materials?: Readonly<Record<string, string>>;
  readonly products?: Readonly<Record<string, string>>;
  readonly side?: Side;
  readonly other?: Readonly<Record<string, string>>;
}

/** What is left, or the code; `step` is another item whose products are `other`. */
function outcome(
  { materials = {}, products = {}, side = "products", other = {} }: Case,
  ...lines: readonly string[]
): string {
  const others = new Map([["step", item({ m: "9" }, other)]]);
  try {
    return applyRules(item(materials, products), side, rules(...lines), others)
      .left.toSorted()
      .join(" ");
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

describe("rules that consume", () => {
  const sides: Case = {
    materials: { same: "1", changed: "1", gone: "1" },
    products: { same: "1", changed: "2", fresh: "1" },
  };

  test.each([
    ["ALLOW *", "products", ""],
    ["ALLOW [!x]*e", "products", "changed fresh"],
    ["CREATE *", "products", "changed same"],
    ["CREATE *", "materials", "changed gone same"],
    ["DELETE *", "materials", "changed same"],
    ["DELETE *", "products", "changed fresh same"],
    ["MODIFY *", "products", "fresh same"],
    ["MODIFY *", "materials", "gone same"],
    ["MODIFY changed", "materials", "gone same"],
    ["CREATE f*", "products", "changed same"],
    ["CREATE same", "products", "changed fresh same"],
    ["MATCH * WITH PRODUCTS FROM nobody", "products", "changed fresh same"],
  ] as const)("%s on %s leaves %j", (line, side, left) => {
    expect(outcome({ ...sides, side }, line)).toBe(left);
  });
});

describe("rules that refuse", () => {
  test("DISALLOW looks at what is queued, and on an empty queue passes", () => {
    expect(outcome({ products: { a: "1" } }, "DISALLOW *")).toBe("INTOTO_RULE_DISALLOWED");
    expect(outcome({ products: { a: "1" } }, "DISALLOW b")).toBe("a");
    expect(outcome({ products: { a: "1" } }, "ALLOW a", "DISALLOW *", "ALLOW b")).toBe("");
  });

  test("REQUIRE is literal, looks at what is queued, and consumes nothing", () => {
    expect(outcome({ products: { "src/a": "1" } }, "REQUIRE src/a")).toBe("src/a");
    expect(outcome({ products: { "src/a": "1" } }, "REQUIRE src/*")).toBe("INTOTO_RULE_REQUIRED");
    expect(outcome({ products: { "src/a": "1" } }, "ALLOW *", "REQUIRE src/a")).toBe("INTOTO_RULE_REQUIRED");
    expect(outcome({ products: { "src/a": "1" } }, "REQUIRE src/a", "DISALLOW *")).toBe("INTOTO_RULE_DISALLOWED");
  });

  test("no rule at all lets everything in", () => {
    expect(outcome({ products: { a: "1" } })).toBe("a");
  });
});

describe("MATCH", () => {
  const products = { "build/a": "1", "build/sub/b": "2", "buildx/c": "3", a: "1" };
  const other = { a: "1", "sub/b": "2", c: "3", "out/a": "1", "out/sub/b": "9", "build/a": "1" };

  test.each([
    ["MATCH * WITH PRODUCTS FROM step", "build/sub/b buildx/c"],
    ["MATCH a WITH PRODUCTS FROM step", "build/a build/sub/b buildx/c"],
    ["MATCH * IN build WITH PRODUCTS FROM step", "a buildx/c"],
    ["MATCH * IN build/ WITH PRODUCTS FROM step", "a buildx/c"],
    ["MATCH s* IN build WITH PRODUCTS FROM step", "a build/a buildx/c"],
    ["MATCH a IN build WITH PRODUCTS FROM step", "a build/sub/b buildx/c"],
    // A prefix is no pattern, and it is one of whole segments.
    ["MATCH * IN buil* WITH PRODUCTS FROM step", "a build/a build/sub/b buildx/c"],
    ["MATCH * IN buil WITH PRODUCTS FROM step", "a build/a build/sub/b buildx/c"],
    ["MATCH * IN elsewhere WITH PRODUCTS FROM step", "a build/a build/sub/b buildx/c"],
    ["MATCH * WITH PRODUCTS IN out FROM step", "build/a build/sub/b buildx/c"],
    ["MATCH * IN build WITH PRODUCTS IN out FROM step", "a build/sub/b buildx/c"],
    ["MATCH * WITH MATERIALS FROM step", "a build/a build/sub/b buildx/c"],
  ])("%s leaves %j", (line, left) => {
    expect(outcome({ products, other }, line)).toBe(left);
  });

  test("compares all hashes, as they are written", () => {
    const others = new Map([
      ["step", { materials: new Map(), products: new Map([["a", formatHashes({ sha256: "01", sha512: "02" })]]) }],
    ]);
    const left = (hashes: Readonly<Record<string, string>>): number => {
      const own = { name: "i", materials: new Map(), products: new Map([["a", formatHashes(hashes)]]) };
      return applyRules(own, "products", rules("MATCH * WITH PRODUCTS FROM step"), others).left.length;
    };
    expect([{ sha256: "01" }, { sha512: "02", sha256: "01" }, { sha256: "01", sha512: "0A" }].map(left)).toEqual([
      1, 0, 1,
    ]);
  });

  test("an item can match itself, and one artifact consumed stays findable", () => {
    const self = item({}, { a: "1" });
    const both = rules("MATCH * WITH PRODUCTS FROM item", "DISALLOW *");
    expect(applyRules(self, "products", both, new Map([["item", self]])).left).toEqual([]);
  });

  test("paths that only compat lets in go as with the reference", () => {
    // A KeyError there: "/x" joined to a prefix is "/x".
    const absolute = { products: { "p//x": "1" }, other: { x: "1" } };
    expect(outcome(absolute, "MATCH * IN p WITH PRODUCTS FROM step")).toBe("INTOTO_RULE_MALFORMED");
    // Two paths that become one consume it once.
    const slashes = { products: { "p/a\\b": "1", "p/a/b": "1" }, other: { "a/b": "1" } };
    expect(outcome(slashes, "MATCH * IN p WITH PRODUCTS FROM step")).toBe("p/a\\b");
  });
});

describe("the trace", () => {
  test("says which rule took what from where, and what is left", () => {
    const own = item({ old: "1" }, { a: "1", b: "2", c: "3" });
    const others = new Map([["step", item({}, { a: "1" })]]);
    const list = rules(
      "MATCH * WITH PRODUCTS FROM step",
      "MATCH * WITH PRODUCTS FROM nobody",
      "REQUIRE b",
      "CREATE b",
      "DISALLOW x",
    );
    const trace = applyRules(own, "products", list, others);
    expect(trace).toEqual({
      item: "item",
      side: "products",
      count: 3,
      left: ["c"],
      effects: [
        { rule: list[0], consumed: ["a"], matched: { from: "step", side: "products" } },
        { rule: list[1], consumed: [] },
        { rule: list[2], consumed: [] },
        { rule: list[3], consumed: ["b"] },
        { rule: list[4], consumed: [] },
      ],
    });
  });

  test("comes with a refusal, whose message names paths, escaped, and not all of them", () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, k) => [`x\u202e${k}`, "1"]));
    const caught = catchError(() =>
      applyRules(item({}, { ok: "1", ...many }), "products", rules("ALLOW ok", "DISALLOW x*"), new Map()),
    );
    expect(caught.message).toContain(String.raw`x\u202e0`);
    expect(caught.message).toContain("15 more");
    const trace = traceOf(caught) as RuleTrace;
    expect(trace.effects).toMatchObject([{ consumed: ["ok"] }]);
    expect(trace.left).toHaveLength(20);
    expect(traceOf(new Error("other"))).toBeUndefined();
  });
});

function catchError(attempt: () => unknown): Error {
  try {
    attempt();
  } catch (error) {
    return error as Error;
  }
  throw new Error("taken");
}

/** The specification read aloud: a set copied for each rule, every name asked. */
function slowLeft(
  own: ItemArtifacts,
  side: Side,
  list: readonly Rule[],
  others: ReadonlyMap<string, ItemArtifacts>,
): string[] | string {
  let queue = [...own[side].keys()];
  const { materials, products } = own;
  const isTaken = (rule: Rule, path: string): boolean => {
    if (rule.kind === "require" || rule.kind === "disallow") return false;
    if (rule.kind === "match") {
      const prefix = rule.sourcePrefix === undefined ? "" : `${rule.sourcePrefix}/`;
      const rest = path.startsWith(prefix) ? path.slice(prefix.length) : undefined;
      if (rest === undefined || !compileGlob(rule.pattern).isMatch(rest)) return false;
      const target = rule.destinationPrefix === undefined ? rest : `${rule.destinationPrefix}/${rest}`;
      const found = others.get(rule.from)?.[rule.side].get(target);
      return found !== undefined && found === own[side].get(path);
    }
    if (!compileGlob(rule.pattern).isMatch(path)) return false;
    const [before, after] = [materials.get(path), products.get(path)];
    if (rule.kind === "create") return before === undefined && after !== undefined;
    if (rule.kind === "delete") return before !== undefined && after === undefined;
    return rule.kind === "allow" || (before !== undefined && after !== undefined && before !== after);
  };
  for (const rule of list) {
    if (rule.kind === "require" && !queue.includes(rule.path)) return "INTOTO_RULE_REQUIRED";
    const { kind } = rule;
    if (kind === "disallow" && queue.some((path) => compileGlob(rule.pattern).isMatch(path)))
      return "INTOTO_RULE_DISALLOWED";
    queue = queue.filter((path) => !isTaken(rule, path));
  }
  return queue.toSorted();
}

test("decides as the specification read aloud", () => {
  const path = fc.constantFrom("a", "b", "d/a", "d/b", "e/a", "d/e/a");
  const contents = fc.dictionary(path, fc.constantFrom("01", "02"), { noNullPrototype: true });
  const pattern = fc.constantFrom("*", "a", "d/*", "?", "[!a]*", "*a", "d/a", "zz");
  const prefix = fc.constantFrom("", " IN d", " IN e", " IN d/e");
  const line = fc.oneof(
    fc
      .tuple(fc.constantFrom("CREATE", "DELETE", "MODIFY", "ALLOW", "DISALLOW"), pattern)
      .map((words) => words.join(" ")),
    path.map((each) => `REQUIRE ${each}`),
    fc
      .tuple(
        pattern,
        prefix,
        fc.constantFrom("MATERIALS", "PRODUCTS"),
        prefix,
        fc.constantFrom("step", "item", "nobody"),
      )
      .map(([each, source, side, target, from]) => `MATCH ${each}${source} WITH ${side}${target} FROM ${from}`),
  );
  const property = fc.property(
    contents,
    contents,
    contents,
    fc.array(line, { maxLength: 6 }),
    fc.boolean(),
    (m, p, o, lines, isProducts) => {
      const own = item(m, p);
      const others = new Map<string, ItemArtifacts>([
        ["step", item(o, m)],
        ["item", own],
      ]);
      const side = isProducts ? "products" : "materials";
      const list = rules(...lines);
      const slow = slowLeft(own, side, list, others);
      const fast = codeOf(() => applyRules(own, side, list, others));
      expect(fast).toBe(typeof slow === "string" ? slow : "taken");
      if (typeof slow !== "string") expect(applyRules(own, side, list, others).left.toSorted()).toEqual(slow);
    },
  );
  fc.assert(property, { numRuns: 1500 });
});

describe("I7: bounded work", () => {
  const count = 10_000;
  const many = artifacts(Object.fromEntries(Array.from({ length: count }, (_, k) => [`f${k}`, "01"])));
  const big = { name: "big", materials: new Map<string, Hashes>(), products: many };

  test("one literal rule for each of 10,000 artifacts takes linear time", () => {
    const list = Array.from({ length: count }, (_, k) =>
      parseRule(["MATCH", `f${k}`, "WITH", "PRODUCTS", "FROM", "big"]),
    );
    const started = process.threadCpuUsage();
    const trace = applyRules(big, "products", [...list, ...rules("DISALLOW *")], new Map([["big", big]]));
    expect(trace.left).toEqual([]);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(1500);
  });

  test.each([
    ["ALLOW g*", 1],
    ["DELETE *", 0],
    ["MATCH * WITH MATERIALS FROM big", 8],
    ["MATCH * IN g WITH PRODUCTS FROM big", 1],
  ] as const)("more of %j than anyone needs are refused after some time", (line, share) => {
    const list = Array.from({ length: (maxPatternTests / count) * share + 1 }, () => rules(line)[0] as Rule);
    const expected = share === 0 ? "taken" : "INTOTO_TOO_LARGE";
    expect(codeOf(() => applyRules(big, "products", list, new Map([["big", big]])))).toBe(expected);
  });
});
