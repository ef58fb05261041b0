import type { Json } from "../json.ts";

const hex = "0123456789abcdef".repeat(4);
const commit = hex.slice(0, 40);
const time = "2026-11-25T10:00:00Z";

/** A good predicate of a type, and the paths of it that its specification asks for. */
export interface PredicateSample {
  readonly type: string;
  readonly good: Json;
  readonly required: readonly string[];
  /** What must be refused though everything that is required is there. */
  readonly bad?: readonly (readonly [string, Json])[];
}

const vulns = {
  scanner: {
    uri: "pkg:github/example/scanner@1",
    version: "1",
    db: { uri: "pkg:github/example/db", version: "7", lastUpdate: time },
    result: [{ id: "CVE-1", severity: [{ method: "nvd", score: "medium" }] }],
  },
  metadata: { scanStartedOn: time, scanFinishedOn: "2026-11-25T10:00:01.123456789+02:00" },
};

const vulnsRequired = [
  "scanner",
  "scanner.uri",
  "scanner.db",
  "scanner.db.lastUpdate",
  "scanner.result",
  "metadata",
  "metadata.scanStartedOn",
  "metadata.scanFinishedOn",
];

const spdx = {
  spdxVersion: "SPDX-2.3",
  SPDXID: "SPDXRef-DOCUMENT",
  name: "doc",
  documentNamespace: "https://example.com/doc",
  dataLicense: "CC0-1.0",
  creationInfo: { created: time, creators: ["Tool: t"] },
  packages: [{ SPDXID: "SPDXRef-a", name: "a", downloadLocation: "NOASSERTION" }],
};
const spdx3 = {
  "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
  "@graph": [{ type: "SpdxDocument", spdxId: "urn:x" }],
};
const cyclonedx = {
  bomFormat: "CycloneDX",
  specVersion: "1.4",
  serialNumber: "urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79",
  version: 1,
  components: [{ type: "library", name: "a", version: "1" }],
};
const vex = {
  "@context": "https://openvex.dev/ns/v0.2.0",
  "@id": "https://example.com/vex/1",
  author: "a",
  timestamp: time,
  version: 1,
  statements: [
    { vulnerability: { name: "CVE-1" }, status: "not_affected", justification: "component_not_present" },
    { vulnerability: { name: "CVE-2" }, products: [{ "@id": "pkg:npm/a" }], status: "fixed" },
    { vulnerability: { name: "CVE-3" }, status: "affected", action_statement: "update" },
  ],
};
const vexRequired = ["@context", "@id", "author", "timestamp", "version", "statements"];
const svr = { verifier: { id: "https://example.com/v", policies: [] }, timeCreated: time, properties: ["A_1"] };
const release = { purl: "pkg:npm/%40scope/name@1.2.3", packageId: "7" };
const resource = { name: "a", uri: "https://example.com/a", digest: { sha256: hex } };

/** One sample for each predicate type that is known. */
export const samples: readonly PredicateSample[] = [
  {
    type: "https://slsa.dev/provenance/v1",
    good: {
      buildDefinition: {
        buildType: "https://example.com/build/v1",
        externalParameters: { workflow: { ref: "refs/heads/main" } },
        internalParameters: { a: 1 },
        resolvedDependencies: [{ uri: "git+https://example.com/a@refs/heads/main", digest: { gitCommit: commit } }],
      },
      runDetails: {
        builder: { id: "https://example.com/builder", version: { a: "1" } },
        metadata: { invocationId: "1", startedOn: time, finishedOn: time },
        byproducts: [resource],
      },
    },
    required: [
      "buildDefinition",
      "buildDefinition.buildType",
      "buildDefinition.externalParameters",
      "runDetails",
      "runDetails.builder",
      "runDetails.builder.id",
    ],
    bad: [
      ["buildDefinition.buildType", "no uri"],
      ["buildDefinition.externalParameters", "x"],
      ["buildDefinition.resolvedDependencies.0.digest.gitCommit", "A".repeat(40)],
      ["buildDefinition.resolvedDependencies.0.digest.gitCommit", "a".repeat(39)],
      ["buildDefinition.resolvedDependencies.0", { name: "neither uri nor digest" }],
      ["runDetails.metadata.startedOn", "2026-02-30T00:00:00Z"],
      ["runDetails.metadata.startedOn", "yesterday"],
      ["runDetails.builder.version", { a: 1 }],
    ],
  },
  {
    type: "https://slsa.dev/provenance/v0.2",
    good: {
      builder: { id: "https://example.com/builder" },
      buildType: "https://example.com/build/v0",
      invocation: { configSource: { uri: "git+https://example.com/a", digest: { sha1: commit }, entryPoint: "x" } },
      metadata: { buildStartedOn: time, completeness: { parameters: true }, reproducible: false },
      materials: [{ uri: "git+https://example.com/a", digest: { sha1: commit } }],
    },
    required: ["builder", "builder.id", "buildType"],
    bad: [
      ["metadata.reproducible", "yes"],
      ["materials.0.digest", {}],
    ],
  },
  {
    type: "https://slsa.dev/verification_summary/v1",
    good: {
      verifier: { id: "https://example.com/verifier", version: { v: "1" } },
      timeVerified: time,
      resourceUri: "https://example.com/a.tgz",
      policy: { uri: "https://example.com/policy", digest: { sha256: hex } },
      inputAttestations: [{ uri: "https://example.com/p", digest: { sha256: hex } }],
      verificationResult: "PASSED",
      verifiedLevels: ["SLSA_BUILD_LEVEL_3"],
      dependencyLevels: { SLSA_BUILD_LEVEL_3: 5, SLSA_BUILD_LEVEL_2: 7 },
      slsaVersion: "1.0",
    },
    required: ["verifier", "verifier.id", "resourceUri", "policy", "verificationResult", "verifiedLevels"],
    bad: [
      ["verificationResult", "passed"],
      ["policy", {}],
      ["policy", { digest: { sha256: hex } }],
      ["verifiedLevels", ["SLSA_BUILD_LEVEL_2", "SLSA_BUILD_LEVEL_3"]],
      ["dependencyLevels", { SLSA_BUILD_LEVEL_3: -1 }],
      ["inputAttestations.0", { uri: "https://example.com/p" }],
    ],
  },
  {
    type: "https://spdx.dev/Document",
    good: spdx,
    required: ["spdxVersion", "SPDXID", "name", "documentNamespace", "dataLicense", "creationInfo"],
    bad: [["spdxVersion", "SPDX-1.2"]],
  },
  {
    type: "https://spdx.dev/Document/v2.3",
    good: spdx,
    required: ["spdxVersion", "SPDXID", "name", "documentNamespace", "dataLicense", "creationInfo.creators"],
    bad: [["spdxVersion", "SPDX-2.2"]],
  },
  {
    type: "https://spdx.dev/Document/v3",
    good: spdx3,
    required: ["@context", "@graph"],
    bad: [
      ["@context", "https://example.com/context"],
      ["@graph", []],
    ],
  },
  {
    type: "https://cyclonedx.org/bom",
    good: { ...cyclonedx, specVersion: "1.6" },
    required: ["bomFormat", "specVersion"],
    bad: [
      ["bomFormat", "cyclonedx"],
      ["specVersion", "2.0"],
      ["serialNumber", "urn:uuid:1"],
      ["version", 1.5],
      ["version", 0],
    ],
  },
  ...["1.4", "1.5", "1.6", "1.7"].map((specVersion) => ({
    type: `https://cyclonedx.org/bom/v${specVersion}`,
    good: { ...cyclonedx, specVersion },
    required: ["bomFormat", "specVersion", ...(specVersion === "1.4" ? ["version"] : [])],
    bad: [["specVersion", "1.3"]] as const,
  })),
  {
    type: "https://openvex.dev/ns",
    good: { ...vex, "@context": "https://openvex.dev/ns", version: "1" },
    required: vexRequired,
    bad: [
      ["@context", "https://openvex.dev/nsx"],
      ["version", "0"],
      ["statements", []],
      ["statements.0.justification", "because"],
      ["statements.0.status", "unaffected"],
      ["statements.0", { vulnerability: { name: "CVE-1" }, status: "not_affected" }],
      ["statements.0", { vulnerability: { name: "CVE-1" }, status: "affected", action_statement: "" }],
    ],
  },
  { type: "https://openvex.dev/ns/v0.2.0", good: vex, required: vexRequired, bad: [["version", 1.5]] },
  {
    type: "https://in-toto.io/attestation/vulns/v0.2",
    good: vulns,
    required: vulnsRequired,
    bad: [["scanner.result.0", { vulnerability: { id: "CVE-1", severity: [] } }]],
  },
  {
    type: "https://in-toto.io/attestation/vulns/v0.1",
    good: vulns,
    required: vulnsRequired,
    bad: [["scanner.result.0.severity.0", { method: "nvd" }]],
  },
  {
    type: "https://cosign.sigstore.dev/attestation/vuln/v1",
    good: {
      invocation: { parameters: [], uri: "", event_id: "", "builder.id": "" },
      scanner: { ...vulns.scanner, result: { anything: [1] } },
      metadata: vulns.metadata,
    },
    required: ["scanner", "scanner.uri", "scanner.result", "metadata", "metadata.scanFinishedOn"],
  },
  {
    type: "https://in-toto.io/attestation/test-result/v0.1",
    good: {
      result: "PASSED",
      configuration: [{ name: "ci.yml", downloadLocation: "https://example.com/ci.yml", digest: { gitBlob: commit } }],
      url: "https://example.com/run/1",
      passedTests: ["a"],
      warnedTests: [],
      failedTests: [],
    },
    required: ["result", "configuration"],
    bad: [
      ["result", "OK"],
      ["passedTests", [""]],
    ],
  },
  ...["scai/attribute-report/v0.2", "scai/v0.3"].map((path) => ({
    type: `https://in-toto.io/attestation/${path}`,
    good: {
      attributes: [{ attribute: "WITH_STACK_PROTECTION", conditions: { flags: "-f" }, evidence: resource }],
      producer: { uri: "https://example.com/gcc" },
    },
    required: ["attributes", "attributes.0.attribute"],
    bad: [
      ["attributes", []],
      ["producer", { name: "gcc" }],
    ] as const,
  })),
  ...["v0.1", "v0.2"].map((version) => ({
    type: `https://in-toto.io/attestation/release/${version}`,
    good: release,
    required: ["purl"],
    bad: [
      ["purl", "pkg:npm/name"],
      ["purl", "pkg:npm/@scope/name"],
      ["purl", "https://example.com/a@1"],
      ["purl", "pkg:npm/name@"],
    ] as const,
  })),
  {
    type: "https://in-toto.io/attestation/reference/v0.1",
    good: {
      attester: { id: "https://example.com/a" },
      references: [
        { downloadLocation: "https://example.com/sbom", digest: { sha256: hex }, mediaType: "application/spdx+json" },
      ],
    },
    required: ["attester", "attester.id", "references", "references.0.downloadLocation", "references.0.mediaType"],
  },
  {
    type: "https://in-toto.io/attestation/link/v0.3",
    good: { name: "build", command: ["make"], materials: [resource], byproducts: {}, environment: {} },
    required: ["name", "materials.0.name", "materials.0.digest"],
    bad: [["materials", [resource, resource]]],
  },
  {
    type: "https://in-toto.io/Link/v1",
    good: { _type: "link", name: "build", command: [], materials: { a: { sha256: hex } }, products: {} },
    required: ["name"],
    bad: [["materials", { a: {} }]],
  },
  {
    type: "https://in-toto.io/attestation/svr/v0.1",
    good: { verifier: { id: "https://example.com/v" }, timeCreated: time, properties: [] },
    required: ["verifier", "verifier.id", "timeCreated", "properties"],
  },
  {
    type: "https://in-toto.io/attestation/svr/v0.2",
    good: svr,
    required: ["verifier", "verifier.id", "verifier.policies", "timeCreated", "properties"],
    bad: [["properties", [7]]],
  },
  {
    type: "https://scorecard.dev/result/v0.1",
    good: {
      date: "2026-11-25",
      repo: { name: "github.com/a/b", commit },
      scorecard: { version: "v5", commit },
      score: 7.4,
      checks: [{ name: "Fuzzing", score: -1, reason: "could not tell", details: null }],
      metadata: null,
    },
    required: ["date", "scorecard", "score", "checks"],
    bad: [
      ["date", "2026-13-01"],
      ["score", 11],
      ["checks.0.score", 7.5],
    ],
  },
  { type: "https://sigstore.dev/cosign/sign/v1", good: {}, required: [], bad: [["", "text"]] },
  {
    type: "https://cosign.sigstore.dev/attestation/v1",
    good: { Data: "foo\n", Timestamp: time },
    required: ["Data", "Timestamp"],
  },
];
