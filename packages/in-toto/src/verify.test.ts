import { describe, expect, test } from "vitest";
import { parseDigest, TrustError, type JsonObject } from "@countersign/core";
import {
  artifacts,
  ask,
  fileOf,
  hashOf,
  inspection,
  layout,
  link,
  owner,
  person,
  signed,
  step,
  testTime,
  verdictOf,
  type Asked,
} from "./chain.contract.ts";
import { formatLayoutReport, formatLayoutTable } from "./explain.ts";
import type { LinkSource } from "./link-source.ts";
import { parseLayoutKey } from "./key.ts";
import { parseMetadata } from "./metadata.ts";
import { parseSubstitutions, substituteWord } from "./substitution.ts";
import { verifyLayout } from "./verify.ts";

const [ann, bob] = [person("ann"), person("bob")];

function one(
  change: { readonly step?: JsonObject; readonly link?: JsonObject; readonly layout?: JsonObject } = {},
): Asked {
  return {
    layout: signed(layout([ann, bob], [step("make", [ann, bob], change.step)], change.layout), [owner]),
    files: {
      [fileOf("make", ann)]: signed(link("make", { products: artifacts({ app: "app" }), ...change.link }), [ann]),
    },
  };
}

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return error instanceof TrustError ? error.code : String(error);
  }
};

describe("what is asked", () => {
  const parsed = parseMetadata(one().layout, "strict");
  const links: LinkSource = { open: () => undefined, sub: () => links };
  const keys = [parseLayoutKey(owner.json)];

  test("a question without keys, or with a layout that was parsed in another mode", () => {
    expect(codeOf(() => verifyLayout({ layout: parsed, keys: [], links, now: testTime }))).toBe("INTOTO_VERIFY_USAGE");
    expect(codeOf(() => verifyLayout({ layout: parsed, keys, links, now: testTime, mode: "compat" }))).toBe(
      "INTOTO_VERIFY_USAGE",
    );
  });

  test("a link where a layout is needed", () => {
    expect(verdictOf({ layout: signed(link("make"), [owner]) })).toBe("INTOTO_LAYOUT_NEEDED");
    expect(verdictOf({ layout: signed(link("make"), [owner]), mode: "compat" })).toBe("INTOTO_LAYOUT_NEEDED");
  });

  test("an artifact must be among the last step's products", () => {
    const { sha256 } = hashOf("app") as { readonly sha256: string };
    const artifact = [parseDigest(`sha256:${sha256}`)];
    expect(ask({ ...one(), artifact }).claims?.artifact.digests).toEqual(artifact);
    expect(verdictOf({ ...one(), artifact: [parseDigest(`sha256:${"0".repeat(64)}`)] })).toBe(
      "INTOTO_ARTIFACT_NOT_PRODUCED",
    );
  });

  test("DSSE is verified as well, and the two forms may be mixed", () => {
    const made = link("make", { products: artifacts({ app: "app" }) });
    const files = { [fileOf("make", ann)]: signed(made, [ann], "dsse") };
    for (const mode of ["strict", "compat"] as const) {
      expect(verdictOf({ ...one(), files, mode })).toBe("allowed");
      expect(verdictOf({ ...one(), layout: signed(layout([ann], [step("make", [ann])]), [owner], "dsse"), mode })).toBe(
        "allowed",
      );
    }
  });
});

describe("time", () => {
  test.each([
    ["2026-11-22T05:59:59Z", "INTOTO_LAYOUT_EXPIRED", "INTOTO_LAYOUT_EXPIRED"],
    ["2026-11-22T06:00:00Z", "INTOTO_LAYOUT_EXPIRED", "allowed"],
    ["2026-11-22T06:00:01Z", "allowed", "allowed"],
  ])("a layout that expires at %s, asked at 06:00:00", (expires, strict, compat) => {
    expect(verdictOf(one({ layout: { expires } }))).toBe(strict);
    expect(verdictOf({ ...one({ layout: { expires } }), mode: "compat" })).toBe(compat);
  });
});

test("a layout without steps and inspections proves nothing", () => {
  const empty = { layout: signed(layout([], []), [owner]) };
  expect(verdictOf(empty)).toBe("INTOTO_LAYOUT_EMPTY");
  expect(verdictOf({ ...empty, mode: "compat" })).toBe("allowed");
});

describe("substitution, as Python's str.format for plain names", () => {
  const values = new Map([
    ["x", "src"],
    ["a-b", "B"],
    ["0", "zero"],
  ]);
  test.each([
    ["{x}/*", "src/*"],
    ["{{x}}", "{x}"],
    ["{{{x}}}", "{src}"],
    ["{a-b}{x}", "Bsrc"],
    ["no braces", "no braces"],
  ])("%s → %s", (word, expected) => expect(substituteWord(word, values)).toBe(expected));

  test.each(["{", "}", "{x", "x}", "{}", "{0}", "{x.y}", "{x[0]}", "{x!r}", "{x:>9}", "{{x}", "{x}}", "{a{x}}"])(
    "%s is refused",
    (word) => {
      expect(codeOf(() => substituteWord(word, values))).toBe("INTOTO_SUBSTITUTION_SYNTAX");
    },
  );

  test("a name without a value, and a result without end", () => {
    expect(codeOf(() => substituteWord("{y}", values))).toBe("INTOTO_SUBSTITUTION_UNKNOWN");
    expect(codeOf(() => substituteWord("{x}".repeat(30_000), values))).toBe("INTOTO_SUBSTITUTION_SYNTAX");
  });

  test.each([[["x"]], [["=y"]], [["a b=c"]], [["x=1", "x=2"]]])("%j are no values", (pairs) => {
    expect(codeOf(() => parseSubstitutions(pairs))).toBe("INTOTO_SUBSTITUTION_MALFORMED");
  });

  test("reaches rules and commands of the layout, after its signature was checked, and not without parameters", () => {
    const asked = one({
      step: { expected_products: [["REQUIRE", "{name}"]], expected_command: ["make", "{name}"] },
      link: { command: ["make", "app"] },
    });
    expect(verdictOf({ ...asked, substitutions: parseSubstitutions(["name=app"]) })).toBe("allowed");
    expect(ask({ ...asked, substitutions: parseSubstitutions(["name=app"]) }).findings).toEqual([]);
    expect(verdictOf({ ...asked, substitutions: parseSubstitutions(["name=other"]) })).toBe("INTOTO_RULE_REQUIRED");
    expect(verdictOf(asked)).toBe("INTOTO_RULE_REQUIRED");
  });
});

describe("evidence of steps", () => {
  test("a command other than expected is a warning", () => {
    const { verdict, findings } = ask(one({ step: { expected_command: ["make"] } }));
    expect([verdict, findings.map(({ level, code }) => `${level} ${code}`)]).toEqual([
      "allowed",
      ["warn INTOTO_STEP_COMMAND"],
    ]);
  });

  test("a key that the step names and the layout lacks", () => {
    const asked = { ...one(), layout: signed(layout([bob], [step("make", [ann])]), [owner]) };
    const { findings } = ask(asked);
    expect(findings.map(({ code }) => code)).toEqual(["INTOTO_THRESHOLD"]);
    expect(findings[0]?.message).toContain("a key that the layout lists");
  });

  test("the same beside a functionary whom the layout knows", () => {
    const files = { ...one().files, [fileOf("make", bob)]: signed(link("make"), [bob]) };
    const { layout: report } = ask({ layout: signed(layout([ann], [step("make", [bob, ann])]), [owner]), files });
    expect(report.steps[0]).toMatchObject({
      verdict: "passed",
      ignored: [{ keyid: bob.keyid, code: "INTOTO_LINK_UNUSABLE" }],
    });
  });

  test("a link that is not JSON ends it all, as in the reference", () => {
    for (const mode of ["strict", "compat"] as const)
      expect(verdictOf({ ...one(), files: { ...one().files, [fileOf("make", bob)]: Buffer.from("{") }, mode })).toBe(
        "INTOTO_JSON_MALFORMED",
      );
  });

  test("a link with a bad signature beside a good one is set aside, and named", () => {
    const files = { ...one().files, [fileOf("make", bob)]: signed(link("make"), [ann]) };
    const { verdict, layout: report } = ask({ ...one(), files });
    expect(verdict).toBe("allowed");
    expect(report.steps[0]?.ignored.map(({ code }) => code)).toEqual(["INTOTO_SIGNATURE_MISSING"]);
  });
});

test("nothing of it is sensitive to names of Object.prototype", () => {
  const names = ["__proto__", "constructor", "toString"];
  const steps = names.map((name) =>
    step(name, [ann], {
      expected_products: [
        ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "hasOwnProperty"],
        ["REQUIRE", "__proto__"],
      ],
    }),
  );
  const products = JSON.parse(`{"__proto__":{"sha256":"${"0".repeat(64)}"}}`) as JsonObject;
  const files = Object.fromEntries(names.map((name) => [fileOf(name, ann), signed(link(name, { products }), [ann])]));
  expect(verdictOf({ layout: signed(layout([ann], steps), [owner]), files })).toBe("allowed");
});

describe("the report", () => {
  const asked = one({
    step: {
      expected_products: [
        ["CREATE", "app"],
        ["DISALLOW", "*"],
      ],
    },
  });

  test("says of each rule what it consumed and from where", () => {
    const answer = ask(asked);
    const report = JSON.parse(JSON.stringify(formatLayoutReport(answer, testTime))) as Record<string, unknown>;
    expect(report).toMatchObject({
      schema: "countersign.layout-report/v1",
      verdict: "allowed",
      mode: "strict",
      at: "2026-11-22T06:00:00.000Z",
      findings: [],
      summary: { _type: "link", products: artifacts({ app: "app" }) },
      claims: { via: "in-toto", signer: { kind: "key", algorithm: "ed25519" } },
    });
    expect((report["layout"] as { readonly steps: readonly JsonObject[] }).steps[0]).toMatchObject({
      name: "make",
      verdict: "passed",
      products: {
        rules: [
          { rule: ["CREATE", "app"], consumed: ["app"] },
          { rule: ["DISALLOW", "*"], consumed: [] },
        ],
        left: [],
      },
    });
    expect(formatLayoutTable(answer, "rules").join("\n")).toContain("CREATE app");
  });

  test("goes as far as the verdict did, with the reason", () => {
    const refused = ask({
      ...asked,
      files: {
        [fileOf("make", ann)]: signed(link("make", { products: artifacts({ app: "", "evil\u001b[2J": "" }) }), [ann]),
      },
    });
    expect(refused.layout.steps[0]).toMatchObject({ verdict: "failed", code: "INTOTO_RULE_DISALLOWED" });
    expect(refused.layout.steps[0]?.products?.effects[0]?.consumed).toEqual(["app"]);
    const table = formatLayoutTable(refused, "rules").join("\n");
    expect(table).toContain("failed: INTOTO_RULE_DISALLOWED");
    expect(table).not.toContain("\u001b");
    expect(formatLayoutReport(refused, testTime)).not.toHaveProperty("summary");
  });

  test("of what could not be read, the verdict is unknown only if nothing was refused", () => {
    const broken: LinkSource = {
      open: () => {
        throw new TrustError("INTOTO_LINK_UNREADABLE", {
          kind: "unavailable",
          says: "a link cannot be read",
          fix: "try again",
        });
      },
      sub: () => broken,
    };
    const answer = verifyLayout({
      layout: parseMetadata(one().layout, "strict"),
      keys: [parseLayoutKey(owner.json)],
      links: broken,
      now: testTime,
    });
    expect(answer.verdict).toBe("unknown");
  });

  test("an inspection's words are in it", () => {
    const { layout: report } = ask({
      ...one({ layout: { inspect: [inspection("look", ["true"])] } }),
      inspect: () => ({ materials: new Map(), products: new Map(), returnValue: 0 }),
    });
    expect(report.inspections).toMatchObject([{ name: "look", run: ["true"], verdict: "passed" }]);
  });
});
