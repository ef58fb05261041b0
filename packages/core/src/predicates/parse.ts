import type { Json } from "../json.ts";
import { parseCosignCustom, parseCosignSign } from "./cosign.ts";
import { parseLegacyLinkPredicate, parseLinkPredicate } from "./link.ts";
import { parseOpenVex } from "./openvex.ts";
import { parseReference } from "./reference.ts";
import { parseRelease } from "./release.ts";
import { parseCycloneDx, parseCycloneDxOf } from "./cyclonedx.ts";
import { parseSpdx, parseSpdx23, parseSpdx3 } from "./spdx.ts";
import { parseAttributeReport } from "./scai.ts";
import { parseScorecardResult } from "./scorecard.ts";
import { parseSlsaProvenance, parseSlsaProvenanceV02 } from "./slsa-provenance.ts";
import { parseSimpleVerificationResult, parseSimpleVerificationResultV01 } from "./svr.ts";
import { parseTestResult } from "./test-result.ts";
import { parseVerificationSummary } from "./vsa.ts";
import { parseCosignVulnerabilityScan, parseVulnerabilityScan, parseVulnerabilityScanV01 } from "./vulns.ts";

const parsers: ReadonlyMap<string, (predicate: Json) => unknown> = new Map<string, (predicate: Json) => unknown>([
  ["https://slsa.dev/provenance/v0.2", parseSlsaProvenanceV02],
  ["https://slsa.dev/provenance/v1", parseSlsaProvenance],
  ["https://spdx.dev/Document", parseSpdx],
  ["https://spdx.dev/Document/v2.3", parseSpdx23],
  ["https://spdx.dev/Document/v3", parseSpdx3],
  ["https://cyclonedx.org/bom", parseCycloneDx],
  ...["1.4", "1.5", "1.6", "1.7"].map(
    (version) => [`https://cyclonedx.org/bom/v${version}`, parseCycloneDxOf(version)] as const,
  ),
  ["https://in-toto.io/Link/v1", parseLegacyLinkPredicate],
  ["https://in-toto.io/attestation/link/v0.3", parseLinkPredicate],
  ["https://cosign.sigstore.dev/attestation/vuln/v1", parseCosignVulnerabilityScan],
  ["https://in-toto.io/attestation/vulns/v0.1", parseVulnerabilityScanV01],
  ["https://in-toto.io/attestation/vulns/v0.2", parseVulnerabilityScan],
  ["https://openvex.dev/ns", parseOpenVex],
  ["https://openvex.dev/ns/v0.2.0", parseOpenVex],
  ["https://cosign.sigstore.dev/attestation/v1", parseCosignCustom],
  ["https://sigstore.dev/cosign/sign/v1", parseCosignSign],
  ["https://slsa.dev/verification_summary/v1", parseVerificationSummary],
  ["https://in-toto.io/attestation/test-result/v0.1", parseTestResult],
  ["https://in-toto.io/attestation/scai/attribute-report/v0.2", parseAttributeReport],
  ["https://in-toto.io/attestation/scai/v0.3", parseAttributeReport],
  ["https://in-toto.io/attestation/release/v0.1", parseRelease],
  ["https://in-toto.io/attestation/release/v0.2", parseRelease],
  ["https://in-toto.io/attestation/reference/v0.1", parseReference],
  ["https://in-toto.io/attestation/svr/v0.1", parseSimpleVerificationResultV01],
  ["https://in-toto.io/attestation/svr/v0.2", parseSimpleVerificationResult],
  ["https://scorecard.dev/result/v0.1", parseScorecardResult],
]);

/**
 * Reads a predicate by the rules of its type; one of a type that is not known here comes back as it is. Says nothing
 * about whether it is true, or signed. Throws CORE_PREDICATE_MALFORMED.
 */
export function parsePredicate(predicateType: string, predicate: Json): unknown {
  return parsers.get(predicateType)?.(predicate) ?? predicate;
}

/** Whether predicates of this type are looked into. */
export function isKnownPredicateType(predicateType: string): boolean {
  return parsers.has(predicateType);
}
