import type { KeyObject } from "node:crypto";
import { digestOf, type Artifact } from "@countersign/core";
import { inspect, type Trust } from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { parseBundle, parseTrustRoot, verifyBundle } from "@countersign/sigstore";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { openChecks, replayChecks } from "./checks.ts";
import { openCorpus, type Corpus } from "./corpus-thread.ts";
import { samplePolicy, type Sample } from "./corpus.ts";
import { repeated, timed, turned, type Patience } from "./measure.ts";

/** Who is timed: two faces of Countersign, the checks alone, the same with all keys open, and @sigstore/verify. */
export type Contender = "verify" | "inspect" | "checks" | "opened" | "foreign";

/** Milliseconds that one round's bundles took, by contender. */
export type VerifyRound = Readonly<Record<Contender, number>>;

/** What a policy says about the samples. */
export const policy: Policy = {
  signers: [
    { kind: "certificate", identity: { exact: samplePolicy.identity }, issuer: { exact: samplePolicy.issuer } },
  ],
};

/**
 * Verifies fresh bundles by turns with Countersign, with @sigstore/verify, and makes their signature checks alone. Each
 * contender sees a bundle once; all were warmed up on others. `inspect` gets bundles of its own, of the same make.
 */
export async function measureVerify(
  bundles: number,
  warmUp: number,
  patience: Patience,
): Promise<readonly VerifyRound[]> {
  const corpus = await openCorpus();
  try {
    const contest = openContest(corpus);
    await contest(warmUp, 0);
    return await repeated(
      patience,
      (index) => contest(bundles, index),
      (round) => round.verify / round.checks,
    );
  } finally {
    await corpus.close();
  }
}

function openContest(corpus: Corpus): (bundles: number, index: number) => Promise<VerifyRound> {
  const { trustRoot, nowMs } = corpus;
  const root = parseTrustRoot(trustRoot);
  const verify = (sample: Sample): void => {
    verifyBundle(parseBundle(sample.bundle), artifactOf(sample), root, { nowMs });
  };
  const inspectAll = makeInspector({ root, keys: [], sources: [], findings: [] }, new Date(nowMs));
  const foreign = openForeign(trustRoot);
  const known = new Map<string, KeyObject>();

  return async (bundles, index) => {
    const { samples, checks } = await corpus.next(bundles);
    const others = await corpus.next(bundles);
    const needed = openChecks(checks, known, "known");
    const opened = openChecks(others.checks, known, "all");
    const contenders: readonly [Contender, () => Promise<void> | void][] = [
      ["checks", () => replayChecks(needed)],
      ["verify", () => samples.forEach(verify)],
      ["opened", () => replayChecks(opened)],
      ["inspect", () => inspectAll(others.samples)],
      ["foreign", () => samples.forEach(foreign)],
    ];
    const round = { verify: 0, inspect: 0, checks: 0, opened: 0, foreign: 0 };
    for (const [name, work] of turned(contenders, index)) round[name] = await timed(work);
    return round;
  };
}

/** Runs the whole of `inspect` on samples; all must be allowed. */
export function makeInspector(trust: Trust, now: Date): (samples: readonly Sample[]) => Promise<void> {
  return async (samples) => {
    for (const sample of samples) {
      const evidence = [{ source: "bench", bytes: sample.bundle }];
      const world = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
      const { decision } = await inspect(artifactOf(sample), policy, world);
      if (decision.verdict !== "allowed") throw new Error(decision.reason);
    }
  };
}

function artifactOf({ artifact }: Sample): Artifact {
  return { name: "bench", bytes: artifact, size: artifact.length, digests: [digestOf("sha256", artifact)] };
}

/** @sigstore/verify with its trust material warm, used as its README does. */
function openForeign(trustRoot: Uint8Array): (sample: Sample) => void {
  const material = toTrustMaterial(TrustedRoot.fromJSON(JSON.parse(new TextDecoder().decode(trustRoot))));
  const verifier = new Verifier(material, { ctlogThreshold: 1, tlogThreshold: 1, timestampThreshold: 1 });
  const wanted = { subjectAlternativeName: samplePolicy.identity, extensions: { issuer: samplePolicy.issuer } };
  return ({ bundle, artifact }) => {
    const parsed = bundleFromJSON(JSON.parse(new TextDecoder().decode(bundle)));
    verifier.verify(toSignedEntity(parsed, Buffer.from(artifact)), wanted);
  };
}
