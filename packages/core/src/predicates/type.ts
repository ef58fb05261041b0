import { coreError, quote } from "../errors.ts";
import { isUri } from "./shape.ts";

/** One predicate type as people call it. */
export interface PredicateName {
  readonly uri: string;
  /** For files and messages: lower case, digits and hyphens. */
  readonly name: string;
  /** What `--type` takes for it: cosign's aliases first, then ours. */
  readonly aliases: readonly string[];
}

/** The type of SLSA provenance v1. */
export const slsaProvenanceType = "https://slsa.dev/provenance/v1";

/** The longest predicate type that is taken, in UTF-16 units. */
export const maxPredicateTypeChars: number = 2048;

const cyclonedx: readonly PredicateName[] = ["1.4", "1.5", "1.6", "1.7"].map((version) => ({
  uri: `https://cyclonedx.org/bom/v${version}`,
  name: "cyclonedx",
  aliases: [`cyclonedx-${version}`],
}));

/** The one table of predicate types that are known here. Aliases are those of cosign where cosign has one. */
export const predicateNames: readonly PredicateName[] = [
  { uri: "https://slsa.dev/provenance/v0.2", name: "provenance-v02", aliases: ["slsaprovenance", "slsaprovenance02"] },
  { uri: slsaProvenanceType, name: "provenance", aliases: ["slsaprovenance1"] },
  { uri: "https://spdx.dev/Document", name: "spdx", aliases: ["spdx", "spdxjson"] },
  { uri: "https://cyclonedx.org/bom", name: "cyclonedx", aliases: ["cyclonedx"] },
  { uri: "https://in-toto.io/Link/v1", name: "link", aliases: ["link"] },
  { uri: "https://cosign.sigstore.dev/attestation/vuln/v1", name: "vuln", aliases: ["vuln"] },
  { uri: "https://openvex.dev/ns", name: "openvex", aliases: ["openvex"] },
  { uri: "https://cosign.sigstore.dev/attestation/v1", name: "custom", aliases: ["custom"] },
  { uri: "https://sigstore.dev/cosign/sign/v1", name: "cosign-sign", aliases: ["cosign-sign"] },
  { uri: "https://slsa.dev/verification_summary/v1", name: "vsa", aliases: ["vsa"] },
  { uri: "https://spdx.dev/Document/v2.3", name: "spdx", aliases: ["spdx-2.3"] },
  { uri: "https://spdx.dev/Document/v3", name: "spdx", aliases: ["spdx-3"] },
  ...cyclonedx,
  { uri: "https://openvex.dev/ns/v0.2.0", name: "openvex", aliases: ["openvex-0.2"] },
  { uri: "https://in-toto.io/attestation/vulns/v0.1", name: "vulns", aliases: ["vulns-0.1"] },
  { uri: "https://in-toto.io/attestation/vulns/v0.2", name: "vulns", aliases: ["vulns"] },
  { uri: "https://in-toto.io/attestation/test-result/v0.1", name: "test-result", aliases: ["test-result"] },
  { uri: "https://in-toto.io/attestation/scai/attribute-report/v0.2", name: "scai", aliases: ["scai-0.2"] },
  { uri: "https://in-toto.io/attestation/scai/v0.3", name: "scai", aliases: ["scai"] },
  { uri: "https://in-toto.io/attestation/release/v0.1", name: "release", aliases: ["release-0.1"] },
  { uri: "https://in-toto.io/attestation/release/v0.2", name: "release", aliases: ["release"] },
  { uri: "https://in-toto.io/attestation/reference/v0.1", name: "reference", aliases: ["reference"] },
  { uri: "https://in-toto.io/attestation/link/v0.3", name: "link", aliases: ["link-0.3"] },
  { uri: "https://in-toto.io/attestation/svr/v0.1", name: "svr", aliases: ["svr-0.1"] },
  { uri: "https://in-toto.io/attestation/svr/v0.2", name: "svr", aliases: ["svr"] },
  { uri: "https://scorecard.dev/result/v0.1", name: "scorecard", aliases: ["scorecard"] },
];

/**
 * The type URI that a user means: by an alias, or written out. A URI stays as it is: `X` and `X/v1` are two types, and
 * neither stands for the other. Throws CORE_PREDICATE_TYPE_UNKNOWN for anything else.
 */
export function resolvePredicateType(nameOrUri: string): string {
  const row = predicateNames.find(({ aliases }) => aliases.includes(nameOrUri));
  if (row !== undefined) return row.uri;
  if (nameOrUri.length <= maxPredicateTypeChars && isUri(nameOrUri)) return nameOrUri;
  throw coreError("CORE_PREDICATE_TYPE_UNKNOWN", { got: quote(nameOrUri) });
}

/** How to call a type in a file's name; `attestation` for one that is not in the table. */
export function nameOfPredicateType(uri: string): string {
  return predicateNames.find((row) => row.uri === uri)?.name ?? "attestation";
}
