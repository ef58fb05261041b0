import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseStatement, utf8, type JsonObject } from "@countersign/core";
import { afterAll, describe, expect, test } from "vitest";
import { artifacts, hashOf, layout, link, owner, signed, step, testTime, verdictOf } from "../chain.contract.ts";
import { formatLayoutReport, formatLayoutTable } from "../explain.ts";
import { parseLink } from "../link.ts";
import { codeOf } from "../sample.contract.ts";
import { parseSubstitutions } from "../substitution.ts";
import { formatLinkStatement, linkOf as linkOfStatement } from "./statement-artifact.ts";
import { parseLayoutKey } from "../key.ts";
import { openLinkDirectory } from "../link-source.node.ts";
import { parseMetadata } from "../metadata.ts";
import { verifyLayout } from "../verify.ts";
import {
  ada,
  bob,
  mallory,
  types,
  tested,
  type Changes,
  expects,
  chainLayout,
  files,
  questionOf,
  answer,
  verdict,
} from "./attested.contract.ts";

describe("steps that attestations satisfy", () => {
  test("pass, are marked experimental, and the report tells what each said", () => {
    const passed = answer();
    expect(passed).toMatchObject({ verdict: "allowed", findings: [{ level: "warn", code: "INTOTO_EXPERIMENTAL" }] });
    expect(passed.claims?.layout?.steps.map(({ name, functionaries }) => [name, functionaries.length])).toEqual([
      ["write", 1],
      ["test", 1],
      ["build", 1],
    ]);
    const report = formatLayoutReport(passed, new Date(0)) as {
      readonly layout: { readonly steps: readonly object[] };
    };
    expect(report.layout.steps[1]).toMatchObject({
      name: "test",
      verdict: "passed",
      functionaries: [{ keyid: bob.keyid, evidence: "statement" }],
      statements: [
        {
          file: "test.result.json",
          predicateType: types.test,
          verdict: "passed",
          materials: { rules: [{ consumed: ["src"], from: "write" }, {}], left: [] },
          attributes: [{ rule: "result == 'PASSED'", result: "met" }, { result: "met" }],
        },
      ],
    });
    expect(formatLayoutTable(passed, "rules").join("\n")).toMatch(
      /test\.result\.json +passed.*test-result[^]*attribute +met/,
    );
    expect(passed.summary).toMatchObject({ name: "", products: new Map([["app", JSON.stringify(hashOf("binary"))]]) });
  });

  test("a test that failed does not", () => {
    const given = files({ "test.result.json": signed(tested("FAILED"), [bob], "dsse") });
    expect(verdict({}, given)).toBe("INTOTO_ATTRIBUTE_FALSE");
    expect(answer({}, given).layout.steps[1]?.statements).toMatchObject([
      { verdict: "failed", code: "INTOTO_ATTRIBUTE_FALSE" },
    ]);
    const both = files({ "test.again.json": signed(tested("FAILED"), [bob], "dsse") });
    expect(verdict({}, both)).toBe("INTOTO_ATTRIBUTE_FALSE");
  });

  test("attribute rules may only warn, or be passed over where nothing is claimed", () => {
    const rules = (...expectedAttributes: readonly JsonObject[]): Changes => ({
      test: { expectedPredicates: [expects(types.test, [bob.keyid], { expectedAttributes })] },
    });
    expect(verdict(rules({ rule: "url == 'x'" }))).toBe("INTOTO_ATTRIBUTE_ABSENT");
    expect(verdict(rules({ rule: "url == 'x'", allowIfNoClaim: true }))).toBe("allowed");
    expect(verdict(rules({ rule: "result == 'x' && url == 'x'", allowIfNoClaim: true }))).toBe(
      "INTOTO_ATTRIBUTE_FALSE",
    );
    expect(verdict(rules({ rule: "result < 1", allowIfNoClaim: true }))).toBe("INTOTO_ATTRIBUTE_TYPE");
    expect(answer(rules({ rule: "result == 'x'", warn: true }))).toMatchObject({
      verdict: "allowed",
      findings: [{ code: "INTOTO_EXPERIMENTAL" }, { code: "INTOTO_ATTRIBUTE_FALSE", level: "warn" }],
    });
    const subject =
      "subject.all(s, s.name == 'src') && type == 'https://in-toto.io/Statement/v1' && predicateType.endsWith('v0.1')";
    expect(verdict(rules({ rule: subject }))).toBe("allowed");
  });

  test("a value that is put into a rule stays a text", () => {
    const substitutions = parseSubstitutions(["builder=x' || true || '"]);
    expect(verdictOf({ ...questionOf({}, files()), substitutions })).toBe("INTOTO_ATTRIBUTE_FALSE");
  });

  test("rules of one predicate bind its products", () => {
    const build = {
      expectedPredicates: [expects(types.provenance, [ada.keyid], { expectedProducts: [["REQUIRE", "other"]] })],
    };
    expect(verdict({ build })).toBe("INTOTO_RULE_REQUIRED");
  });
});

test("a link as a Statement is the same link again", () => {
  const one = parseLink(
    link("write", {
      materials: artifacts({ a: "1" }),
      products: artifacts({ b: "2" }),
      command: ["make"],
      environment: { x: "y" },
    }),
  );
  const text = JSON.stringify(formatLinkStatement(one));
  expect(linkOfStatement(parseStatement(utf8(text)))).toEqual({
    ...one,
    materials: new Map(one.materials),
    products: new Map(one.products),
  });
  expect(codeOf(() => formatLinkStatement({ ...one, products: new Map() }))).toBe("INTOTO_STATEMENT_ARTIFACTS");
});

describe("layouts that ask for attestations", () => {
  const [bad, draft] = ["INTOTO_LAYOUT_MALFORMED", "INTOTO_DRAFT_UNSUPPORTED"];
  const predicate = expects(types.test, [bob.keyid]);
  test.each<[JsonObject, string]>([
    [{ expectedPredicates: [] }, bad],
    [{ expectedPredicates: [predicate, predicate] }, bad],
    [{ expectedPredicates: [{ ...predicate, threshold: 0 }] }, bad],
    [{ expectedPredicates: [{ ...predicate, threshold: "2" }] }, bad],
    [{ expectedPredicates: [{ ...predicate, functionaries: ["x"] }] }, bad],
    [{ expectedPredicates: [{ ...predicate, more: 1 }] }, bad],
    [{ expectedPredicates: [{ ...predicate, predicateType: "" }] }, bad],
    [{ expectedPredicates: [{ ...predicate, expectedAttributes: ["1 +"] }] }, "INTOTO_ATTRIBUTE_MALFORMED"],
    [{ expectedPredicates: [{ ...predicate, expectedAttributes: [{ rule: "true", allow: true }] }] }, bad],
    [{ expectedPredicates: [{ ...predicate, expectedProducts: [["EAT", "*"]] }] }, "INTOTO_RULE_MALFORMED"],
    [{ pubkeys: [bob.keyid] }, bad],
    [{ threshold: 1 }, bad],
    [{ expectedAttributes: ["true"] }, bad],
    [{ expected_predicates: [predicate] }, draft],
    [{ expectedMaterials: [] }, draft],
  ])("with %j", (change, code) => {
    expect(verdict({ test: change })).toBe(code);
  });

  test("ask for no more than is done", () => {
    const plain = chainLayout();
    const inspect = [
      {
        _type: "inspection",
        name: "look",
        run: [],
        expected_materials: [],
        expected_products: [],
        expectedAttributes: [],
      },
    ];
    for (const more of [{ subjects: [] }, { inspect }])
      expect(verdictOf({ layout: signed({ ...plain, ...more }, [owner]) })).toBe(draft);
  });

  test("attribute rules bind links too, and compat knows none of this", () => {
    const asks = (rule: string): JsonObject => layout([ada], [step("write", [ada], { expectedAttributes: [rule] })]);
    const given = {
      [`write.${ada.keyid.slice(0, 8)}.link`]: signed(
        link("write", { byproducts: { "return-value": 0, stderr: "oh" } }),
        [ada],
      ),
    };
    const judged = (rule: string, mode: "strict" | "compat" = "strict"): string =>
      verdictOf({ layout: signed(asks(rule), [owner], "dsse"), files: given, mode });
    expect(judged("byproducts['return-value'] == 0 && size(command) == 0")).toBe("allowed");
    expect(judged("size(byproducts.stderr) == 0")).toBe("INTOTO_ATTRIBUTE_FALSE");
    expect(judged("environment['x'] == ''")).toBe("INTOTO_ATTRIBUTE_ABSENT");
    expect(judged("size(byproducts.stderr) == 0", "compat")).toBe("allowed");
    expect(verdictOf({ ...questionOf({}, files()), mode: "compat" })).not.toBe("allowed");
  });
});

describe("a directory of attestations", () => {
  const folder = mkdtempSync(join(tmpdir(), "countersign-attested-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("only those that counted are hidden from inspections", () => {
    for (const [name, bytes] of Object.entries(files())) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, "test.evil.json"), "{}");
    writeFileSync(join(folder, "test.other.json"), signed(tested(), [mallory], "dsse"));
    mkdirSync(join(folder, "test.folder.json"));
    const links = openLinkDirectory(folder);
    const answered = verifyLayout({
      layout: parseMetadata(signed(chainLayout(), [owner]), "strict"),
      keys: [parseLayoutKey(owner.json)],
      links,
      now: testTime,
      substitutions: parseSubstitutions(["builder=builder"]),
    });
    expect(answered.verdict).toBe("allowed");
    expect(new Set([...links.opened].map((path) => basename(path)))).toEqual(new Set(Object.keys(files())));
    expect(answered.layout.steps[1]?.ignored.map(({ file }) => file)).toEqual(["test.evil.json", "test.other.json"]);
  });
});
