import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "./bytes.ts";
import { digestOf, parseDigest, type Digest } from "./digest.ts";
import { TrustError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { matchSubject, maxSubjectDigests, maxSubjects, parseStatement, type Statement } from "./statement.ts";

const artifact = utf8("hello");
const ours: readonly Digest[] = (["sha256", "sha384", "sha512"] as const).map((name) => digestOf(name, artifact));
const right = Object.fromEntries(
  ["sha256", "sha384", "sha512"].map((name) => [name, createHash(name).update(artifact).digest("hex")]),
) as Record<"sha256" | "sha384" | "sha512", string>;
const wrong = { sha256: "0".repeat(64), sha384: "0".repeat(96), sha512: "0".repeat(128) };

const v1: JsonObject = {
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "a", digest: { sha256: right.sha256 } }],
  predicateType: "https://slsa.dev/provenance/v1",
  predicate: { buildDefinition: {} },
};

function parse(value: unknown): Statement {
  return parseStatement(utf8(JSON.stringify(value)));
}

function refuse(value: unknown, code = "CORE_STATEMENT_MALFORMED"): TrustError {
  try {
    parseStatement(value instanceof Uint8Array ? value : utf8(JSON.stringify(value)));
  } catch (error) {
    expect(error).toBeInstanceOf(TrustError);
    expect(error).toMatchObject({ code, kind: "malformed" });
    return error as TrustError;
  }
  return expect.unreachable(`accepted ${JSON.stringify(value)}`);
}

function match(digest: Record<string, string>, digests: readonly Digest[] = ours): boolean {
  return matchSubject(parse({ ...v1, subject: [{ name: "a", digest }] }), digests) !== undefined;
}

describe("parseStatement", () => {
  test.each(["https://in-toto.io/Statement/v0.1", "https://in-toto.io/Statement/v1"] as const)("reads %s", (type) => {
    expect(parse({ ...v1, _type: type })).toEqual({
      type,
      subjects: [{ name: "a", digest: { sha256: right.sha256 } }],
      predicateType: "https://slsa.dev/provenance/v1",
      predicate: { buildDefinition: {} },
    });
  });

  test("name and predicate may be absent or null, other members are passed over", () => {
    const bare = { ...v1, subject: [{ digest: right, uri: "x", annotations: {} }], predicate: undefined, extra: 1 };
    const expected = { subjects: [{ digest: right }], predicate: null };
    expect(parse(bare)).toMatchObject(expected);
    expect(parse({ ...bare, predicate: null, subject: [{ name: null, digest: right }] })).toMatchObject(expected);
    expect(Object.hasOwn(parse(bare).subjects[0] as object, "name")).toBe(false);
  });

  test.each<[string, Json]>([
    ["text", "Tag: value"],
    ["list", [1, 2]],
    ["false", false],
    ["zero", 0],
    ["empty text", ""],
  ])("a predicate that is %s is kept as it is", (_, predicate) =>
    expect(parse({ ...v1, predicate }).predicate).toEqual(predicate),
  );

  const subject = { name: "a", digest: { sha256: right.sha256 } };
  test.each<[string, unknown]>([
    ["array", [v1]],
    ["null", null],
    ["text", "x"],
    ["nothing", {}],
    ["no type", { ...v1, _type: undefined }],
    ["type of another name", { ...v1, _type: undefined, type: v1["_type"] }],
    ["type v2", { ...v1, _type: "https://in-toto.io/Statement/v2" }],
    ["type v1.0", { ...v1, _type: "https://in-toto.io/Statement/v1.0" }],
    ["type with a slash", { ...v1, _type: "https://in-toto.io/Statement/v1/" }],
    ["type in capitals", { ...v1, _type: "HTTPS://in-toto.io/Statement/v1" }],
    ["type list", { ...v1, _type: [v1["_type"]] }],
    ["no subject", { ...v1, subject: undefined }],
    ["null subject", { ...v1, subject: null }],
    ["empty subject", { ...v1, subject: [] }],
    ["subject object", { ...v1, subject }],
    ["subject of text", { ...v1, subject: ["a"] }],
    ["subject null", { ...v1, subject: [null] }],
    ["subject list", { ...v1, subject: [[subject]] }],
    ["second subject bad", { ...v1, subject: [subject, {}] }],
    ["name number", { ...v1, subject: [{ ...subject, name: 1 }] }],
    ["no digest", { ...v1, subject: [{ name: "a" }] }],
    ["null digest", { ...v1, subject: [{ name: "a", digest: null }] }],
    ["empty digest", { ...v1, subject: [{ name: "a", digest: {} }] }],
    ["digest list", { ...v1, subject: [{ name: "a", digest: [right.sha256] }] }],
    ["digest text", { ...v1, subject: [{ name: "a", digest: right.sha256 }] }],
    ["digest value null", { ...v1, subject: [{ name: "a", digest: { sha256: null } }] }],
    ["digest value object", { ...v1, subject: [{ name: "a", digest: { sha256: {} } }] }],
    ["no predicate type", { ...v1, predicateType: undefined }],
    ["null predicate type", { ...v1, predicateType: null }],
    ["empty predicate type", { ...v1, predicateType: "" }],
    ["predicate type list", { ...v1, predicateType: ["x"] }],
  ])("refuses %s", (_, value) => void refuse(value));

  test("caps: subjects and digests", () => {
    const many = (count: number): unknown => ({ ...v1, subject: Array.from({ length: count }, () => subject) });
    expect(parse(many(maxSubjects)).subjects).toHaveLength(maxSubjects);
    refuse(many(maxSubjects + 1));
    const digests = (count: number): unknown => ({
      ...v1,
      subject: [{ digest: Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, "x"])) }],
    });
    expect(Object.keys(parse(digests(maxSubjectDigests)).subjects[0]?.digest ?? {})).toHaveLength(maxSubjectDigests);
    refuse(digests(maxSubjectDigests + 1));
  });

  test("JSON faults keep their own codes", () => {
    refuse(utf8("{"), "CORE_JSON_MALFORMED");
    refuse(utf8('{"_type":1,"_type":2}'), "CORE_JSON_DUPLICATE");
    refuse(utf8("[".repeat(100)), "CORE_JSON_DEPTH");
    refuse(new Uint8Array(17 * 1024 * 1024), "CORE_TOO_LARGE");
    refuse(Uint8Array.of(0xff), "CORE_JSON_MALFORMED");
  });

  test("a message says where, and repeats names of others escaped", () => {
    expect(refuse({ ...v1, subject: [subject, { digest: { "\u202e": 1 } }] }).message).toBe(
      String.raw`not an in-toto Statement: statement.subject[1].digest, expected a string, got another value of "\u202e"`,
    );
  });

  test("a digest named __proto__ is a digest like any other", () => {
    const payload = utf8(JSON.stringify(v1).replace('"sha256"', '"__proto__"'));
    const [first] = parseStatement(payload).subjects;
    expect(Object.keys(first?.digest ?? {})).toEqual(["__proto__"]);
    expect(matchSubject(parseStatement(payload), ours)).toBeUndefined();
  });
});

describe("matchSubject (S24)", () => {
  test.each<[string, Record<string, string>, boolean]>([
    ["sha256 right", { sha256: right.sha256 }, true],
    ["sha384 right", { sha384: right.sha384 }, true],
    ["sha512 right, and no sha256", { sha512: right.sha512 }, true],
    ["all right", right, true],
    ["sha256 right, sha512 wrong", { sha256: right.sha256, sha512: wrong.sha512 }, false],
    ["sha512 right, sha256 wrong", { sha256: wrong.sha256, sha512: right.sha512 }, false],
    ["sha384 wrong between two right", { ...right, sha384: wrong.sha384 }, false],
    ["sha256 wrong", { sha256: wrong.sha256 }, false],
    ["sha256 in capitals", { sha256: right.sha256.toUpperCase() }, false],
    ["sha256 right, sha512 in capitals", { ...right, sha512: right.sha512.toUpperCase() }, false],
    ["sha256 cut", { sha256: right.sha256.slice(0, 32) }, false],
    ["sha256 empty", { sha256: "" }, false],
    ["sha256 longer", { sha256: `${right.sha256}00` }, false],
    ["sha256 with its name", { sha256: `sha256:${right.sha256}` }, false],
    ["sha256 with a line feed", { sha256: `${right.sha256}\n` }, false],
    ["SHA256 as name", { SHA256: right.sha256 }, false],
    ["sha-256 as name", { "sha-256": right.sha256 }, false],
    ["only weak or unknown names", { sha1: "x", md5: "y", gitCommit: "z" }, false],
    ["a right value under another name", { sha1: right.sha256, sha512: right.sha256 }, false],
    ["sha256 right beside unknown ones", { sha256: right.sha256, sha1: "x", gitCommit: "y" }, true],
  ])("%s", (_, digest, expected) => expect(match(digest)).toBe(expected));

  test("of a digest alone, only what both know is compared", () => {
    const sha256 = [parseDigest(`sha256:${right.sha256}`)];
    expect(match({ sha256: right.sha256, sha512: right.sha512 }, sha256)).toBe(true);
    expect(match({ sha512: right.sha512 }, sha256)).toBe(false);
    expect(match({ sha256: wrong.sha256, sha512: right.sha512 }, sha256)).toBe(false);
    expect(match(right, [])).toBe(false);
  });

  test("gives the first subject that matches, and one good digest does not lend itself to another subject", () => {
    const subject = [
      { name: "bad", digest: { sha256: wrong.sha256 } },
      { name: "mixed", digest: { sha256: right.sha256, sha512: wrong.sha512 } },
      { name: "good", digest: { sha512: right.sha512 } },
      { name: "also", digest: right },
    ];
    expect(matchSubject(parse({ ...v1, subject }), ours)?.name).toBe("good");
    expect(matchSubject(parse({ ...v1, subject: subject.slice(0, 2) }), ours)).toBeUndefined();
  });

  test.each(["constructor", "toString", "__proto__", "hasOwnProperty"])(
    "a subject with only %s matches nothing",
    (name) => {
      const digest = JSON.parse(`{"${name}":"x"}`) as Record<string, string>;
      expect(matchSubject({ ...parse(v1), subjects: [{ digest }] }, ours)).toBeUndefined();
    },
  );

  test("property: as the rule reads", () => {
    const value = fc.constantFrom("right", "wrong", "absent");
    fc.assert(
      fc.property(fc.record({ sha256: value, sha384: value, sha512: value }), fc.subarray([...ours]), (plan, known) => {
        const names = (["sha256", "sha384", "sha512"] as const).filter((name) => plan[name] !== "absent");
        const digest = {
          md5: "x",
          ...Object.fromEntries(names.map((name) => [name, (plan[name] === "right" ? right : wrong)[name]])),
        };
        const shared = names.filter((name) => known.some((each) => each.startsWith(name)));
        expect(match(digest, known)).toBe(shared.length > 0 && shared.every((name) => plan[name] === "right"));
      }),
    );
  });
});

test("mangling: every byte of a Statement flipped, dropped, repeated, cut: a value or a TrustError", () => {
  const bytes = utf8(JSON.stringify(v1));
  const expected = parseStatement(bytes);
  let [accepted, matched] = [0, 0];
  const mangled = [...bytes.keys()].flatMap((at) => [
    ...[0x01, 0x20, 0x80, 0xff].map((mask) => bytes.with(at, (bytes[at] as number) ^ mask)),
    Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1)]),
    Uint8Array.from([...bytes.subarray(0, at + 1), ...bytes.subarray(at)]),
    bytes.subarray(0, at),
  ]);
  for (const each of mangled) {
    try {
      const statement = parseStatement(each);
      accepted++;
      if (matchSubject(statement, ours) !== undefined) matched++;
      expect(statement).not.toBe(expected);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
    }
  }
  expect(accepted).toBeGreaterThan(matched);
  expect(matched).toBeGreaterThan(0);
});
