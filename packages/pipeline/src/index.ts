export type { Check } from "@countersign/core";
export { describeBundle, type BundleDescription, type SubjectDescription } from "./describe.ts";
export { pipelineError, pipelineErrors } from "./errors.ts";
export { maxChecksumLines, parseChecksums } from "./checksums.ts";
export { claimedDigests, openEvidence, readingFor, type EvidenceFile } from "./evidence.ts";
export { bundleProver, signDocument, type SignedDocument } from "./document.ts";
export { inspect, type World } from "./pipeline.ts";
export { exitCodeOf, exitCodeOfError, type EvidenceReport, type Report } from "./report.ts";
export { isInstanceName, loadInstance, type EmbeddedInstance, type InstanceName } from "./roots.ts";
export { loadTrust, staleTrustDays, type Trust, type TrustFile, type TrustOptions, type TrustSource } from "./trust.ts";
export { loadTufRoot, type EmbeddedTufRoot } from "./tuf-root.ts";
export {
  fetchTrustUpdate,
  maxTrustTargetBytes,
  signingConfigTarget,
  trustedRootTarget,
  type TrustUpdate,
  type TrustUpdateOptions,
} from "./trust-update.ts";
export { makeHttp, type Fetch } from "./http.ts";
export { attest, sign, type Attestation, type Attested, type Signed, type SignWorld } from "./sign.ts";
export type { BuildFacts } from "./build-context.ts";
export type { ProvenanceMarks } from "./provenance.ts";
export { attestBuild, type BuildAttestation } from "./attest-build.ts";
export {
  exitCodeOfImage,
  inspectImage,
  inspectImages,
  maxImagesAtOnce,
  type ImageQuestion,
  type ImageReport,
  type ImageVerdict,
  type ImageWorld,
} from "./image.ts";
export { imageSignatureType, type ImageRole } from "./image-role.ts";
export {
  imageStatementBytes,
  signImage,
  type ImageSigned,
  type ImageSigning,
  type ImageSignWorld,
  type ImageStatement,
} from "./image-sign.ts";
export type { ProvedTagMap, TagMaps, TagReport } from "./image-tag.ts";
export { tufTagMaps, type TagMapSource } from "./tuf-tag-map.ts";
export {
  formatTagMap,
  maxMappedTags,
  maxTagMapBytes,
  parseTagMap,
  tagMapSchema,
  tagMapTarget,
  type TagMap,
} from "./tag-map.ts";
export { verifySimpleSigning, type ImageSignature } from "./verify.ts";
export type { EvidenceOpinion, Peer, PeerAnswer, PeerQuestion, PeerSigner, SecondOpinion } from "./second-opinion.ts";
export { tufIdentityCheck } from "./tuf-identity.ts";
export * from "./github.ts";
export * from "./github-send.ts";
