import { utf8 } from "@countersign/core";
import { expect, test } from "vitest";
import { parseMetadata } from "./metadata.ts";
import { formatSigstoreKey } from "./sigstore-key.ts";
import { maxShownLines, showMetadata } from "./show.ts";

const step = {
  _type: "step",
  name: "build",
  pubkeys: ["0123456789abcdef".repeat(4)],
  threshold: 1,
  expected_command: ["make", "all of it"],
  expected_materials: [],
  expected_products: [
    ["create", "dist/\u202ea"],
    ["DISALLOW", "*"],
  ],
  cert_constraints: [{ common_name: "ada", dns_names: [], emails: [], organizations: [], roots: ["*"], uris: [] }],
};
const inspection = {
  _type: "inspection",
  name: "look",
  run: [],
  expected_materials: [["ALLOW", "*"]],
  expected_products: [["DISALLOW", "*"]],
};
const key = {
  keytype: "ed25519",
  scheme: "ed25519",
  keyval: { public: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a" },
};
const keyid = "ab".repeat(32);
const layout = {
  _type: "layout",
  expires: "2030-01-01T00:00:00Z",
  readme: "first line\nsecond",
  keys: { [keyid]: { ...key, keyid } },
  steps: [step, { ...step, name: "pack", pubkeys: [], expected_command: [], cert_constraints: [] }],
  inspect: [inspection],
};

function show(signed: object, signatures: readonly object[] = []): string {
  return showMetadata(parseMetadata(utf8(JSON.stringify({ signed, signatures })), "strict"));
}

test("a layout, line by line", () => {
  expect(show(layout, [{ keyid, sig: "00" }]).split("\n")).toEqual([
    "UNVERIFIED layout, as a Metablock",
    `  signed by ${keyid}`,
    "  expires   2030-01-01T00:00:00Z",
    "  readme    first line\\nsecond",
    `  key       ${keyid}  ed25519, ed25519`,
    "",
    "step 1: build",
    '  who       1 of 01234567, a certificate of "ada"',
    '  command   make "all of it"',
    "  materials anything (no rules)",
    "  products  CREATE dist/\\u202ea",
    "            DISALLOW *",
    "",
    "step 2: pack",
    "  who       1 of nobody",
    "  materials anything (no rules)",
    "  products  CREATE dist/\\u202ea",
    "            DISALLOW *",
    "",
    "inspection: look",
    "  run       none",
    "  materials ALLOW *",
    "  products  DISALLOW *",
    "",
  ]);
});

test("a Sigstore identity in place of a key", () => {
  const identity = formatSigstoreKey({ identity: "ada@example.com", issuer: "https://issuer.example" });
  expect(show({ ...layout, keys: { [identity.keyid]: identity } })).toContain(
    `  key       ${identity.keyid}  Sigstore: "ada@example.com" vouched for by "https://issuer.example"\n`,
  );
});

test("a step that attestations satisfy", () => {
  const predicate = {
    predicateType: "https://in-toto.io/attestation/test-result/v0.1",
    functionaries: [keyid],
    expectedProducts: [["ALLOW", "*"]],
    expectedAttributes: ["result == 'PASSED'", { rule: "size(url) > 0", allowIfNoClaim: true, warn: true }],
  };
  const { pubkeys, threshold, cert_constraints, ...rest } = step;
  const lines = show({ ...layout, steps: [{ ...rest, expectedPredicates: [predicate] }] }).split("\n");
  expect(pubkeys.length + threshold + cert_constraints.length).toBe(3);
  expect(lines.slice(6, 11)).toEqual([
    "step 1: build",
    "  attested  https://in-toto.io/attestation/test-result/v0.1  by 1 of abababab",
    "  products  ALLOW *",
    "  attribute result == 'PASSED'",
    "  attribute size(url) > 0  (or no claim)  (only warns)",
  ]);
});

const artifacts = (count: number): object =>
  Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, { sha256: "ab".repeat(32) }]));
const link = {
  _type: "link",
  name: "build",
  command: ["make"],
  byproducts: { "return-value": 2 },
  environment: {},
  materials: {},
  products: artifacts(2),
};

test("a link, line by line", () => {
  expect(show(link).split("\n")).toEqual([
    "UNVERIFIED link, as a Metablock",
    "  signed by nobody",
    "  step      build",
    "  command   make",
    "  returned  2",
    "",
    "materials: 0",
    "",
    "products: 2",
    `  sha256:${"ab".repeat(32)}  f0`,
    `  sha256:${"ab".repeat(32)}  f1`,
    "",
  ]);
});

test("long lists are cut, and say so", () => {
  const lines = show({ ...link, materials: artifacts(maxShownLines + 7) }).split("\n");
  expect(lines).toContain(`materials: ${maxShownLines + 7}`);
  expect(lines).toContain("  and 7 more");
  expect(lines.length).toBeLessThan(maxShownLines + 20);
});
