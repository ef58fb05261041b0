import {
  attempt,
  digestOf,
  findingOf,
  hashNames,
  matchSubject,
  quote,
  TrustError,
  type Artifact,
  type Check,
  type Claims,
  type Verified,
} from "@countersign/core";
import { formatRepository, parseReference, type ImageEvidence } from "@countersign/oci";
import { parseBundle, parseDetached, type Bundle, type Detached } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import { payloadProblem, statementProblem } from "./image-role.ts";
import { examineFile, type Examined, type Run } from "./pipeline.ts";
import type { EvidenceReport } from "./report.ts";
import { verifySimpleSigning } from "./verify.ts";
import type { ImageQuestion } from "./image.ts";

/** One image, what it is judged by, and what was asked. */
export interface ImageRun extends Run {
  readonly question: ImageQuestion;
}

/**
 * Every check of one piece of evidence about an image, in whatever layout it was kept. Claims are given only if it is
 * evidence of the wanted kind about exactly this digest. Bad evidence is in the report, never thrown.
 */
export function examineImageEvidence(piece: ImageEvidence, run: ImageRun): Examined {
  try {
    const isPayload = piece.layout === "sig-tag" || piece.layout === "sig-referrer";
    return isPayload ? examinePayload(piece, run) : examineStatement(piece, run);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    const check: Check = { name: "evidence", result: "failed", detail: error.message, code: error.code };
    return { report: { source: piece.source, checks: [check], findings: [findingOf(error)] } };
  }
}

function examineStatement(piece: ImageEvidence, run: ImageRun): Examined {
  const bundle =
    piece.layout === "bundle" || piece.layout === "github"
      ? parseBundle(piece.bytes)
      : parseDetached(detachedOf(piece, { kind: "envelope", bytes: piece.bytes }));
  const examined = examineFile({ source: piece.source, bytes: piece.bytes, bundle }, run);
  return withRole(examined, (claims) => {
    const subject = claims.statement && matchSubject(claims.statement, run.artifact.digests);
    const problem = statementProblem(claims.statement, subject, run.question.role);
    return problem ?? nameProblem(subject?.name, run.question) ?? ageProblem(claims, run);
  });
}

/** The signature is over a payload that names the image: first the payload is proved, then what it says. */
function examinePayload(piece: ImageEvidence, run: ImageRun): Examined {
  const bundle: Bundle = parseDetached(
    detachedOf(piece, {
      kind: "payload",
      signature: piece.annotations.get("dev.cosignproject.cosign/signature") ?? "",
    }),
  );
  const artifact: Artifact = {
    name: run.artifact.name,
    digests: hashNames.map((name) => digestOf(name, piece.bytes)),
    bytes: piece.bytes,
    size: piece.bytes.length,
  };
  const examined = examineFile({ source: piece.source, bytes: piece.bytes, bundle }, { ...run, artifact });
  const [digest] = run.artifact.digests;
  const { claims, ...report } = examined.report;
  if (claims === undefined || digest === undefined) return examined;
  try {
    const signature = verifySimpleSigning(claims, piece.bytes, digest);
    const check: Check = { name: "payload", result: "passed", detail: `signs ${digest}` };
    const proved = { ...examined, report: { ...report, checks: [...report.checks, check], claims: signature.claims } };
    return withRole(
      proved,
      () =>
        payloadProblem(signature.payload, run.question.role) ??
        nameProblem(signature.payload.reference, run.question) ??
        ageProblem(signature.claims, run),
    );
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { ...examined, report: failed(report, "payload", error) };
  }
}

function detachedOf({ annotations }: ImageEvidence, signed: Detached["signed"]): Detached {
  const part = (name: string, annotation: string): Partial<Record<string, string>> => {
    const text = annotations.get(annotation);
    return text === undefined || text === "" ? {} : { [name]: text };
  };
  return {
    signed,
    ...part("certificate", "dev.sigstore.cosign/certificate"),
    ...part("chain", "dev.sigstore.cosign/chain"),
    ...part("logBundle", "dev.sigstore.cosign/bundle"),
    ...part("timestamp", "dev.sigstore.cosign/rfc3161timestamp"),
    ...(signed.kind === "envelope" && { timestampOver: "envelope" as const }),
  };
}

/** Takes the claims back where the evidence has not the wanted role. */
function withRole(examined: Examined, problemOf: (claims: Verified<Claims>) => TrustError | undefined): Examined {
  const { claims, ...report } = examined.report;
  if (claims === undefined) return examined;
  const problem = problemOf(claims);
  if (problem !== undefined) return { ...examined, report: failed(report, "role", problem) };
  const check: Check = { name: "role", result: "passed", detail: "evidence of the wanted kind" };
  return { ...examined, report: { ...report, checks: [...report.checks, check], claims } };
}

function failed(report: EvidenceReport, name: string, error: TrustError): EvidenceReport {
  const check: Check = { name, result: "failed", detail: error.message, code: error.code };
  return { ...report, checks: [...report.checks, check], findings: [...report.findings, findingOf(error)] };
}

/** Most signers write no name: to ask for one is the caller's choice. */
function nameProblem(got: string | undefined, { signedName }: ImageQuestion): TrustError | undefined {
  if (signedName === undefined || (got !== undefined && repositoryIn(got) === signedName)) return undefined;
  return pipelineError("PIPELINE_IMAGE_NAME", {
    expected: quote(signedName),
    got: got === undefined ? "no name" : quote(got),
  });
}

/** By the oldest of the verified times: a later one may have been added to what is old. */
function ageProblem({ times }: Claims, { question: { maxAgeMs }, now }: ImageRun): TrustError | undefined {
  if (maxAgeMs === undefined) return undefined;
  const oldest = Math.min(...times.map(({ time }) => Date.parse(time)));
  if (now.getTime() - oldest <= maxAgeMs && times.length > 0) return undefined;
  const expected = `signed after ${new Date(now.getTime() - maxAgeMs).toISOString()}`;
  return pipelineError("PIPELINE_IMAGE_AGE", {
    expected,
    got: times.length === 0 ? "no verified time" : new Date(oldest).toISOString(),
  });
}

/** The repository that a signed name means: signers write `index.docker.io` for `docker.io`, and some a tag as well. */
function repositoryIn(name: string): string | undefined {
  return attempt(() => formatRepository(parseReference(name)));
}
