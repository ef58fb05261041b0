import { digestOf, makeVerifier, parseBase64, TrustError, utf8, type Artifact, type Claims } from "@countersign/core";
import { inspect, loadTrust, readingFor, type Peer, type Report, type World } from "@countersign/pipeline";
import { loadPattern, type Policy, type SignerRule } from "@countersign/policy";
import { editText, type Vector, type VectorSigner } from "./attack-vector.ts";

/** What came of a vector: `ok` with claims, or the code of the refusal or of what was thrown, and its kind. */
export interface Verdict {
  readonly code: string;
  readonly kind?: TrustError["kind"];
  readonly report?: Report;
  readonly claims?: Claims;
}

/** How the artifact is given. */
export type Mode = "path" | "digest";

/** The texts of a vector's two files. */
export interface VectorFiles {
  readonly bundle: string;
  readonly root: string;
}

/** Judges a vector through the whole pipeline, with its own clock, trust root and policy; a peer must agree if there is one. */
export async function judge(vector: Vector, files: VectorFiles, mode: Mode, peer?: Peer): Promise<Verdict> {
  try {
    const report = await inspectVector(vector, files, mode, peer);
    const claims = report.evidence[0]?.claims;
    const { verdict, code } = report.decision;
    if (verdict === "allowed") return { code: "ok", report, ...(claims === undefined ? {} : { claims }) };
    return { code: code ?? "refused without a code", report };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { code: error.code, kind: error.kind };
  }
}

async function inspectVector(vector: Vector, files: VectorFiles, mode: Mode, peer: Peer | undefined): Promise<Report> {
  const keys = vector.policy.signers.flatMap((signer) =>
    "key" in signer ? [makeVerifier(parseBase64(signer.key))] : [],
  );
  const evidence = [{ source: "vector", bytes: utf8(editText(files.bundle, vector.edits)) }];
  const { hashes } = readingFor(evidence, keys);
  const now = new Date(vector.nowMs);
  const world: World = {
    now: () => now,
    trust: () =>
      loadTrust({ files: [{ source: "vector", bytes: utf8(editText(files.root, vector.rootEdits)) }], keys, now }),
    evidence: () => evidence,
    ...(peer !== undefined && { peer }),
  };
  return inspect(artifactOf(vector, mode, hashes), await policyOf(vector), world);
}

function artifactOf({ artifact }: Vector, mode: Mode, hashes: Vector["artifact"]["digests"]): Artifact {
  const bytes = parseBase64(artifact.base64);
  const names = mode === "path" ? hashes : artifact.digests;
  const digests = names.map((name) => digestOf(name, bytes));
  return { name: "release.tar", digests, ...(mode === "path" ? { bytes, size: bytes.length } : {}) };
}

async function policyOf({ policy }: Vector): Promise<Policy> {
  const signers = await Promise.all(policy.signers.map(ruleOf));
  return { ...policy, signers };
}

async function ruleOf(signer: VectorSigner): Promise<SignerRule> {
  if ("key" in signer) return { kind: "key", keyid: makeVerifier(parseBase64(signer.key)).keyid };
  if (signer.pattern === undefined) {
    return { kind: "certificate", identity: { exact: signer.identity }, issuer: { exact: signer.issuer } };
  }
  const [identity, issuer] = await Promise.all([loadPattern(signer.identity), loadPattern(signer.issuer)]);
  return { kind: "certificate", identity: { pattern: identity }, issuer: { pattern: issuer } };
}
