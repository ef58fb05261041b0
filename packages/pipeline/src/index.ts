export type { Check } from "@countersign/core";
export { describeBundle, type BundleDescription, type SubjectDescription } from "./describe.ts";
export { pipelineError, pipelineErrors } from "./errors.ts";
export { readingFor, type EvidenceFile } from "./evidence.ts";
export { inspect, type World } from "./pipeline.ts";
export { exitCodeOf, exitCodeOfError, type EvidenceReport, type Report } from "./report.ts";
export { isInstanceName, loadInstance, type EmbeddedInstance, type InstanceName } from "./roots.ts";
export { loadTrust, staleTrustDays, type Trust, type TrustFile, type TrustOptions, type TrustSource } from "./trust.ts";
export { makeHttp, type Fetch } from "./http.ts";
