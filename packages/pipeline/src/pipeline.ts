import {
  findingOf,
  slsaProvenanceType,
  TrustError,
  type Artifact,
  type Finding,
  type Verifier,
  type Check,
  type Claims,
  type Verified,
} from "@countersign/core";
import { checkPolicy, evaluate, type Decision, type Policy } from "@countersign/policy";
import { examineBundle, parseBundle, type Bundle, type Examination, type Examine } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import type { EvidenceFile } from "./evidence.ts";
import { groundsOf } from "./grounds.ts";
import type { EvidenceReport, Report } from "./report.ts";
import type { Peer } from "./second-opinion.ts";
import type { Trust } from "./trust.ts";
import type { warnOfUnasked } from "./unasked.ts";

/** The outside world of one run: clock, trust and evidence, injected. */
export interface World {
  now(): Date;
  trust(): Promise<Trust>;
  evidence(artifact: Artifact): AsyncIterable<EvidenceFile> | Iterable<EvidenceFile>;
  /** Judges the bundles: `examineBundle` unless given; one of `makeExamine` where many artifacts share an attestation. */
  readonly examine?: Examine;
  /** An independent implementation that must agree, and the artifact's bytes for it if they are not in `artifact`. */
  readonly peer?: Peer;
  readonly message?: Uint8Array;
}

/**
 * artifact → evidence → claims → decision → report: the whole product is this function.
 * Bad evidence is in the report, never thrown. Usage errors are thrown unless other evidence is enough, and so is what
 * makes every verdict impossible.
 */
export async function inspect(artifact: Artifact, policy: Policy, world: World): Promise<Report> {
  checkPolicy(policy);
  const { examine } = world;
  const run: Run = { artifact, policy, trust: await world.trust(), now: world.now(), ...(examine && { examine }) };
  const examined: Examined[] = [];
  const files: EvidenceFile[] = [];
  for await (const file of world.evidence(artifact)) {
    files.push(file);
    examined.push(examineFile(file, run));
  }
  const evidence = await Promise.all(examined.map((each) => withMarks(each.report)));
  const claims = evidence.flatMap((each) => each.claims ?? []);
  const decision = evaluate(claims, policy);
  // Whoever may add a bundle could otherwise stop a good one with an unfitting one.
  const usage = examined.find((each) => each.usage !== undefined)?.usage;
  if (usage !== undefined && decision.verdict !== "allowed") throw usage;
  const report = reportOf(run, evidence, decision, await remarksOn(claims, policy, decision));
  const { peer, message } = world;
  return peer === undefined ? report : await withSecondOpinion(report, { run, files, peer, message });
}

/** Loaded only where an attestation might be taken for a signature. */
async function remarksOn(...asked: Parameters<typeof warnOfUnasked>): Promise<readonly Finding[]> {
  if (!asked[0].some(({ statement }) => statement !== undefined)) return [];
  return (await import("./unasked.ts")).warnOfUnasked(...asked);
}

/** Loaded only where somebody is to be asked. */
async function withSecondOpinion(report: Report, asked: Asked): Promise<Report> {
  const { addOpinion } = await import("./second-opinion.ts");
  const { run, peer, files } = asked;
  const message = asked.message ?? run.artifact.bytes;
  const evidence = files.map(({ bytes }, index) => ({
    bytes,
    report: report.evidence[index] as EvidenceReport,
    ...(message !== undefined && { message }),
  }));
  return addOpinion(report, { ...run, peer, evidence });
}

interface Asked {
  readonly run: Run;
  readonly files: readonly EvidenceFile[];
  readonly peer: Peer;
  readonly message: Uint8Array | undefined;
}

/** What the certificate stands for in a provenance that was proved; loaded only where there is one. */
async function withMarks(report: EvidenceReport): Promise<EvidenceReport> {
  const { claims } = report;
  if (claims?.statement?.predicateType !== slsaProvenanceType) return report;
  const { marksOfClaims } = await import("./provenance.ts");
  const { marks, findings } = marksOfClaims(claims);
  return { ...report, ...(marks && { provenance: marks }), findings: [...report.findings, ...findings] };
}

/** What one piece of evidence came to; `usage` if it cannot be judged in the way that was asked. */
export interface Examined {
  readonly report: EvidenceReport;
  /** Asked in a way that this evidence cannot be judged by. */
  readonly usage?: TrustError;
}

/** One artifact, and what it is judged by. */
export interface Run {
  readonly artifact: Artifact;
  readonly policy: Policy;
  readonly trust: Trust;
  readonly now: Date;
  readonly examine?: Examine;
}

/** Every check of one piece of evidence, what the policy says of it last. Bad evidence is in the report, never thrown. */
export function examineFile(file: EvidenceFile, run: Run): Examined {
  try {
    const { checks, claims, problem } = examineWithKeys(file.bundle ?? parseBundle(file.bytes), run);
    if (claims === undefined)
      return { report: { source: file.source, checks, findings: problem === undefined ? [] : [findingOf(problem)] } };
    return {
      report: { source: file.source, checks: [...checks, checkPolicyMet(claims, run.policy)], findings: [], claims },
    };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const check = { name: "bundle", result: "failed", detail: error.message, code: error.code } as const;
    const report = { source: file.source, checks: [check], findings: [findingOf(error)] };
    return error.kind === "usage" ? { report, usage: error } : { report };
  }
}

/** Whether this evidence counts for the policy, as one more line of its checks; how many it takes is said of all together. */
function checkPolicyMet(claims: Verified<Claims>, policy: Policy): Check {
  const { verdict, rule, reason, findings } = evaluate([claims], { ...policy, threshold: 1 });
  if (verdict === "allowed") return { name: "policy", result: "passed", detail: rule ?? reason };
  const [first] = findings;
  return { name: "policy", result: "failed", detail: reason, ...(first && { code: first.code }) };
}

/** By the first key that proves something; if none does, what the one that the bundle names came to, or the first. */
function examineWithKeys(bundle: Bundle, run: Run): Examination {
  const outcomes: (Examination | TrustError)[] = [];
  for (const key of keysFor(bundle, run)) {
    const outcome = attemptExamine(bundle, run, key);
    if (!(outcome instanceof TrustError) && outcome.claims !== undefined) return outcome;
    outcomes.push(outcome);
  }
  const named = outcomes.find((outcome) => isByNamedKey(bundle, outcome));
  if (named !== undefined) return named as Examination;
  const usage = outcomes.find((outcome) => outcome instanceof TrustError);
  if (usage !== undefined) throw usage;
  return outcomes[0] as Examination;
}

function isByNamedKey({ material }: Bundle, outcome: Examination | TrustError): boolean {
  if (outcome instanceof TrustError || material.kind !== "key" || material.hint === "") return false;
  return outcome.checks.every(({ code }) => code !== "SIGSTORE_KEY_HINT");
}

/** A digest that one key cannot use says nothing about the next key. */
function attemptExamine(bundle: Bundle, run: Run, key: Verifier | undefined): Examination | TrustError {
  try {
    return examine(bundle, run, key);
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}

// A policy that names only keys hands its key to a certificate bundle too, which then says that it is the wrong kind.
function keysFor(bundle: Bundle, { policy, trust }: Run): readonly (Verifier | undefined)[] {
  const wanted = policy.signers.some((rule) => rule.kind === "certificate");
  if (bundle.material.kind === "certificate" && wanted) return [undefined];
  return trust.keys.length === 0 ? [undefined] : trust.keys;
}

function examine(bundle: Bundle, run: Run, key: Verifier | undefined): Examination {
  const { artifact, policy, trust, now, examine: judge = examineBundle } = run;
  const { root, require } = groundsOf(bundle, trust, key);
  return judge(bundle, artifact, root, {
    require: { ...require, ...policy.require },
    nowMs: now.getTime(),
    ...(trust.witnesses === undefined ? {} : { witnesses: trust.witnesses }),
    ...(key === undefined ? {} : { key }),
  });
}

function reportOf(
  { artifact, trust, now }: Run,
  evidence: readonly EvidenceReport[],
  decision: Decision,
  remarks: readonly Finding[],
): Report {
  const findings = [...findingsOf(evidence, decision), ...remarks, ...trust.findings];
  const [against] = findings.filter((finding) => finding.level !== "warn");
  const allowed = decision.verdict === "allowed";
  return {
    schema: "countersign.report/v1",
    artifact: { name: artifact.name, digests: artifact.digests },
    decision: {
      verdict: decision.verdict,
      ...(decision.rule === undefined ? {} : { rule: decision.rule }),
      reason: allowed ? decision.reason : (against?.message ?? decision.reason),
      ...(allowed || against === undefined ? {} : { code: against.code }),
    },
    evidence,
    findings,
    trust: { sources: trust.sources },
    at: now.toISOString(),
  };
}

// What one bundle failed does not stand against an artifact that another one proves.
function findingsOf(evidence: readonly EvidenceReport[], decision: Decision): readonly Finding[] {
  const failed = evidence.flatMap((each) => each.findings);
  if (decision.verdict === "allowed") return failed.map((finding) => ({ ...finding, level: "warn" }));
  if (evidence.length === 0) return [findingOf(pipelineError("PIPELINE_NO_EVIDENCE"))];
  const hasClaims = evidence.some((each) => each.claims !== undefined);
  return hasClaims ? [...decision.findings, ...failed] : failed;
}
