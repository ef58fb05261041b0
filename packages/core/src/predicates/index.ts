export { makeCosignCustom, makeCosignSign, parseCosignCustom, parseCosignSign, type CosignCustom } from "./cosign.ts";
export {
  makeLinkPredicate,
  parseLegacyLinkPredicate,
  parseLinkPredicate,
  type LegacyLinkPredicate,
  type LinkPredicate,
} from "./link.ts";
export { makeOpenVex, parseOpenVex, type OpenVex, type VexJustification, type VexStatement } from "./openvex.ts";
export { isKnownPredicateType, parsePredicate } from "./parse.ts";
export { makeReference, parseReference, type Reference } from "./reference.ts";
export { makeRelease, parseRelease, type Release } from "./release.ts";
export type { DigestSet, ResourceDescriptor } from "./resource.ts";
export { makeCycloneDx, newCycloneDxVersion, parseCycloneDx, type CycloneDxBom } from "./cyclonedx.ts";
export {
  makeSpdx23,
  makeSpdx3,
  parseSpdx,
  parseSpdx23,
  parseSpdx3,
  type Spdx2Document,
  type Spdx3Document,
} from "./spdx.ts";
export { makeAttributeReport, parseAttributeReport, type AttributeAssertion, type AttributeReport } from "./scai.ts";
export { makeScorecardResult, parseScorecardResult, type ScorecardCheck, type ScorecardResult } from "./scorecard.ts";
export { maxPredicateItems } from "./shape.ts";
export {
  makeSlsaProvenance,
  makeSlsaProvenanceV02,
  parseSlsaProvenance,
  parseSlsaProvenanceV02,
  type BuildDefinition,
  type Builder,
  type BuildMetadata,
  type RunDetails,
  type SlsaProvenance,
  type SlsaProvenanceV02,
} from "./slsa-provenance.ts";
export {
  makeSimpleVerificationResult,
  parseSimpleVerificationResult,
  parseSimpleVerificationResultV01,
  type SimpleVerificationResult,
} from "./svr.ts";
export { makeTestResult, parseTestResult, type TestResult } from "./test-result.ts";
export {
  maxPredicateTypeChars,
  nameOfPredicateType,
  predicateNames,
  resolvePredicateType,
  slsaProvenanceType,
  type PredicateName,
} from "./type.ts";
export { makeVerificationSummary, parseVerificationSummary, type VerificationSummary } from "./vsa.ts";
export {
  makeVulnerabilityScan,
  makeVulnerabilityScanV01,
  parseCosignVulnerabilityScan,
  parseVulnerabilityScan,
  parseVulnerabilityScanV01,
  type CosignVulnerabilityScan,
  type Vulnerability,
  type VulnerabilityScan,
} from "./vulns.ts";
