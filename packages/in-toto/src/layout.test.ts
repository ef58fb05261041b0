import type { Json, JsonObject } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { formatLayout, maxCommandWords, maxLayoutItems, maxRules, parseLayout } from "./layout.ts";
import { codeOf } from "./sample.contract.ts";

const keyid = "70027b3196d548e4e60103011aa020e76b867734c714a2e4ca519c7fb5eeb05a";
const key = {
  keyid,
  keyid_hash_algorithms: ["sha256", "sha512"],
  keytype: "ed25519",
  keyval: { public: "7d12e5d179d511e2b6142117fb71dce626f4ffc867e08a51ec3a531b65d58121" },
  scheme: "ed25519",
};
const step: JsonObject = {
  _type: "step",
  name: "build",
  threshold: 1,
  pubkeys: [keyid],
  expected_command: ["make"],
  expected_materials: [["DISALLOW", "*"]],
  expected_products: [["CREATE", "out"]],
};
const inspection: JsonObject = {
  _type: "inspection",
  name: "untar",
  run: ["tar", "xf", "a.tar"],
  expected_materials: [],
  expected_products: [],
};
const layout: JsonObject = {
  _type: "layout",
  expires: "2050-01-01T00:00:00Z",
  readme: "hello",
  keys: { [keyid]: key },
  steps: [step],
  inspect: [inspection],
};

/** Both modes' codes. */
function codes(value: Json): readonly [strict: string, compat: string] {
  return [codeOf(() => parseLayout(value)), codeOf(() => parseLayout(value, "compat"))];
}
function withStep(change: JsonObject): JsonObject {
  return { ...layout, steps: [{ ...step, ...change }] };
}
function without(value: JsonObject, name: string): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([each]) => each !== name)) as JsonObject;
}
const bad = "INTOTO_LAYOUT_MALFORMED";

describe("a layout", () => {
  test("is read and written back, with members that are not known", () => {
    const value = { ...layout, extra: 1, steps: [{ ...step, more: [2] }] };
    const parsed = parseLayout(value);
    expect(parsed).toMatchObject({ expires: layout["expires"], expiresMs: Date.UTC(2050, 0, 1), readme: "hello" });
    expect(parsed.steps[0]).toMatchObject({ name: "build", threshold: 1, pubkeys: [keyid], expectedCommand: ["make"] });
    expect(parsed.inspections[0]).toMatchObject({ name: "untar", run: inspection["run"] });
    expect(parsed.keys.get(keyid)?.materialId).toMatch(/^[0-9a-f]{64}$/);
    expect(formatLayout(parsed)).toEqual(value);
  });

  test.each(Object.keys(layout))("needs %s", (name) => {
    const [strict, compat] = codes(without(layout, name));
    expect(strict).toBe(bad);
    expect(compat).toBe(name === "readme" || name === "keys" ? "taken" : bad);
  });

  test.each<[string, Json]>([
    ["_type", "link"],
    ["readme", 1],
    ["steps", {}],
    ["inspect", null],
    ["steps", ["x"]],
    ["keys", []],
    ["keys", { xyz: key }],
    ["keys", { [keyid]: 1 }],
  ])("with %s of %j is none", (name, value) => {
    const [strict] = codes({ ...layout, [name]: value });
    expect([bad, "INTOTO_KEY_MALFORMED"]).toContain(strict);
  });

  test.each([[null], [[]], ["x"]])("%j is none", (value) => {
    expect(codes(value)).toEqual([bad, bad]);
  });
});

describe("expires", () => {
  const far = [
    "2050-13-01T00:00:00Z",
    "2050-01-01T00:00:00+00:00",
    "2050-02-30T00:00:00Z",
    "2050-01-01T24:00:00Z",
    "2050-01-01T23:59:60Z",
  ];
  const odd = [
    "2050-01-01",
    "2050-01-01T00:00:00",
    "2050-01-01T00:00:00.000Z",
    "+012050-01-01T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "",
    "never",
    " 2050-01-01T00:00:00Z",
  ];
  test.each([...far, ...odd])("%s is no time", (expires) => {
    expect(codes({ ...layout, expires })).toEqual([bad, bad]);
  });

  test("a leap day is one, a line feed slips through the reference", () => {
    expect(codes({ ...layout, expires: "2048-02-29T23:59:59Z" })).toEqual(["taken", "taken"]);
    expect(codes({ ...layout, expires: "2050-01-01T00:00:00Z\n" })).toEqual([bad, "taken"]);
    expect(codes({ ...layout, expires: 2050 })).toEqual([bad, bad]);
  });
});

describe("a step", () => {
  test.each<[Json, string, string]>([
    [1, "taken", "taken"],
    [1000, "taken", "taken"],
    [0, bad, "taken"],
    [-1, bad, "taken"],
    [true, bad, "taken"],
    ["1", bad, bad],
    [null, bad, bad],
    [[1], bad, bad],
  ])("I4: threshold %j", (threshold, strict, compat) => {
    expect(codes(withStep({ threshold }))).toEqual([strict, compat]);
  });

  test("I4: a threshold of true is 1 to the reference, and so is none", () => {
    expect(parseLayout(withStep({ threshold: true }), "compat").steps[0]?.threshold).toBe(1);
    expect(parseLayout({ ...layout, steps: [without(step, "threshold")] }, "compat").steps[0]?.threshold).toBe(1);
  });

  test.each(["../x", "a/b", "", ".", "a\n"])("I5: has no name like %j", (name) => {
    expect(codes(withStep({ name }))).toEqual(["INTOTO_NAME_UNSAFE", "taken"]);
    expect(codes({ ...layout, inspect: [{ ...inspection, name }] })).toEqual(["INTOTO_NAME_UNSAFE", "taken"]);
  });

  test("has a name of its own, also among inspections", () => {
    expect(codes({ ...layout, steps: [step, step] })).toEqual([bad, bad]);
    expect(codes({ ...layout, inspect: [{ ...inspection, name: "build" }] })).toEqual([bad, bad]);
    expect(codes(withStep({ name: 5 }))).toEqual([bad, bad]);
  });

  test.each(["_type", "pubkeys", "expected_command", "expected_materials", "expected_products"])("needs %s", (name) => {
    expect(codes({ ...layout, steps: [without(step, name)] })).toEqual([bad, "taken"]);
  });

  test.each<[string, Json, string, string]>([
    ["_type", "inspection", bad, "taken"],
    ["pubkeys", ["xyz"], bad, bad],
    ["pubkeys", ["AB"], bad, "taken"],
    ["pubkeys", [1], bad, bad],
    ["pubkeys", "ab", bad, bad],
    ["expected_command", ["a", 1], bad, "taken"],
    ["expected_command", "make", bad, bad],
    ["expected_materials", {}, bad, bad],
    ["expected_materials", [["EAT", "*"]], "INTOTO_RULE_MALFORMED", "INTOTO_RULE_MALFORMED"],
    ["expected_products", ["ALLOW"], "INTOTO_RULE_MALFORMED", "INTOTO_RULE_MALFORMED"],
    ["cert_constraints", [1], "INTOTO_CERTIFICATE_MALFORMED", "INTOTO_CERTIFICATE_MALFORMED"],
  ])("with %s of %j", (name, value, strict, compat) => {
    expect(codes(withStep({ [name]: value }))).toEqual([strict, compat]);
  });

  test("can be done by certificates", () => {
    const constraint = { common_name: "*", uris: ["spiffe://a"] };
    const [parsed] = parseLayout(withStep({ cert_constraints: [constraint] })).steps;
    const lists = { dnsNames: [], emails: [], organizations: [], roots: [] };
    expect(parsed?.certificateConstraints).toEqual([{ commonName: "*", uris: ["spiffe://a"], ...lists }]);
  });
});

test("an inspection's command is strings in both modes", () => {
  expect(codes({ ...layout, inspect: [{ ...inspection, run: [1] }] })).toEqual([bad, bad]);
  expect(codes({ ...layout, inspect: [without(inspection, "run")] })).toEqual([bad, "taken"]);
  expect(codes({ ...layout, inspect: [{ ...inspection, _type: "step" }] })).toEqual([bad, "taken"]);
});

describe("keys", () => {
  test("stand under their own ids", () => {
    const other = "ab".repeat(32);
    expect(codes({ ...layout, keys: { [other]: key } })).toEqual(["INTOTO_KEY_MALFORMED", "taken"]);
    expect(codes({ ...layout, keys: { [other]: without(key, "keyid") } })).toEqual(["INTOTO_KEY_MALFORMED", "taken"]);
  });

  test("of kinds that are not supported are kept until they are needed", () => {
    const unsupported = { ...key, keytype: "ecdsa", scheme: "ecdsa-sha2-nistp192" };
    const parsed = parseLayout({ ...layout, keys: { [keyid]: unsupported } }).keys.get(keyid);
    expect(parsed?.check).toMatchObject({ kind: "unusable", error: { code: "INTOTO_KEY_UNSUPPORTED" } });
  });

  test("that are broken are refused, in compat not before they are needed", () => {
    const broken = { ...key, keyval: { public: "7d" } };
    expect(codes({ ...layout, keys: { [keyid]: broken } })).toEqual(["INTOTO_KEY_MALFORMED", "taken"]);
    expect(codes({ ...layout, keys: { [keyid]: null } })).toEqual(["INTOTO_KEY_MALFORMED", "INTOTO_KEY_MALFORMED"]);
  });
});

describe("I7: sizes", () => {
  test("more steps, rules, words and keys than any honest layout are refused", () => {
    const manySteps = Array.from({ length: maxLayoutItems + 1 }, (_, k) => ({ ...step, name: `s${k}` }));
    expect(codes({ ...layout, steps: manySteps })[0]).toBe(bad);
    expect(codes(withStep({ expected_command: Array.from({ length: maxCommandWords + 1 }, () => "a") }))[0]).toBe(bad);
    const keys = Object.fromEntries(
      Array.from({ length: maxLayoutItems + 1 }, (_, k) => [(k + 0x10000).toString(16), key]),
    );
    expect(codes({ ...layout, keys })[0]).toBe(bad);
  });

  test("a million rules are read in good time, one more not at all", () => {
    const rule = ["ALLOW", "*"];
    const started = process.threadCpuUsage();
    const half = Array.from({ length: maxRules / 2 }, () => rule);
    expect(codes(withStep({ expected_materials: half, expected_products: half }))[0]).toBe("taken");
    expect(codes(withStep({ expected_materials: [...half, rule], expected_products: half }))[0]).toBe(bad);
    expect(process.threadCpuUsage(started).user / 1000).toBeLessThan(8000);
  });
});
