import { readFileSync } from "node:fs";
import { TrustError, type Json, type JsonObject } from "@countersign/core";
import { parsePolicy } from "@countersign/policy";
import { extensionNames } from "@countersign/sigstore";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

const schema = JSON.parse(
  readFileSync(new URL("../../../docs/formats/policy.schema.json", import.meta.url), "utf8"),
) as JsonObject;
const claims = new Set(extensionNames.values());

/** Just the keywords that the published schema uses (JSON Schema 2020-12); any other is a bug of this test. */
const keywords: Readonly<Record<string, (rule: Json, value: Json, all: JsonObject) => boolean>> = {
  $schema: () => true,
  $id: () => true,
  $comment: () => true,
  $defs: () => true,
  title: () => true,
  description: () => true,
  $ref: (rule, value) => isValid((schema["$defs"] as JsonObject)[(rule as string).slice("#/$defs/".length)], value),
  type: (rule, value) => rule === typeOf(value) || (rule === "number" && typeOf(value) === "integer"),
  const: (rule, value) => rule === value,
  enum: (rule, value) => (rule as readonly Json[]).includes(value),
  oneOf: (rule, value) => (rule as readonly Json[]).filter((each) => isValid(each, value)).length === 1,
  required: (rule, value) =>
    !isObject(value) || (rule as readonly string[]).every((name) => Object.hasOwn(value, name)),
  properties: (rule, value) =>
    !isObject(value) ||
    Object.entries(rule as JsonObject).every(
      ([name, each]) => !Object.hasOwn(value, name) || isValid(each, value[name]),
    ),
  additionalProperties: (rule, value, all) =>
    !isObject(value) ||
    Object.keys(value)
      .filter((name) => !Object.hasOwn((all["properties"] ?? {}) as JsonObject, name))
      .every((name) => isValid(rule, value[name])),
  propertyNames: (rule, value) => !isObject(value) || Object.keys(value).every((name) => isValid(rule, name)),
  items: (rule, value) => !Array.isArray(value) || (value as readonly Json[]).every((each) => isValid(rule, each)),
  minItems: (rule, value) => !Array.isArray(value) || value.length >= Number(rule),
  maxItems: (rule, value) => !Array.isArray(value) || value.length <= Number(rule),
  minimum: (rule, value) => typeof value !== "number" || value >= Number(rule),
  maximum: (rule, value) => typeof value !== "number" || value <= Number(rule),
  minLength: (rule, value) => typeof value !== "string" || [...value].length >= Number(rule),
  maxLength: (rule, value) => typeof value !== "string" || [...value].length <= Number(rule),
  pattern: (rule, value) => typeof value !== "string" || new RegExp(rule as string, "u").test(value),
};

function isValid(rule: Json | undefined, value: Json | undefined): boolean {
  if (rule === false || rule === undefined || value === undefined) return false;
  if (rule === true) return true;
  const all = rule as Readonly<Record<string, Json>>;
  return Object.entries(all).every(([name, each]) => keywords[name]?.(each, value, all));
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function typeOf(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

async function parserSays(value: Json): Promise<string> {
  try {
    await parsePolicy(value, claims);
    return "right";
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

const logId = "c3RhbmQgaW4gZm9yIGEgbG9nIGlkLCAzMiBieXRlcyE=";
/** Every member that there is, so that each can be damaged. */
const full: Json = {
  version: "countersign.policy/v1",
  signers: [
    { identity: "ada@example.com", issuer: { exact: "https://issuer.example" } },
    { identity: { glob: "https://x/*" }, issuer: { pattern: "https://[a-z]+" }, claims: { buildTrigger: "push" } },
    { key: "release.pub" },
    { pem: "PEM" },
    { keyid: "ab".repeat(32) },
  ],
  threshold: 2,
  require: { scts: 0, logEntries: 1, times: 32 },
  predicateType: "https://x/v1",
  deny: {
    certificates: [`sha256:${"ab".repeat(32)}`],
    keys: ["cd".repeat(32)],
    logEntries: [
      { logId, index: 7 },
      { logId: "c3Rhbg==", index: "9223372036854775807" },
    ],
  },
  witnesses: "quorum none",
  secondOpinion: true,
};

type Path = readonly (string | number)[];

function pathsOf(value: Json, at: Path = []): readonly Path[] {
  const inner = isObject(value) ? Object.keys(value) : Array.isArray(value) ? [...value.keys()] : [];
  return [at, ...inner.flatMap((step) => pathsOf((value as JsonObject)[step] as Json, [...at, step]))];
}

/** A copy in which what stands at `path` is another, or, where `value` is undefined, is gone. */
function changed(from: Json, [step, ...rest]: Path, value: Json | undefined): Json | undefined {
  if (step === undefined) return value;
  if (typeof from !== "object" || from === null) return from;
  const inner = changed((from as JsonObject)[step] as Json, rest, value);
  if (Array.isArray(from))
    return (from as Json[]).flatMap((each, at) => (at === step ? (inner === undefined ? [] : [inner]) : [each]));
  return Object.fromEntries(
    Object.entries({ ...(from as JsonObject), [step]: inner }).filter(([, each]) => each !== undefined),
  ) as Json;
}

const id = "ab".repeat(32);
const forms = ["", "x", "a\n", "1", "01", "-1", "9223372036854775808", "92233720368547758070", "countersign.policy/v2"];
const encoded = ["AAAA", "AAAAAA", "AAAAAA==", "AAAAAB==", logId, `${logId} `, logId.replace("E=", "F=")];
const named = [id, id.toUpperCase(), `${id}\n`, `sha256:${id}`, `sha512:${id}${id}`];
const long = ["a".repeat(4096), "a".repeat(4097)];
const numbers = [0, -1, 1, 1.5, 32, 33, 1e21, 2 ** 53];
const replacements: readonly (Json | undefined)[] = [
  ...forms,
  ...encoded,
  ...named,
  ...long,
  ...numbers,
  undefined,
  null,
  true,
  false,
  [],
  ["x"],
  [null],
  {},
  { x: 1 },
  { exact: "" },
  { exact: "x" },
  { glob: "" },
  { glob: "*" },
  { glob: "a".repeat(4097) },
  { glob: "a", pattern: "b" },
  { pattern: "" },
  { pattern: "a*" },
  { buildTrigger: "x" },
  { buildTrigger: "" },
  { builtTrigger: "x" },
  { key: "" },
  { key: "a", keyid: id },
  { pem: "" },
  { keyid: id },
  { identity: "a" },
  { identity: "a", issuer: "b", keyid: id },
  { logId, index: -1 },
  { logId, index: 1, more: 1 },
  { logId: "AAAAAA==", index: 0 },
  { times: 0 },
  { time: 0 },
  ...[1000, 1001].flatMap((length) => [
    Array.from({ length }, () => ({ keyid: id })),
    Array.from({ length }, () => id),
  ]),
];
const other = fc.constantFrom(...replacements);

describe("the published schema of policies", () => {
  test("accepts what the parser accepts, and nothing else", async () => {
    expect(await parserSays(full)).toBe("right");
    expect(isValid(schema, full)).toBe(true);
    const seen = new Map<string, number>();
    const damage = fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constant("extra"), fc.constant("")), other), {
      minLength: 1,
      maxLength: 2,
    });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const value = changes.reduce<Json>((from, [at, name, to]) => {
          const paths = pathsOf(from);
          const path = paths[at % paths.length] as Path;
          return changed(from, name === "" ? path : [...path.slice(0, -1), name], to) ?? null;
        }, full);
        const says = await parserSays(value);
        seen.set(says, (seen.get(says) ?? 0) + 1);
        expect(says === "right", JSON.stringify(value)).toBe(isValid(schema, value));
      }),
      { seed: 5, numRuns: 3000 },
    );
    // Both answers, and each kind of refusal, were among them.
    expect([...seen.keys()]).toEqual(expect.arrayContaining(["right", "POLICY_FILE_MALFORMED", "POLICY_DENY_INVALID"]));
  });

  test("names every claim that a certificate can make", () => {
    const names = (
      (schema["$defs"] as JsonObject)["signer"] as {
        oneOf: { properties: { claims?: { propertyNames: { enum: string[] } } } }[];
      }
    ).oneOf[0]?.properties.claims?.propertyNames.enum;
    expect(names).toEqual([...claims]);
  });
});
