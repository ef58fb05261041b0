import { formatPem, generateSigner, type JsonObject } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatHashes } from "./hashes.ts";
import { maxNamedFiles, proposeLayout, type InitOptions, type LinkSample } from "./init.ts";
import { legacyKeyId } from "./key-id.ts";
import { parseLayoutKey, type LayoutKey } from "./key.ts";
import { parseLayout } from "./layout.ts";
import { lintLayout } from "./lint.ts";
import { applyRules } from "./match.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Link } from "./link.ts";

function makeKey(): LayoutKey {
  const text = formatPem("PUBLIC KEY", generateSigner("ecdsa-p256-sha256").spki);
  const parts = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", public: text };
  const { public: pem, ...rest } = parts;
  return parseLayoutKey(
    { ...rest, keyid_hash_algorithms: ["sha256", "sha512"], keyval: { public: pem } },
    legacyKeyId(parts),
  );
}

const [ada, bob] = [makeKey(), makeKey()];
const options: InitOptions = { expires: "2027-01-01T00:00:00Z", keys: [ada, bob] };

/** Paths, each with a letter for its content. */
type Files = Readonly<Record<string, string>>;

function artifactsOf(files: Files): Artifacts {
  return new Map(
    Object.entries(files).map(([path, content]) => [path, formatHashes({ sha256: content.repeat(64).slice(0, 64) })]),
  );
}

function sample(name: string, materials: Files, products: Files, keyids: readonly string[] = [ada.keyid]): LinkSample {
  const link: Link = {
    name,
    materials: artifactsOf(materials),
    products: artifactsOf(products),
    byproducts: {},
    command: ["make", name],
    environment: {},
  };
  return { link, keyids };
}

const clone = sample("clone", {}, { "src/a.c": "a", "src/b.c": "b" });
const build = sample("build", { "src/a.c": "a", "src/b.c": "b" }, { "src/a.c": "a", "src/b.c": "c", app: "d" }, [
  bob.keyid,
]);

function rulesOf(layout: JsonObject, step: number, side: "materials" | "products"): unknown {
  const steps = layout["steps"] as unknown as readonly Readonly<Record<string, unknown>>[];
  return steps[step]?.[`expected_${side}`];
}

describe("a proposal", () => {
  const layout = proposeLayout([build, clone], options);

  test("puts steps in the order in which artifacts flow, with who signed and what ran", () => {
    expect(layout["steps"]).toMatchObject([
      { name: "clone", pubkeys: [ada.keyid], threshold: 1, expected_command: ["make", "clone"] },
      { name: "build", pubkeys: [bob.keyid], threshold: 1, expected_command: ["make", "build"] },
    ]);
    expect(Object.keys(layout["keys"] as object)).toEqual([ada.keyid, bob.keyid]);
  });

  test("has rules for what came, stayed, changed and was made", () => {
    expect(rulesOf(layout, 0, "materials")).toEqual([["DISALLOW", "*"]]);
    expect(rulesOf(layout, 0, "products")).toEqual([
      ["CREATE", "src/a.c"],
      ["CREATE", "src/b.c"],
      ["DISALLOW", "*"],
    ]);
    expect(rulesOf(layout, 1, "materials")).toEqual([
      ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "clone"],
      ["DISALLOW", "*"],
    ]);
    expect(rulesOf(layout, 1, "products")).toEqual([
      ["MATCH", "*", "WITH", "MATERIALS", "FROM", "build"],
      ["MODIFY", "src/b.c"],
      ["CREATE", "app"],
      ["DISALLOW", "*"],
    ]);
  });

  test("has an inspection of the product if one is asked for", () => {
    const { inspections } = parseLayout(proposeLayout([clone, build], { ...options, productDirectory: "." }));
    expect(inspections).toMatchObject([{ name: "product", run: ["countersign:dir", "."] }]);
    const part = parseLayout(proposeLayout([clone], { ...options, productDirectory: "src/" }));
    expect(part.inspections).toMatchObject([
      {
        run: ["countersign:dir", "src"],
        expectedProducts: [{ kind: "match", destinationPrefix: "src" }, { kind: "disallow" }],
      },
    ]);
    expect(layout["inspect"]).toEqual([]);
  });

  test("names directories where files are many, and escapes wildcards", () => {
    const many = Object.fromEntries(Array.from({ length: maxNamedFiles + 1 }, (_, at) => [`lib/f${at}`, "a"]));
    expect(
      rulesOf(proposeLayout([sample("get", {}, { ...many, "x[1]": "b", "odd*/f": "c" })], options), 0, "products"),
    ).toEqual([
      ["CREATE", "lib/*"],
      ["CREATE", "x[[]1]"],
      ["CREATE", "odd[*]/f"],
      ["DISALLOW", "*"],
    ]);
    const loose = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`f${at}`, "a"]));
    expect(rulesOf(proposeLayout([sample("get", {}, loose)], options), 0, "products")).toEqual([
      ["CREATE", "*"],
      ["DISALLOW", "*"],
    ]);
    const tops = Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`d${at}/f`, "a"]));
    expect(rulesOf(proposeLayout([sample("get", {}, tops)], options), 0, "products")).toEqual([
      ["CREATE", "*"],
      ["DISALLOW", "*"],
    ]);
  });

  test("asks for as many functionaries as agreed", () => {
    const twice = [clone, { ...clone, keyids: [bob.keyid] }];
    expect(proposeLayout(twice, options)["steps"]).toMatchObject([{ pubkeys: [ada.keyid, bob.keyid], threshold: 2 }]);
    const unsigned = [{ ...clone, keyids: [] }];
    expect(proposeLayout(unsigned, options)["steps"]).toMatchObject([
      { pubkeys: [ada.keyid, bob.keyid], threshold: 1 },
    ]);
  });

  test("of a loop keeps the order given", () => {
    const loop = [sample("one", { a: "a" }, { b: "b" }), sample("two", { b: "b" }, { a: "a" })];
    expect(proposeLayout(loop, options)["steps"]).toMatchObject([{ name: "one" }, { name: "two" }]);
  });
});

describe("refused", () => {
  const code = (samples: readonly LinkSample[], keys: readonly LayoutKey[]): unknown => {
    try {
      return proposeLayout(samples, { ...options, keys });
    } catch (error) {
      return (error as { readonly code?: string }).code;
    }
  };
  test("no links", () => expect(code([], [ada])).toBe("INTOTO_INIT_LINKS_MISSING"));
  test("no key", () => expect(code([clone], [])).toBe("INTOTO_INIT_KEY_MISSING"));
  test("links that differ", () => {
    const other = sample("clone", {}, { "src/a.c": "a", "src/b.c": "e" });
    const fewer = sample("clone", {}, { "src/a.c": "a" });
    expect(code([clone, other], [ada])).toBe("INTOTO_INIT_LINKS_DIFFER");
    expect(code([clone, fewer], [ada])).toBe("INTOTO_INIT_LINKS_DIFFER");
    expect(code([clone, sample("clone", { x: "a" }, { "src/a.c": "a", "src/b.c": "b" })], [ada])).toBe(
      "INTOTO_INIT_LINKS_DIFFER",
    );
  });
});

test("whatever the links are, they pass under the layout made of them, and lint has no failure to tell", () => {
  const path = fc.constantFrom(
    "a",
    "b",
    "src/a",
    "src/b",
    "x[1]",
    "*",
    "d/?",
    ...Array.from({ length: 12 }, (_, at) => `lib/${at}`),
  );
  const files = fc.dictionary(path, fc.constantFrom("a", "b"), { maxKeys: 16 });
  const chain = fc.uniqueArray(fc.tuple(fc.constantFrom("one", "two", "three", "four"), files, files), {
    minLength: 1,
    maxLength: 4,
    selector: ([name]) => name,
  });
  fc.assert(
    fc.property(chain, (steps) => {
      const samples = steps.map(([name, materials, products]) => sample(name, materials, products));
      const layout = parseLayout(proposeLayout(samples, options));
      const links = new Map(samples.map(({ link }) => [link.name, link]));
      for (const step of layout.steps) {
        const link = links.get(step.name) as Link;
        expect(applyRules(link, "materials", step.expectedMaterials, links).left).toEqual([]);
        expect(applyRules(link, "products", step.expectedProducts, links).left).toEqual([]);
      }
      const failures = lintLayout(layout, { now: new Date("2026-06-01T00:00:00Z") }).filter(
        ({ level }) => level === "fail",
      );
      expect(failures).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
