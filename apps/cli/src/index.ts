/** The umbrella API of Countersign: one question, `verify(artifact, evidence, policy, world)`, and what it takes to ask it. */
export { openWorld, readArtifactFile, readEvidence, verify, type VerifyWorld } from "./umbrella.ts";
export { digestOf, digestStream, makeVerifier, parseDigest, parsePublicKey, TrustError } from "@countersign/core";
export type {
  Artifact,
  Check,
  Claims,
  Digest,
  Finding,
  HashName,
  Kind,
  Requirements,
  SignedBy,
  Verified,
  Verifier,
} from "@countersign/core";
export { describeBundle, exitCodeOf, loadTrust } from "@countersign/pipeline";
export type {
  BundleDescription,
  EvidenceFile,
  EvidenceReport,
  Report,
  Trust,
  TrustOptions,
  TrustSource,
} from "@countersign/pipeline";
export { inspectList, type ListItem, type ListOptions, type ListOutcome } from "@countersign/pipeline/node";
export { loadPattern, type Match, type Pattern, type Policy, type SignerRule } from "@countersign/policy";
