import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TrustError } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";
import { codeOf, hasSharedData, sigstoreJson } from "../sample.contract.ts";
import { formatStatement } from "../statement-format.ts";
import { parseStatement } from "../statement.ts";
import {
  isKnownPredicateType,
  makeAttributeReport,
  makeCosignCustom,
  makeCosignSign,
  makeCycloneDx,
  makeLinkPredicate,
  makeOpenVex,
  makeReference,
  makeRelease,
  makeScorecardResult,
  makeSimpleVerificationResult,
  makeSlsaProvenance,
  makeSlsaProvenanceV02,
  makeSpdx23,
  makeSpdx3,
  makeTestResult,
  makeVerificationSummary,
  makeVulnerabilityScan,
  makeVulnerabilityScanV01,
  maxPredicateItems,
  nameOfPredicateType,
  parseLinkPredicate,
  parsePredicate,
  parseSpdx,
  parseVulnerabilityScanV01,
  predicateNames,
  resolvePredicateType,
  type VerificationSummary,
  type VulnerabilityScan,
} from "./index.ts";
import { samples } from "./sample.contract.ts";

/** A copy in which the value at a path is another one, or absent. */
function changed(value: Json, path: readonly string[], replacement: Json | undefined): Json {
  const [head, ...rest] = path;
  if (head === undefined || head === "") return replacement ?? null;
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    return items.map((each, index) => (String(index) === head ? changed(each, rest, replacement) : each));
  }
  const object = value as JsonObject;
  if (rest.length > 0) return { ...object, [head]: changed(object[head] ?? null, rest, replacement) };
  const { [head]: _gone, ...others } = object;
  return replacement === undefined ? others : { ...others, [head]: replacement };
}

/** The path of every object in a value. */
function objectPaths(value: Json, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  const inner = Object.entries(value).flatMap(([name, each]) => objectPaths((each ?? null) as Json, [...at, name]));
  return Array.isArray(value) ? inner : [[...at], ...inner];
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], value);
}

test("every known type has a sample and a name", () => {
  const types = new Set(samples.map((sample) => sample.type));
  expect(types.size).toBe(samples.length);
  expect([...types].toSorted()).toEqual(predicateNames.map(({ uri }) => uri).toSorted());
  for (const type of types) expect(isKnownPredicateType(type)).toBe(true);
});

describe.each(samples)("$type", ({ type, good, required, bad = [] }) => {
  test("a good one is read, and comes out with all its members", () => {
    const withoutNulls = JSON.parse(JSON.stringify(good), (_, value: unknown) => value ?? undefined) as Json;
    expect(JSON.parse(JSON.stringify(parsePredicate(type, good)))).toMatchObject(withoutNulls as object);
  });

  test.each(required.map((path) => [path]))("%s may not be absent, null or of another type", (path) => {
    const parts = path.split(".");
    const there = valueAt(good, parts);
    const takesAnything = path === "scanner.result" && type.includes("cosign");
    const others = [null, typeof there === "object" ? "text" : [], typeof there === "number" ? "x" : 7.5, true];
    for (const replacement of [undefined, ...(takesAnything ? [] : others)]) {
      const outcome = codeOf(() => parsePredicate(type, changed(good, parts, replacement)));
      expect([replacement, outcome]).toEqual([replacement, "CORE_PREDICATE_MALFORMED"]);
    }
  });

  test.each(bad.map(([path, value]) => [path, value] as const))("%s: %j is refused", (path, value) => {
    expect(codeOf(() => parsePredicate(type, changed(good, path.split("."), value)))).toBe("CORE_PREDICATE_MALFORMED");
  });

  test("members that the specification does not know are kept, in every object", () => {
    for (const path of objectPaths(good).filter((each) => !isOfDigests(each))) {
      const extended = changed(good, [...path, "x_ours"], "kept");
      expect(valueAt(parsePredicate(type, extended), [...path, "x_ours"])).toBe("kept");
    }
  });

  test("no object, and nothing but a TrustError for whatever else comes", () => {
    // A statement may leave out a predicate that says nothing.
    for (const value of [...(required.length > 0 ? [null] : []), 7, true, [], [good]])
      expect(codeOf(() => parsePredicate(type, value))).toBe("CORE_PREDICATE_MALFORMED");
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(...pathsOf(good)), (value, path) => {
        expect(["taken", "CORE_PREDICATE_MALFORMED"]).toContain(
          codeOf(() => parsePredicate(type, changed(good, path, value as Json))),
        );
      }),
      { numRuns: 30 },
    );
  });
});

/** Maps of the producer's own names take values of one kind, and no others beside them. */
function isOfDigests(path: readonly string[]): boolean {
  return path.some((name) => ["digest", "version", "materials", "products", "dependencyLevels"].includes(name));
}

function pathsOf(value: Json): string[][] {
  const members = objectPaths(value).flatMap((path) =>
    Object.keys((valueAt(value, path) ?? {}) as object).map((name) => [...path, name]),
  );
  return [[], ...members];
}

describe("details", () => {
  test("a member named __proto__ stays one", () => {
    const read = parsePredicate("https://sigstore.dev/cosign/sign/v1", JSON.parse('{"__proto__":{"a":1}}') as Json);
    expect(Object.hasOwn(read as object, "__proto__")).toBe(true);
    const release = parsePredicate(
      "https://in-toto.io/attestation/release/v0.2",
      JSON.parse('{"purl":"pkg:npm/a@1","__proto__":{"packageId":"x"}}') as Json,
    );
    expect(Object.hasOwn(release as object, "__proto__")).toBe(true);
    expect((release as { packageId?: string }).packageId).toBeUndefined();
  });

  test("a list has a most", () => {
    const attributes = Array.from({ length: maxPredicateItems + 1 }, () => "x");
    const value = {
      verifier: { id: "urn:x", policies: [] },
      timeCreated: "2026-01-01T00:00:00Z",
      properties: attributes,
    };
    expect(codeOf(() => parsePredicate("https://in-toto.io/attestation/svr/v0.2", value))).toBe(
      "CORE_PREDICATE_MALFORMED",
    );
  });

  test("hostile text in a message is escaped and cut", () => {
    const hostile = `\u001b[31m${"x".repeat(10_000)}`;
    const attempt = (): unknown => parsePredicate("https://in-toto.io/attestation/release/v0.2", { purl: hostile });
    expect(attempt).toThrow(TrustError);
    try {
      attempt();
    } catch (error) {
      expect((error as Error).message).not.toContain("\u001b");
      expect((error as Error).message.length).toBeLessThan(300);
    }
  });

  test("counts of a summary, as protobuf writes them", () => {
    const levels = { SLSA_BUILD_LEVEL_2: "7", SLSA_BUILD_LEVEL_3: 5 };
    const sample = samples.find(({ type }) => type.endsWith("verification_summary/v1"));
    const read = parsePredicate(sample?.type ?? "", changed(sample?.good ?? null, ["dependencyLevels"], levels));
    expect(read).toMatchObject({ dependencyLevels: { SLSA_BUILD_LEVEL_2: 7, SLSA_BUILD_LEVEL_3: 5 } });
  });

  test("vulns 0.1 in both of its spellings comes out as one", () => {
    const row = { id: "CVE-1", severity: [] };
    const scan = (result: Json): Json => ({
      scanner: { uri: "urn:x", db: { lastUpdate: "2026-01-01T00:00:00Z" }, result: [result] },
      metadata: { scanStartedOn: "2026-01-01T00:00:00Z", scanFinishedOn: "2026-01-01T00:00:00Z" },
    });
    expect(parseVulnerabilityScanV01(scan({ vulnerability: row }))).toEqual(parseVulnerabilityScanV01(scan(row)));
  });

  test("SPDX of tags and values, as cosign attests it", () => {
    expect(parseSpdx("# made by hand\nSPDXVersion: SPDX-2.3\n")).toContain("SPDX-2.3");
    expect(codeOf(() => parseSpdx("Version: 1"))).toBe("CORE_PREDICATE_MALFORMED");
  });

  test("a link's materials have names that differ", () => {
    const digest = { sha256: "a".repeat(64) };
    expect(
      parseLinkPredicate({
        name: "x",
        materials: [
          { name: "a", digest },
          { name: "b", digest },
        ],
      }).name,
    ).toBe("x");
  });

  test.each([
    "2026-02-29T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01",
    "2026-01-01T00:00:00",
    "1e9",
    "２026-01-01T00:00:00Z",
  ])("%s is no time", (timeCreated) => {
    const value = { verifier: { id: "urn:x", policies: [] }, timeCreated, properties: [] };
    expect(codeOf(() => parsePredicate("https://in-toto.io/attestation/svr/v0.2", value))).toBe(
      "CORE_PREDICATE_MALFORMED",
    );
  });

  test("a type that is not known is let be", () => {
    expect(parsePredicate("https://example.com/x/v1", ["as", { it: "is" }])).toEqual(["as", { it: "is" }]);
    expect(isKnownPredicateType("https://slsa.dev/provenance/v1.0")).toBe(false);
  });
});

describe("names", () => {
  // cosign's table (cmd/cosign/cli/options/predicate.go).
  test.each([
    ["custom", "https://cosign.sigstore.dev/attestation/v1"],
    ["slsaprovenance", "https://slsa.dev/provenance/v0.2"],
    ["slsaprovenance02", "https://slsa.dev/provenance/v0.2"],
    ["slsaprovenance1", "https://slsa.dev/provenance/v1"],
    ["spdx", "https://spdx.dev/Document"],
    ["spdxjson", "https://spdx.dev/Document"],
    ["cyclonedx", "https://cyclonedx.org/bom"],
    ["link", "https://in-toto.io/Link/v1"],
    ["vuln", "https://cosign.sigstore.dev/attestation/vuln/v1"],
    ["openvex", "https://openvex.dev/ns"],
    ["https://example.com/mine/v1", "https://example.com/mine/v1"],
    ["https://slsa.dev/provenance/v1.0", "https://slsa.dev/provenance/v1.0"],
  ])("%s is %s", (alias, uri) => expect(resolvePredicateType(alias)).toBe(uri));

  test.each(["", "slsa", "SPDX", "https:", "no scheme", "https://a b", `urn:${"x".repeat(3000)}`, "constructor"])(
    "%j is none",
    (alias) => expect(codeOf(() => resolvePredicateType(alias))).toBe("CORE_PREDICATE_TYPE_UNKNOWN"),
  );

  test("every alias is there once", () => {
    const aliases = predicateNames.flatMap((row) => row.aliases);
    expect(new Set(aliases).size).toBe(aliases.length);
    for (const { name } of predicateNames) expect(name).toMatch(/^[a-z0-9-]+$/);
    expect(nameOfPredicateType("https://slsa.dev/provenance/v1")).toBe("provenance");
    expect(nameOfPredicateType("https://example.com/x")).toBe("attestation");
  });
});

describe("makers", () => {
  const hex = "a".repeat(64);
  test("what they make is read again", () => {
    const made: readonly (readonly [string, unknown])[] = [
      ["https://sigstore.dev/cosign/sign/v1", makeCosignSign()],
      ["https://cosign.sigstore.dev/attestation/v1", makeCosignCustom("text", new Date(0))],
      ["https://in-toto.io/attestation/release/v0.2", makeRelease("pkg:npm/a@1", "7")],
      [
        "https://in-toto.io/attestation/reference/v0.1",
        makeReference("urn:me", [
          { downloadLocation: "https://x.example/a", mediaType: "text/plain", digest: { sha256: hex } },
        ]),
      ],
      [
        "https://in-toto.io/attestation/svr/v0.2",
        makeSimpleVerificationResult({
          verifier: { id: "urn:me" },
          timeCreated: "2026-01-01T00:00:00Z",
          properties: ["A"],
        }),
      ],
      [
        "https://slsa.dev/provenance/v1",
        makeSlsaProvenance({ buildType: "urn:b", externalParameters: {} }, { builder: { id: "urn:me" } }),
      ],
      ["https://in-toto.io/attestation/test-result/v0.1", makeTestResult({ configuration: [] })],
      ["https://slsa.dev/verification_summary/v1", makeVerificationSummary(passed)],
    ];
    for (const [type, predicate] of made) expect(parsePredicate(type, predicate as Json)).toEqual(predicate);
  });

  const at = "2026-01-01T00:00:00Z";
  const scan: VulnerabilityScan = {
    scanner: {
      uri: "https://scanner.example",
      db: { lastUpdate: at },
      result: [{ id: "CVE-2026-1", severity: [{ method: "cvss", score: "9.8" }] }],
    },
    metadata: { scanStartedOn: at, scanFinishedOn: at },
  };
  const built: readonly (readonly [string, unknown])[] = [
    ["https://slsa.dev/provenance/v0.2", makeSlsaProvenanceV02({ builder: { id: "urn:me" }, buildType: "urn:b" })],
    [
      "https://spdx.dev/Document/v2.3",
      makeSpdx23({
        name: "a",
        documentNamespace: "https://a.example/1",
        creationInfo: { created: at, creators: ["Tool: x"] },
      }),
    ],
    ["https://spdx.dev/Document/v3", makeSpdx3([{ type: "SpdxDocument" }])],
    ["https://cyclonedx.org/bom/v1.6", makeCycloneDx({ components: [{ type: "library", name: "a" }] })],
    ["https://cyclonedx.org/bom/v1.5", makeCycloneDx({ specVersion: "1.5" })],
    [
      "https://openvex.dev/ns/v0.2.0",
      makeOpenVex({
        "@id": "https://a.example/vex",
        author: "me",
        timestamp: at,
        statements: [{ vulnerability: { name: "CVE-1" }, status: "fixed" }],
      }),
    ],
    ["https://in-toto.io/attestation/vulns/v0.2", makeVulnerabilityScan(scan)],
    ["https://in-toto.io/attestation/scai/v0.3", makeAttributeReport({ attributes: [{ attribute: "hardened" }] })],
    ["https://in-toto.io/attestation/link/v0.3", makeLinkPredicate({ name: "build", command: ["make"] })],
    [
      "https://scorecard.dev/result/v0.1",
      makeScorecardResult({ date: at, scorecard: { version: "v5", commit: "a" }, score: 7.5, checks: [] }),
    ],
  ];
  test.each(built)("%s: what is made is read again, and passes its JSON", (type, predicate) => {
    expect(parsePredicate(type, predicate as Json)).toEqual(predicate);
    expect(parsePredicate(type, JSON.parse(JSON.stringify(predicate)) as Json)).toEqual(predicate);
  });

  test("vulns 0.1 nests its rows, and reads as 0.2 does", () => {
    const made = makeVulnerabilityScanV01(scan);
    expect(made).toMatchObject({ scanner: { result: [{ vulnerability: { id: "CVE-2026-1" } }] } });
    expect(parseVulnerabilityScanV01(made)).toEqual(scan);
    expect(
      codeOf(() => makeVulnerabilityScanV01({ ...scan, metadata: { ...scan.metadata, scanStartedOn: "now" } })),
    ).toBe("CORE_PREDICATE_MALFORMED");
  });

  const passed: VerificationSummary = {
    verifier: { id: "urn:me" },
    resourceUri: "https://example.com/a",
    policy: { uri: "urn:policy" },
    verificationResult: "PASSED",
    verifiedLevels: [],
  };

  test("the worst test decides", () => {
    const of = (parts: object): string => makeTestResult({ configuration: [], ...parts }).result;
    expect(of({ passedTests: ["a"], warnedTests: [], failedTests: [] })).toBe("PASSED");
    expect(of({ passedTests: ["a"], warnedTests: ["b"] })).toBe("WARNED");
    expect(of({ warnedTests: ["b"], failedTests: ["c"] })).toBe("FAILED");
  });

  test("too little is refused", () => {
    expect(codeOf(() => makeAttributeReport({ attributes: [] }))).toBe("CORE_PREDICATE_MALFORMED");
    expect(codeOf(() => makeSpdx3([]))).toBe("CORE_PREDICATE_MALFORMED");
    expect(codeOf(() => makeLinkPredicate({ name: "" }))).toBe("CORE_PREDICATE_MALFORMED");
    expect(codeOf(() => makeRelease("pkg:npm/a"))).toBe("CORE_PREDICATE_MALFORMED");
    expect(codeOf(() => makeVerificationSummary({ ...passed, policy: { uri: "" } }))).toBe("CORE_PREDICATE_MALFORMED");
  });
});

describe("formatStatement", () => {
  const subject = { name: "a", digest: { sha256: "a".repeat(64) } };
  test("keeps the predicate to the letter", () => {
    const text = '{ "b": 1.0e2, "a": 12345678901234567890 }';
    const payload = formatStatement([subject], "https://example.com/x", `\n${text}\n`);
    expect(new TextDecoder().decode(payload)).toContain(`"predicate":${text}}`);
    expect(parseStatement(payload)).toMatchObject({ subjects: [subject], predicateType: "https://example.com/x" });
  });

  test.each([
    ["https://slsa.dev/provenance/v0.2", "https://in-toto.io/Statement/v0.1"],
    ["https://slsa.dev/provenance/v1", "https://in-toto.io/Statement/v1"],
    ["https://spdx.dev/Document", "https://in-toto.io/Statement/v1"],
  ])("%s is in a %s", (predicateType, type) =>
    expect(parseStatement(formatStatement([subject], predicateType, "{}"))).toMatchObject({ type, predicateType }),
  );

  test("what is not one JSON value cannot add members to the statement", () => {
    for (const text of ['{},"subject":[]', "{}}", "", "{} {}", '{"a":1,"a":2}'])
      expect(codeOf(() => formatStatement([subject], "urn:x", text))).toMatch(/^CORE_JSON_/);
    expect(codeOf(() => formatStatement([], "urn:x", "{}"))).toBe("CORE_STATEMENT_MALFORMED");
    expect(codeOf(() => formatStatement([{ digest: {} }], "urn:x", "{}"))).toBe("CORE_STATEMENT_MALFORMED");
  });
});

/** Statements that public tools made, out of the DSSE bundles of the shared data. */
function realStatements(): readonly { readonly name: string; readonly payload: Uint8Array }[] {
  return sigstoreJson().flatMap(({ name, bytes }) => {
    const [, payload] =
      /"dsseEnvelope"\s*:\s*\{[^}]*?"payload"\s*:\s*"([A-Za-z0-9+/=]+)"/.exec(new TextDecoder().decode(bytes)) ?? [];
    return payload === undefined ? [] : [{ name, payload: new Uint8Array(Buffer.from(payload, "base64")) }];
  });
}

describe.skipIf(!hasSharedData)("real statements", () => {
  test.each(realStatements())("$name", ({ name, payload }) => {
    const { predicateType, predicate } = parseStatement(payload);
    expect(isKnownPredicateType(predicateType)).toBe(true);
    // The conformance suite's own signer leaves out externalParameters, which SLSA v1 asks for.
    if (/rekor-v2|rekor2-dsse/.test(name))
      expect(codeOf(() => parsePredicate(predicateType, predicate))).toBe("CORE_PREDICATE_MALFORMED");
    else expect(parsePredicate(predicateType, predicate)).toEqual(predicate);
  });
});
