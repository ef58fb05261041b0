import { generateSigner, formatPem, type JsonObject } from "@countersign/core";
import { legacyKeyId } from "./key-id.ts";
import { parseLayout } from "./layout.ts";
import { lintLayout, type LintFinding } from "./lint.ts";

const now = new Date("2026-06-01T00:00:00Z");

function makeKey(): { readonly id: string; readonly json: JsonObject } {
  const text = formatPem("PUBLIC KEY", generateSigner("ecdsa-p256-sha256").spki);
  const parts = { keytype: "ecdsa", scheme: "ecdsa-sha2-nistp256", public: text };
  const json = {
    keytype: parts.keytype,
    scheme: parts.scheme,
    keyid_hash_algorithms: ["sha256", "sha512"],
    keyval: { public: text, private: "" },
  };
  return { id: legacyKeyId(parts), json };
}

const ada = makeKey();
const bob = makeKey();
type Words = readonly (readonly string[])[];

interface Item {
  readonly name: string;
  readonly materials?: Words;
  readonly products?: Words;
  readonly more?: JsonObject;
}

function step({
  name,
  materials = [["DISALLOW", "*"]],
  products = [
    ["CREATE", "*"],
    ["DISALLOW", "*"],
  ],
  more = {},
}: Item): JsonObject {
  return {
    _type: "step",
    name,
    pubkeys: [ada.id],
    threshold: 1,
    expected_command: [],
    expected_materials: materials,
    expected_products: products,
    ...more,
  };
}

const fromBuild: Words = [
  ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"],
  ["DISALLOW", "*"],
];

function inspection({ name, materials = [], products = fromBuild, more = {} }: Item): JsonObject {
  const rules = { expected_materials: materials, expected_products: products };
  return { _type: "inspection", name, run: ["countersign:dir", "."], ...rules, ...more };
}

/** A layout that lint has nothing against. */
const good: JsonObject = {
  _type: "layout",
  expires: "2027-06-01T00:00:00Z",
  readme: "",
  keys: { [ada.id]: { ...ada.json, keyid: ada.id } },
  steps: [step({ name: "build" })],
  inspect: [inspection({ name: "product" })],
};

export function lint(changes: JsonObject): readonly LintFinding[] {
  return lintLayout(parseLayout({ ...good, ...changes }), { now });
}

export function codes(changes: JsonObject): readonly string[] {
  return [...new Set(lint(changes).map(({ level, code }) => `${level} ${code}`))];
}

export const inMaterials = (materials: Words): JsonObject => ({ steps: [step({ name: "build", materials })] });
export const inProducts = (products: Words): JsonObject => ({ steps: [step({ name: "build", products })] });
const withMore = (more: JsonObject): JsonObject => ({ steps: [step({ name: "build", more })] });

/** A test attested in two steps, by two of these in the second. */
const attestedBy = (functionaries: readonly string[]): JsonObject => {
  const type = "https://in-toto.io/attestation/test-result/v0.1";
  const attested = (name: string, who: readonly string[], more: JsonObject = {}): JsonObject => ({
    _type: "step",
    name,
    expected_materials: [["DISALLOW", "*"]],
    expected_products: [["DISALLOW", "*"]],
    expectedPredicates: [{ predicateType: type, functionaries: who, threshold: who.length, ...more }],
  });
  const open = { expectedProducts: [["CREATE", "*"]] };
  const others = { expected_materials: fromBuild };
  return {
    steps: [attested("build", [ada.id]), { ...attested("again", functionaries, open), ...others }],
  };
};

const keys = (...listed: readonly (readonly [string, JsonObject])[]): JsonObject => ({
  keys: Object.fromEntries(listed.map(([keyid, json]) => [keyid, { ...json, keyid }])),
});

export const cases: readonly {
  readonly name: string;
  readonly changes: JsonObject;
  readonly found: readonly string[];
}[] = [
  { name: "expired", changes: { expires: "2026-06-01T00:00:00Z" }, found: ["fail INTOTO_LINT_EXPIRED"] },
  { name: "one second left", changes: { expires: "2026-06-01T00:00:01Z" }, found: ["warn INTOTO_LINT_EXPIRES_SOON"] },
  { name: "30 days left", changes: { expires: "2026-07-01T00:00:00Z" }, found: [] },
  { name: "730 days left", changes: { expires: "2028-05-31T00:00:00Z" }, found: [] },
  { name: "a second more", changes: { expires: "2028-05-31T00:00:01Z" }, found: ["warn INTOTO_LINT_EXPIRES_FAR"] },
  { name: "no steps", changes: { steps: [], inspect: [], keys: {} }, found: ["fail INTOTO_LINT_STEPS_MISSING"] },
  {
    name: "a key that is not listed",
    changes: { ...withMore({ pubkeys: [ada.id, bob.id] }) },
    found: ["fail INTOTO_LINT_KEY_UNKNOWN"],
  },
  {
    name: "a key that nobody may use",
    changes: keys([ada.id, ada.json], [bob.id, bob.json]),
    found: ["warn INTOTO_LINT_KEY_UNUSED"],
  },
  {
    name: "one key under two ids",
    changes: {
      ...keys([ada.id, ada.json], ["ab".repeat(32), ada.json]),
      ...withMore({ pubkeys: [ada.id, "ab".repeat(32)], threshold: 2 }),
    },
    found: ["fail INTOTO_LINT_KEY_TWICE", "warn INTOTO_LINT_KEY_FOREIGN_ID", "fail INTOTO_LINT_THRESHOLD"],
  },
  { name: "one id twice", changes: withMore({ pubkeys: [ada.id, ada.id] }), found: ["fail INTOTO_LINT_KEY_TWICE"] },
  {
    name: "an id that is not the key's",
    changes: { ...keys(["cd".repeat(32), ada.json]), ...withMore({ pubkeys: ["cd".repeat(32)] }) },
    found: ["warn INTOTO_LINT_KEY_FOREIGN_ID"],
  },
  {
    name: "threshold above the number of keys",
    changes: withMore({ threshold: 2 }),
    found: ["fail INTOTO_LINT_THRESHOLD"],
  },
  {
    name: "attestations by somebody unknown, by too few, and by nobody else than in another step",
    changes: attestedBy([ada.id, "ab"]),
    found: [
      "warn INTOTO_LINT_PREDICATE_TWICE",
      "fail INTOTO_LINT_KEY_UNKNOWN",
      "fail INTOTO_LINT_THRESHOLD",
      "fail INTOTO_LINT_DISALLOW_MISSING",
    ],
  },
  { name: "no rules", changes: inProducts([]), found: ["warn INTOTO_LINT_RULES_MISSING"] },
  { name: "no DISALLOW", changes: inProducts([["CREATE", "*"]]), found: ["fail INTOTO_LINT_DISALLOW_MISSING"] },
  {
    name: "DISALLOW of some only",
    changes: inProducts([
      ["CREATE", "a"],
      ["DISALLOW", "b"],
    ]),
    found: ["fail INTOTO_LINT_DISALLOW_MISSING"],
  },
  {
    name: "DISALLOW in other words",
    changes: inProducts([
      ["CREATE", "a"],
      ["disallow", "**"],
    ]),
    found: [],
  },
  {
    name: "DISALLOW after ALLOW *",
    changes: inProducts([
      ["ALLOW", "*"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_RULE_UNREACHABLE", "fail INTOTO_LINT_DISALLOW_MISSING"],
  },
  {
    name: "a rule after DISALLOW *",
    changes: inProducts([
      ["DISALLOW", "*"],
      ["CREATE", "a"],
    ]),
    found: ["warn INTOTO_LINT_RULE_UNREACHABLE"],
  },
  {
    name: "the same rule twice",
    changes: inProducts([
      ["CREATE", "a"],
      ["create", "a"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_RULE_UNREACHABLE"],
  },
  {
    name: "the same pattern, other rule",
    changes: inProducts([
      ["CREATE", "a"],
      ["MODIFY", "a"],
      ["DISALLOW", "*"],
    ]),
    found: [],
  },
  {
    name: "a literal under an allowed pattern",
    changes: inProducts([
      ["ALLOW", "src/*"],
      ["MODIFY", "src/a"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_RULE_UNREACHABLE"],
  },
  {
    name: "MATCH under an allowed prefix",
    changes: inProducts([
      ["ALLOW", "src/*"],
      ["MATCH", "a", "IN", "src/", "WITH", "MATERIALS", "FROM", "build"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_RULE_UNREACHABLE"],
  },
  {
    name: "CREATE in materials",
    changes: inMaterials([
      ["CREATE", "a"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_CREATE_IN_MATERIALS"],
  },
  {
    name: "DELETE in products",
    changes: inProducts([
      ["DELETE", "a"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_DELETE_IN_PRODUCTS"],
  },
  {
    name: "DELETE in materials",
    changes: inMaterials([
      ["DELETE", "a"],
      ["DISALLOW", "*"],
    ]),
    found: [],
  },
  {
    name: "MATCH of an unknown step",
    changes: inMaterials([
      ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "clone"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_MATCH_UNKNOWN"],
  },
  {
    name: "a step that matches an inspection",
    changes: inMaterials([
      ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "product"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_MATCH_INSPECTION"],
  },
  {
    name: "a side that matches itself",
    changes: inProducts([
      ["MATCH", "*", "WITH", "PRODUCTS", "FROM", "build"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_MATCH_SELF"],
  },
  {
    name: "a side that matches the other",
    changes: inProducts([
      ["MATCH", "*", "WITH", "MATERIALS", "FROM", "build"],
      ["DISALLOW", "*"],
    ]),
    found: [],
  },
  {
    name: "REQUIRE after ALLOW",
    changes: inProducts([
      ["ALLOW", "dist/*"],
      ["REQUIRE", "dist/a"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_REQUIRE_LATE"],
  },
  {
    name: "REQUIRE after CREATE",
    changes: inProducts([
      ["CREATE", "dist/*"],
      ["REQUIRE", "dist/a"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_REQUIRE_LATE"],
  },
  {
    name: "REQUIRE after MATCH with a prefix that is no pattern",
    changes: inProducts([
      ["MATCH", "a", "IN", "[x]", "WITH", "MATERIALS", "FROM", "build"],
      ["REQUIRE", "[x]/a"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_REQUIRE_LATE", "warn INTOTO_LINT_REQUIRE_PATTERN"],
  },
  {
    name: "REQUIRE in front",
    changes: inProducts([
      ["REQUIRE", "a"],
      ["CREATE", "a"],
      ["DISALLOW", "*"],
    ]),
    found: [],
  },
  {
    name: "REQUIRE with a wildcard",
    changes: inProducts([
      ["REQUIRE", "a*"],
      ["CREATE", "a*"],
      ["DISALLOW", "*"],
    ]),
    found: ["warn INTOTO_LINT_REQUIRE_PATTERN"],
  },
  ...["./a", "/a", "a/../b", "a//b", "a\\b", "../*", "a/./*"].map((pattern) => ({
    name: `CREATE ${pattern}`,
    changes: inProducts([
      ["CREATE", pattern],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_PATTERN_NEVER"],
  })),
  {
    name: "MATCH IN ./src",
    changes: inProducts([
      ["MATCH", "*", "IN", "./src", "WITH", "MATERIALS", "FROM", "build"],
      ["DISALLOW", "*"],
    ]),
    found: ["fail INTOTO_LINT_PATTERN_NEVER"],
  },
  ...["a", "a/b", "*/../*", ".hidden", "a/.hidden", "..a", "dist/", "*"].map((pattern) => ({
    name: `CREATE ${pattern} is fine`,
    changes: inProducts([
      ["CREATE", pattern],
      ["DISALLOW", "*"],
    ]),
    found: [],
  })),
  {
    name: "a later step that is tied to nothing",
    changes: {
      steps: [
        step({ name: "build" }),
        step({
          name: "pack",
          materials: [
            ["ALLOW", "a"],
            ["DISALLOW", "*"],
          ],
        }),
      ],
    },
    found: ["warn INTOTO_LINT_CHAIN_BROKEN"],
  },
  { name: "no inspection", changes: { inspect: [] }, found: ["warn INTOTO_LINT_PRODUCT_UNCHECKED"] },
  {
    name: "an inspection that looks at itself only",
    changes: {
      inspect: [
        inspection({
          name: "product",
          products: [
            ["ALLOW", "a"],
            ["DISALLOW", "*"],
          ],
        }),
      ],
    },
    found: ["warn INTOTO_LINT_PRODUCT_UNCHECKED"],
  },
  {
    name: "an inspection without rules",
    changes: { inspect: [inspection({ name: "product" }), inspection({ name: "free", products: [] })] },
    found: ["fail INTOTO_LINT_RULES_MISSING"],
  },
  {
    name: "an inspection with nothing to run",
    changes: { inspect: [inspection({ name: "product", more: { run: [] } })] },
    found: ["fail INTOTO_LINT_INSPECTION_EMPTY"],
  },
  {
    name: "an inspection with a command",
    changes: { inspect: [inspection({ name: "product", more: { run: ["tar", "xf", "a"] } })] },
    found: ["warn INTOTO_LINT_INSPECTION_COMMAND"],
  },
];
