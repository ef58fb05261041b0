import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseStatement, utf8, type JsonObject } from "@countersign/core";
import { afterAll, describe, expect, test } from "vitest";
import {
  ask,
  artifacts,
  hashOf,
  layout,
  link,
  owner,
  person,
  renamed,
  signed,
  step,
  testTime,
  verdictOf,
} from "../chain.contract.ts";
import { formatLayoutReport, formatLayoutTable } from "../explain.ts";
import { parseLink } from "../link.ts";
import { stepOfFile } from "../link-source.ts";
import { codeOf } from "../sample.contract.ts";
import { parseSubstitutions } from "../substitution.ts";
import { formatLinkStatement, linkOf as linkOfStatement } from "./statement-artifact.ts";
import { parseLayoutKey } from "../key.ts";
import { openLinkDirectory } from "../link-source.node.ts";
import { parseMetadata } from "../metadata.ts";
import { verifyLayout, type Verification } from "../verify.ts";

const [ada, bob, mallory] = [person("ada"), person("bob"), person("mallory")];
const types = {
  link: "https://in-toto.io/attestation/link/v0.3",
  provenance: "https://slsa.dev/provenance/v1",
  test: "https://in-toto.io/attestation/test-result/v0.1",
} as const;
const closed = ["DISALLOW", "*"];

/** A Statement about files, named with their content. */
function statement(
  predicateType: string,
  files: Readonly<Record<string, string>>,
  predicate: JsonObject,
  more: JsonObject = {},
): JsonObject {
  const subject = Object.entries(files).map(([name, content]) => ({ name, digest: hashOf(content) }));
  return { _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate, ...more };
}

function named(files: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(files).map(([name, content]) => ({ name, digest: hashOf(content) }));
}

const linkOf = (name: string, products: Readonly<Record<string, string>>, more: JsonObject = {}): JsonObject =>
  statement(types.link, products, { name, command: [], materials: [], byproducts: { "return-value": 0 }, ...more });
const tested = (result = "PASSED", files: Readonly<Record<string, string>> = { src: "code" }): JsonObject =>
  statement(types.test, files, { result, configuration: [], failedTests: result === "PASSED" ? [] : ["unit"] });
const built = (more: JsonObject = {}): JsonObject =>
  statement(
    types.provenance,
    { app: "binary" },
    {
      buildDefinition: {
        buildType: "https://ci.example/build",
        externalParameters: {},
        resolvedDependencies: [
          ...named({ src: "code" }),
          { uri: "git+https://git.example/app@v1", digest: { gitCommit: "ab".repeat(20) } },
        ],
      },
      runDetails: { builder: { id: "https://ci.example/builder" } },
      ...more,
    },
  );

type Changes = Readonly<Partial<Record<"write" | "test" | "build", JsonObject>>>;

function attested(name: string, predicates: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const rules = { expected_materials: [closed], expected_products: [closed] };
  return { _type: "step", name, ...rules, expectedPredicates: predicates, ...more };
}

const expects = (predicateType: string, who: readonly string[], more: JsonObject = {}): JsonObject => ({
  predicateType,
  functionaries: who,
  ...more,
});

/** Written by Ada, tested by Bob, built by Ada: the layout of ITE-11's prototype, in our spelling. */
function chainLayout(changes: Changes = {}): JsonObject {
  const match = (name: string, from: string): readonly string[] => ["MATCH", name, "WITH", "PRODUCTS", "FROM", from];
  return layout(
    [ada, bob],
    [
      attested("write", [expects(types.link, [ada.keyid])], {
        expected_products: [["CREATE", "src"], closed],
        ...changes.write,
      }),
      attested(
        "test",
        [
          expects(types.test, [bob.keyid], {
            expectedAttributes: ["result == 'PASSED'", "size(predicate.failedTests) == 0"],
          }),
        ],
        { expected_materials: [match("src", "write"), closed], ...changes.test },
      ),
      attested(
        "build",
        [
          expects(types.provenance, [ada.keyid], {
            expectedAttributes: [
              { rule: "runDetails.builder.id == 'https://ci.example/{builder}'", allowIfNoClaim: false, debug: "x" },
            ],
          }),
        ],
        {
          expected_materials: [match("src", "write"), ["ALLOW", "git+https://git.example/*"], closed],
          expected_products: [["CREATE", "app"], closed],
          ...changes.build,
        },
      ),
    ],
  );
}

interface Files {
  readonly [name: string]: Uint8Array;
}

const files = (more: Files = {}): Files => ({
  "write.link.json": signed(linkOf("write", { src: "code" }), [ada], "dsse"),
  "test.result.json": signed(tested(), [bob], "dsse"),
  "build.provenance.sigstore.json": signed(built(), [ada], "dsse"),
  ...more,
});

function questionOf(changes: Changes, given: Files): Parameters<typeof ask>[0] {
  const substitutions = parseSubstitutions(["builder=builder"]);
  return { layout: signed(chainLayout(changes), [owner], "dsse"), files: given, substitutions };
}

const answer = (changes: Changes = {}, given: Files = files()): Verification => ask(questionOf(changes, given));
const verdict = (changes: Changes = {}, given: Files = files()): string => verdictOf(questionOf(changes, given));

/** Codes of files that were set aside. */
const ignoredCodes = (given: Files, changes: Changes = {}): string[] =>
  answer(changes, given).layout.steps.flatMap(({ ignored }) => ignored.map(({ code }) => code));

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

describe("attacks on attestations", () => {
  const replaced = (name: string, payload: JsonObject, who = ada): Files =>
    files({ [name]: signed(payload, [who], "dsse") });

  test("nobody else may attest, nor who may attest something else", () => {
    for (const who of [mallory, ada]) {
      const given = replaced("test.result.json", tested(), who);
      expect(verdict({}, given)).toBe("INTOTO_STATEMENT_MISSING");
      expect(ignoredCodes(given)).toEqual(["INTOTO_STATEMENT_UNUSABLE"]);
    }
  });

  test("one type does not pass for another, nor a link for a Statement, nor a Statement for a link", () => {
    expect(verdict({}, replaced("test.result.json", { ...tested(), predicateType: types.provenance }, bob))).toBe(
      "INTOTO_STATEMENT_MISSING",
    );
    expect(verdict({}, replaced("test.result.json", { ...tested(), predicateType: `${types.test}/` }, bob))).toBe(
      "INTOTO_STATEMENT_MISSING",
    );
    expect(
      ignoredCodes(replaced("write.link.json", link("write", { products: artifacts({ src: "code" }) }))),
    ).toContain("CORE_STATEMENT_MALFORMED");
    const classic = layout([ada], [step("write", [ada])]);
    const name = `write.${ada.keyid.slice(0, 8)}.link`;
    const given = { [name]: signed(linkOf("write", { src: "code" }), [ada], "dsse") };
    expect(verdictOf({ layout: signed(classic, [owner]), files: given })).toBe("INTOTO_METADATA_TYPE");
  });

  test("what is signed under another payload type is nothing", () => {
    const envelope = JSON.parse(new TextDecoder().decode(files()["test.result.json"])) as JsonObject;
    const given = files({
      "test.result.json": Buffer.from(JSON.stringify({ ...envelope, payloadType: "text/plain" })),
    });
    expect(ignoredCodes(given)).toEqual(["INTOTO_STATEMENT_UNUSABLE"]);
    const changed = Buffer.from(JSON.stringify(tested("PASSED", { src: "evil" }))).toString("base64");
    const forged = files({ "test.result.json": Buffer.from(JSON.stringify({ ...envelope, payload: changed })) });
    expect(ignoredCodes(forged)).toEqual(["INTOTO_STATEMENT_UNUSABLE"]);
  });

  test("a signature without a key id is tried with each functionary", () => {
    const envelope = JSON.parse(new TextDecoder().decode(files()["test.result.json"])) as {
      readonly signatures: readonly JsonObject[];
    };
    const [{ sig = "" } = {}] = envelope.signatures;
    const bare = files({ "test.result.json": Buffer.from(JSON.stringify({ ...envelope, signatures: [{ sig }] })) });
    expect(verdict({}, bare)).toBe("allowed");
  });

  test("subjects that are not the products, or not what was written", () => {
    expect(verdict({}, replaced("test.result.json", tested("PASSED", { src: "other code" }), bob))).toBe(
      "INTOTO_RULE_DISALLOWED",
    );
    expect(verdict({}, replaced("test.result.json", tested("PASSED", { other: "code" }), bob))).toBe(
      "INTOTO_RULE_DISALLOWED",
    );
    const evil = { ...built(), subject: named({ app: "binary", evil: "binary" }) };
    expect(verdict({}, replaced("build.provenance.sigstore.json", evil))).toBe("INTOTO_RULE_DISALLOWED");
  });

  test("the link of another step, or of a command that failed", () => {
    expect(verdict({}, replaced("write.link.json", linkOf("prepare", { src: "code" })))).toBe("INTOTO_LINK_NAME");
    const failed = linkOf("write", { src: "code" }, { byproducts: { "return-value": 1 } });
    expect(verdict({}, replaced("write.link.json", failed))).toBe("INTOTO_STEP_FAILED");
  });

  test("files of another step are not looked at", () => {
    const { "test.result.json": result, ...others } = files();
    expect(verdict({}, { ...others, "test.it.result.json": result as Uint8Array })).toBe("INTOTO_STATEMENT_MISSING");
    expect(["a.b.json", "a.b.sigstore.json", "a.b.c.json", "a.json", ".json", "a..json"].map(stepOfFile)).toEqual([
      "a",
      "a",
      "a.b",
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("a threshold counts people: not files, ids or signatures of one", () => {
    const again = renamed(bob, "cd".repeat(32));
    const two = (who: readonly string[]): JsonObject => ({
      expectedPredicates: [expects(types.test, who, { threshold: 2 })],
    });
    const asked = (who: readonly string[], given: Files): string => {
      const base = chainLayout({ test: two(who) });
      const keys = { ...(base["keys"] as JsonObject), [again.keyid]: again.json, [mallory.keyid]: mallory.json };
      const substitutions = parseSubstitutions(["builder=builder"]);
      return verdictOf({ layout: signed({ ...base, keys }, [owner]), files: given, substitutions });
    };
    const twice = files({ "test.again.json": signed(tested(), [bob, again], "dsse") });
    expect(asked([bob.keyid, again.keyid], twice)).toBe("INTOTO_STATEMENT_MISSING");
    expect(asked([bob.keyid, bob.keyid], twice)).toBe("INTOTO_STATEMENT_MISSING");
    const joint = files({ "test.result.json": signed(tested(), [bob, mallory], "dsse") });
    expect(asked([bob.keyid, mallory.keyid], joint)).toBe("allowed");
    const apart = files({ "test.other.json": signed(tested("PASSED", { src: "other" }), [mallory], "dsse") });
    expect(asked([bob.keyid, mallory.keyid], apart)).toBe("INTOTO_STATEMENTS_DISAGREE");
  });

  test("two predicates of one step that give one name to two things", () => {
    const write = {
      expectedPredicates: [expects(types.link, [ada.keyid]), expects(types.test, [bob.keyid])],
      expected_materials: [["ALLOW", "*"]],
    };
    const link3 = linkOf("write", { src: "code" }, { materials: named({ src: "old" }) });
    const given = (content: string): Files =>
      files({
        "write.link.json": signed(link3, [ada], "dsse"),
        "write.test.json": signed(tested("PASSED", { src: content }), [bob], "dsse"),
      });
    const modify = { ...write, expected_products: [["MODIFY", "src"], closed] };
    expect(verdict({ write: modify }, given("old"))).toBe("allowed");
    expect(verdict({ write: modify }, given("code"))).toBe("INTOTO_STATEMENTS_DISAGREE");
  });

  test.each<[string, readonly JsonObject[], string]>([
    ["a name twice", [...named({ src: "code" }), ...named({ src: "evil" })], "INTOTO_STATEMENT_ARTIFACTS"],
    ["a way out", named({ "../src": "code" }), "INTOTO_NAME_UNSAFE"],
    ["an absolute path", named({ "/src": "code" }), "INTOTO_NAME_UNSAFE"],
    ["no subject", [], "CORE_STATEMENT_MALFORMED"],
    ["no digest", [{ name: "src", digest: {} }], "CORE_STATEMENT_MALFORMED"],
  ])("subjects with %s", (_, subject, code) => {
    const given = replaced("write.link.json", { ...linkOf("write", {}), subject });
    expect(ignoredCodes(given)).toEqual([code]);
    expect(verdict({}, given)).toBe("INTOTO_STATEMENT_MISSING");
  });

  test("a subject without a name is seen by rules under its digest", () => {
    const nameless = (predicate: JsonObject): JsonObject => ({
      ...predicate,
      subject: [{ digest: { gitCommit: "ab".repeat(20) } }],
    });
    expect(verdict({}, replaced("test.result.json", nameless(tested()), bob))).toBe("INTOTO_RULE_DISALLOWED");
    const test = { expected_materials: [["ALLOW", `gitCommit:${"ab".repeat(20)}`], closed] };
    expect(verdict({ test }, replaced("test.result.json", nameless(tested()), bob))).toBe("allowed");
    expect(verdict({}, replaced("write.link.json", nameless(linkOf("write", {}))))).toBe("INTOTO_STATEMENT_ARTIFACTS");
  });

  test("garbage beside good files harms nothing", () => {
    const garbage = ["", "{", "[]", '{"mediaType":"x"}', "null", '{"payload":1}'];
    const more = Object.fromEntries(garbage.map((text, at) => [`test.g${at}.json`, Buffer.from(text)]));
    expect(verdict({}, files(more))).toBe("allowed");
    expect(ignoredCodes(files(more))).toHaveLength(garbage.length);
  });

  test("a required run is not met by attestations that cannot name one", () => {
    expect(verdictOf({ ...questionOf({}, files()), runBinding: { id: "run 1" } })).toBe("INTOTO_RUN_MISSING");
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
