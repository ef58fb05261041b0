import { digestOf, type Artifact } from "@countersign/core";
import { inspect, type Trust } from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { parseBundle, parseTrustRoot, verifyBundle } from "@countersign/sigstore";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { countKinds, recordChecks, replayChecks, replayOpened } from "./checks.ts";
import { makeBenchInstance, makeSamples, samplePolicy, trustOf, type Sample } from "./corpus.ts";
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

/** Bundles that are timed in one go, before the next contender has its turn. */
const chunk = 20;

/**
 * Verifies fresh bundles by turns with Countersign, with @sigstore/verify, and makes their signature checks alone. Each
 * contender sees a bundle once; all were warmed up on others. `inspect` gets bundles of its own, of the same make.
 */
export async function measureVerify(
  bundles: number,
  warmUp: number,
  patience: Patience,
): Promise<readonly VerifyRound[]> {
  const contest = openContest();
  await contest(warmUp);
  return repeated(
    patience,
    () => contest(bundles),
    (round) => round.verify / round.checks,
  );
}

function openContest(): (bundles: number) => Promise<VerifyRound> {
  const instance = makeBenchInstance();
  const bytes = trustOf(instance);
  const root = parseTrustRoot(bytes);
  const nowMs = instance.now.getTime();
  const verify = (sample: Sample): void => {
    verifyBundle(parseBundle(sample.bundle), artifactOf(sample), root, { nowMs });
  };
  const inspectAll = makeInspector({ root, keys: [], sources: [], findings: [] }, instance.now);
  const foreign = openForeign(bytes);
  // The trust root's own chains are checked with the first bundles: a root is warm after that.
  makeSamples(instance, 2).forEach(verify);
  for (const sample of makeSamples(instance, 2)) checkCount(sample, verify);

  return async (bundles) => {
    const round = { verify: 0, inspect: 0, checks: 0, opened: 0, foreign: 0 };
    for (let turn = 0; turn * chunk < bundles; turn++) {
      const samples = makeSamples(instance, chunk);
      const others = makeSamples(instance, chunk);
      const checks = recordChecks(() => samples.forEach(verify));
      const opened = recordChecks(() => others.forEach(verify));
      const contenders: readonly [Contender, () => Promise<void> | void][] = [
        ["verify", () => samples.forEach(verify)],
        ["checks", () => replayChecks(checks)],
        ["inspect", () => inspectAll(others)],
        ["opened", () => replayOpened(opened)],
        ["foreign", () => samples.forEach(foreign)],
      ];
      for (const [name, work] of turned(contenders, turn)) round[name] += await timed(work);
    }
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

const expectedChecks = { 1: "4 prime256v1, 1 secp384r1", 2: "1 ed25519, 2 prime256v1, 2 secp384r1" } as const;

/** A verifier that made a check twice would have its own waste counted as needed. */
function checkCount(sample: Sample, verify: (sample: Sample) => void): void {
  const got = countKinds(recordChecks(() => verify(sample)));
  const expected = expectedChecks[sample.generation];
  if (got !== expected) throw new Error(`Rekor v${sample.generation} needs ${expected}, but ${got} were made`);
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
