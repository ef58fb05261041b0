import type { JsonObject } from "@countersign/core";
import { ask, hashOf, layout, owner, person, signed, verdictOf } from "../chain.contract.ts";
import { parseSubstitutions } from "../substitution.ts";
import type { Verification } from "../verify.ts";

export const [ada, bob, mallory] = [person("ada"), person("bob"), person("mallory")];

export const types = {
  link: "https://in-toto.io/attestation/link/v0.3",
  provenance: "https://slsa.dev/provenance/v1",
  test: "https://in-toto.io/attestation/test-result/v0.1",
} as const;

export const closed = ["DISALLOW", "*"];

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

export function named(files: Readonly<Record<string, string>>): JsonObject[] {
  return Object.entries(files).map(([name, content]) => ({ name, digest: hashOf(content) }));
}

export const linkOf = (name: string, products: Readonly<Record<string, string>>, more: JsonObject = {}): JsonObject =>
  statement(types.link, products, { name, command: [], materials: [], byproducts: { "return-value": 0 }, ...more });

export const tested = (result = "PASSED", files: Readonly<Record<string, string>> = { src: "code" }): JsonObject =>
  statement(types.test, files, { result, configuration: [], failedTests: result === "PASSED" ? [] : ["unit"] });

export const built = (more: JsonObject = {}): JsonObject =>
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

export type Changes = Readonly<Partial<Record<"write" | "test" | "build", JsonObject>>>;

function attested(name: string, predicates: readonly JsonObject[], more: JsonObject = {}): JsonObject {
  const rules = { expected_materials: [closed], expected_products: [closed] };
  return { _type: "step", name, ...rules, expectedPredicates: predicates, ...more };
}

export const expects = (predicateType: string, who: readonly string[], more: JsonObject = {}): JsonObject => ({
  predicateType,
  functionaries: who,
  ...more,
});

/** Written by Ada, tested by Bob, built by Ada: the layout of ITE-11's prototype, in our spelling. */
export function chainLayout(changes: Changes = {}): JsonObject {
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

export interface Files {
  readonly [name: string]: Uint8Array;
}

export const files = (more: Files = {}): Files => ({
  "write.link.json": signed(linkOf("write", { src: "code" }), [ada], "dsse"),
  "test.result.json": signed(tested(), [bob], "dsse"),
  "build.provenance.sigstore.json": signed(built(), [ada], "dsse"),
  ...more,
});

export function questionOf(changes: Changes, given: Files): Parameters<typeof ask>[0] {
  const substitutions = parseSubstitutions(["builder=builder"]);
  return { layout: signed(chainLayout(changes), [owner], "dsse"), files: given, substitutions };
}

export const answer = (changes: Changes = {}, given: Files = files()): Verification => ask(questionOf(changes, given));
export const verdict = (changes: Changes = {}, given: Files = files()): string => verdictOf(questionOf(changes, given));

/** Codes of files that were set aside. */
export const ignoredCodes = (given: Files, changes: Changes = {}): string[] =>
  answer(changes, given).layout.steps.flatMap(({ ignored }) => ignored.map(({ code }) => code));
