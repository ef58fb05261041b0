import type { JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { artifacts, layout, link, owner, renamed, signed, step, verdictOf } from "../chain.contract.ts";
import { stepOfFile } from "../link-source.ts";
import { parseSubstitutions } from "../substitution.ts";
import {
  ada,
  bob,
  mallory,
  types,
  closed,
  named,
  linkOf,
  tested,
  built,
  expects,
  chainLayout,
  type Files,
  files,
  questionOf,
  verdict,
  ignoredCodes,
} from "./attested.contract.ts";

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
