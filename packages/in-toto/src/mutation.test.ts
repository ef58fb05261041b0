import type { JsonObject } from "@countersign/core";
import { duplicatesOf, mutantsOf, type LooseObject } from "@countersign/testkit";
import { describe, expect, test } from "vitest";
import {
  artifacts,
  ask,
  fileOf,
  hashOf,
  inspection,
  layout,
  link,
  owner,
  person,
  signed,
  step,
} from "./chain.contract.ts";
import { formatLayoutReport, formatLayoutTable } from "./explain.ts";
import { graphLayout, formatDot } from "./graph.ts";
import { formatSvg } from "./graph-svg.ts";
import { parseMetadata } from "./metadata.ts";
import { lintLayout } from "./lint.ts";
import { showMetadata } from "./show.ts";
import { formatSigstoreKey } from "./sigstore-key.ts";
import { codeOf } from "./sample.contract.ts";
import type { Product } from "./inspection.ts";
import type { Mode } from "./mode.ts";

const [ada, bob] = [person("ada"), person("bob")];
const closed = ["DISALLOW", "*"];
const identity = formatSigstoreKey({ identity: "ada@example.com", issuer: "https://issuer.example" });
const predicateType = "https://in-toto.io/attestation/test-result/v0.1";

const writeLink = link("write", {
  products: artifacts({ src: "code" }),
  environment: { "countersign.run": { id: "run", commit: "c", time: "2026-11-22T05:00:00Z" } },
});
const statement: JsonObject = {
  _type: "https://in-toto.io/Statement/v1",
  subject: [{ name: "src", digest: hashOf("code") }],
  predicateType,
  predicate: { result: "PASSED", configuration: [{ name: "ci", uri: "https://ci.example", digest: hashOf("ci") }] },
};
const inner = layout([bob], [step("compile", [bob])]);
const plain: JsonObject = layout(
  [ada, bob],
  [
    step("write", [ada], {
      expected_products: [["CREATE", "src"], closed],
      expectedAttributes: ["size(command) == 0"],
    }),
    step("pack", [bob], {
      expected_materials: [["MATCH", "*", "IN", "a", "WITH", "PRODUCTS", "IN", "b", "FROM", "write"], closed],
    }),
  ],
  {
    inspect: [inspection("look", ["countersign:dir", "."], { expected_products: [["ALLOW", "*"], closed] })],
    run_binding: { one_run: false },
  },
);
const attested: JsonObject = {
  _type: "step",
  name: "test",
  expected_materials: [["MATCH", "src", "WITH", "PRODUCTS", "FROM", "write"], closed],
  expected_products: [closed],
  expectedPredicates: [
    {
      predicateType,
      functionaries: [bob.keyid],
      threshold: 1,
      expectedProducts: [closed],
      expectedAttributes: [{ rule: "result == 'PASSED'", warn: false }],
    },
  ],
};
const root: JsonObject = {
  ...plain,
  keys: { ...(plain["keys"] as JsonObject), [identity.keyid]: identity },
  steps: [...(plain["steps"] as JsonObject[]), attested],
};
const strictFiles = {
  [fileOf("write", ada)]: signed(writeLink, [ada]),
  [fileOf("pack", bob)]: signed(inner, [bob]),
  [`${fileOf("pack", bob, "")}/${fileOf("compile", bob)}`]: signed(link("compile", { name: "compile" }), [bob]),
  "test.result.json": signed(statement, [bob], "dsse"),
};
const empty: Product = { record: () => new Map(), read: () => new Uint8Array(0) };

type Files = Readonly<Record<string, Uint8Array>>;

/** Whatever is asked: an answer, and a report that can be printed; no other exception than a TrustError, which `ask` takes. */
function verdictIn(mode: Mode, bytes: Uint8Array, files: Files): string {
  const answer = ask({ layout: bytes, files, mode, product: empty });
  JSON.stringify(formatLayoutReport(answer, new Date(0)));
  formatLayoutTable(answer, "rules");
  return answer.verdict;
}

/** What people and lint see of it. */
function look(bytes: Uint8Array): void {
  codeOf(() => {
    const metadata = parseMetadata(bytes, "strict");
    showMetadata(metadata);
    if (metadata.type !== "layout") return;
    lintLayout(metadata.layout, { now: new Date(0) });
    const graph = graphLayout(metadata.layout);
    formatDot(graph);
    formatSvg(graph);
  });
}

const wrapped = (json: unknown, who: readonly (typeof ada)[]): Uint8Array => signed(json as JsonObject, who, "dsse");

describe("every node of what is signed, changed and signed again", () => {
  test("the documents are right before", () => {
    expect(verdictIn("strict", wrapped(root, [owner]), strictFiles)).toBe("allowed");
    expect(verdictIn("compat", wrapped({ ...plain, inspect: [] }, [owner]), strictFiles)).toBe("allowed");
  });

  test("layouts; every fourth in compat too", () => {
    let [refused, count] = [0, 0];
    for (const { json } of mutantsOf(root as LooseObject)) {
      const bytes = wrapped(json, [owner]);
      if (verdictIn("strict", bytes, strictFiles) !== "allowed") refused++;
      if (count++ % 4 === 0) verdictIn("compat", bytes, strictFiles);
      if (count % 2 === 0) look(bytes);
    }
    expect(refused).toBeGreaterThan(200);
  });

  test.each<[string, JsonObject, string, typeof ada]>([
    ["a link", writeLink, fileOf("write", ada), ada],
    ["a sublayout", inner, fileOf("pack", bob), bob],
    ["an attestation", statement, "test.result.json", bob],
  ])("%s", (_, document, file, who) => {
    let refused = 0;
    for (const { json } of mutantsOf(document as LooseObject))
      for (const mode of ["strict", "compat"] as const) {
        const bytes = wrapped(json, [who]);
        if (verdictIn(mode, wrapped(root, [owner]), { ...strictFiles, [file]: bytes }) !== "allowed") refused++;
        look(bytes);
      }
    expect(refused).toBeGreaterThan(20);
  });
});

describe("every node of a file, changed and not signed again", () => {
  const decode = (bytes: Uint8Array): LooseObject => JSON.parse(new TextDecoder().decode(bytes)) as LooseObject;
  const encode = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));

  test("a layout is refused, unless only what nobody signed was changed", () => {
    const bytes = signed(root, [owner]);
    for (const { json, path } of mutantsOf(decode(bytes)))
      if (path === "signed" || path.startsWith("signed."))
        expect([path, verdictIn("strict", encode(json), strictFiles)]).toEqual([path, "refused"]);
      else verdictIn("strict", encode(json), strictFiles);
    for (const text of duplicatesOf(decode(bytes)))
      expect(verdictIn("strict", new TextEncoder().encode(text), strictFiles)).toBe("refused");
  });

  test("so is a link", () => {
    const file = fileOf("write", ada);
    const bytes = strictFiles[file] as Uint8Array;
    for (const { json, path } of mutantsOf(decode(bytes))) {
      const verdict = verdictIn("strict", signed(root, [owner]), { ...strictFiles, [file]: encode(json) });
      const isSigned = path === "signed" || path.startsWith("signed.");
      expect([path, isSigned ? verdict : "refused"]).toEqual([path, "refused"]);
    }
  });
});
