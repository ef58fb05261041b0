import { formatCanonicalJson, parseUtf8, utf8, type Json, type JsonObject } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkHashes, formatHashes, readHashes } from "./hashes.ts";
import { formatLink, maxLinkTextBytes, parseLink, readLink } from "./link.ts";
import { checkArtifactPath } from "./name.ts";
import { codeOf } from "./sample.contract.ts";

const sha256 = "ab".repeat(32);
const empty = { _type: "link", name: "s", materials: {}, products: {}, byproducts: {}, command: [], environment: {} };

function withProducts(products: Json): JsonObject {
  return { ...empty, products };
}

describe("artifacts", () => {
  const paths = fc.oneof(
    fc.constantFrom("__proto__", "constructor", 'a"b', "src/a", "ä/🙂", "a\nb", "toString", "0", "10", "9"),
    fc.string({ unit: fc.constantFrom("a", "b", "/", '"', ".", "🙂", ",", "}", ":") }),
  );
  const hashes = fc.oneof(
    fc.constant({ sha256 }),
    fc.constant({ sha256: "cd".repeat(32) }),
    fc.constant({ sha256, sha512: "0f".repeat(64) }),
    fc.constant({ "gitoid:blob:sha256": sha256 }),
  );

  test("are the map that the object is", () => {
    const property = fc.property(fc.array(fc.tuple(paths, hashes)), (entries) => {
      const expected = new Map(entries.filter(([path]) => codeOf(() => checkArtifactPath(path)) === "taken"));
      const { products } = parseLink(withProducts(Object.fromEntries(expected)));
      const written = new Map([...expected].map(([path, each]) => [path, formatHashes(each)]));
      const byPath = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : 1);
      expect([...products].toSorted(byPath)).toEqual([...written].toSorted(byPath));
      expect(products.size).toBe(written.size);
      expect(new Set(products.keys())).toEqual(new Set(written.keys()));
      expect([...products.values()].toSorted()).toEqual([...written.values()].toSorted());
      for (const [path] of entries) {
        expect(products.has(path)).toBe(written.has(path));
        expect(products.get(path)).toBe(written.get(path));
      }
      const seen: string[] = [];
      products.forEach((each, path, map) => seen.push(path, each, String(map === products)));
      expect(seen).toEqual([...products].flatMap(([path, each]) => [path, each, "true"]));
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("of a name too long for the quick way", () => {
    const path = "d/".repeat(5000) + "f";
    expect([...parseLink(withProducts({ [path]: { sha256 } })).products.keys()]).toEqual([path]);
    expect(codeOf(() => parseLink(withProducts({ [`${path}/../x`]: { sha256 } })))).toBe("INTOTO_NAME_UNSAFE");
  });

  test.each(["../a", "/a", "./a", "a//b", "a\\b", "", "a/", "a/.."])("I5: %j is refused, in compat taken", (path) => {
    const value = withProducts({ [path]: { sha256 } });
    expect(codeOf(() => parseLink(value))).toBe("INTOTO_NAME_UNSAFE");
    expect(parseLink(value, "compat").products.has(path)).toBe(true);
  });
});

describe("hashes", () => {
  test("are equal exactly if their texts are", () => {
    expect(formatHashes({ sha256, sha512: "00" })).toBe(formatHashes({ sha512: "00", sha256 }));
    expect(readHashes(formatHashes({ sha256, b: "00" }))).toEqual(
      new Map([
        ["b", "00"],
        ["sha256", sha256],
      ]),
    );
  });

  test.each<[Json, string, string]>([
    [{ sha256 }, "taken", "taken"],
    [{ sha256, sha384: "0a".repeat(48), md5: "00".repeat(16) }, "taken", "taken"],
    [{ other: "0f" }, "taken", "taken"],
    [{}, "INTOTO_LINK_MALFORMED", "taken"],
    [{ sha256: sha256.toUpperCase() }, "INTOTO_LINK_MALFORMED", "taken"],
    [{ sha256: "abc" }, "INTOTO_LINK_MALFORMED", "taken"],
    [{ sha256: `${sha256}\n` }, "INTOTO_LINK_MALFORMED", "taken"],
    [{ "": sha256 }, "INTOTO_LINK_MALFORMED", "taken"],
    [{ sha256: "" }, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [{ sha256: "xyz" }, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [{ sha256: 1 }, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [{ sha256: null }, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [[], "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [null, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
    [sha256, "INTOTO_LINK_MALFORMED", "INTOTO_LINK_MALFORMED"],
  ])("%j", (hashes, strict, compat) => {
    const text = parseUtf8(formatCanonicalJson(hashes));
    expect([codeOf(() => checkHashes(text, "strict")), codeOf(() => checkHashes(text, "compat"))]).toEqual([
      strict,
      compat,
    ]);
    expect(codeOf(() => parseLink(withProducts({ a: hashes })))).toBe(strict);
    expect(codeOf(() => parseLink(withProducts({ a: hashes }), "compat"))).toBe(compat);
  });

  test("of more algorithms than there are", () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, k) => [`h${k}`, sha256]));
    expect(codeOf(() => parseLink(withProducts({ a: many })))).toBe("INTOTO_LINK_MALFORMED");
  });
});

describe("the other members", () => {
  const full = {
    _type: "link",
    name: "write-code",
    materials: { a: { sha256 } },
    products: { b: { sha256 } },
    byproducts: { stdout: 'a"\\\n', "return-value": 0 },
    command: ["vi", "ä"],
    environment: { workdir: "/x" },
  };

  test("are read and written back", () => {
    const link = parseLink({ ...full, unknown: [1] });
    expect(link).toMatchObject({ name: "write-code", byproducts: full.byproducts, command: full.command });
    expect(formatLink(link)).toEqual(full);
    expect(formatLink(parseLink(formatLink(link)))).toEqual(full);
  });

  test.each(Object.keys(full))("I3: without %s strict refuses", (name) => {
    const { [name as "name"]: _, ...rest } = full;
    expect(codeOf(() => parseLink(rest))).toBe("INTOTO_LINK_MALFORMED");
    const isNeeded = name === "_type";
    expect(codeOf(() => parseLink(rest, "compat"))).toBe(isNeeded ? "INTOTO_LINK_MALFORMED" : "taken");
  });

  test.each<[string, Json]>([
    ["_type", "layout"],
    ["_type", null],
    ["materials", []],
    ["materials", null],
    ["products", "x"],
    ["byproducts", null],
    ["byproducts", []],
    ["environment", 1],
    ["command", "vi"],
    ["command", {}],
  ])("%s of %j is refused in both modes", (name, value) => {
    expect(codeOf(() => parseLink({ ...full, [name]: value }))).toBe("INTOTO_LINK_MALFORMED");
    expect(codeOf(() => parseLink({ ...full, [name]: value }, "compat"))).toBe("INTOTO_LINK_MALFORMED");
  });

  test("names and words of any type, as the reference has them, only in compat", () => {
    for (const [name, value] of [
      ["name", null],
      ["name", 5],
      ["command", [1, null]],
    ] as const) {
      expect(codeOf(() => parseLink({ ...full, [name]: value }))).toBe("INTOTO_LINK_MALFORMED");
    }
    expect(parseLink({ ...full, name: null, command: [1, "a"] }, "compat")).toMatchObject({
      name: "null",
      command: ["1", "a"],
    });
    expect(codeOf(() => parseLink({ ...full, name: "../x" }))).toBe("INTOTO_NAME_UNSAFE");
  });

  test("what is no object is no link", () => {
    for (const value of [null, [], "link", 1]) expect(codeOf(() => parseLink(value))).toBe("INTOTO_LINK_MALFORMED");
  });

  test("a member longer than any log is not read", () => {
    const text = JSON.stringify({ _type: "link", byproducts: { stdout: "x".repeat(maxLinkTextBytes) } });
    expect(codeOf(() => readLink(utf8(text), "compat"))).toBe("INTOTO_TOO_LARGE");
  });
});
