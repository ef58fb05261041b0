import type { KeyObject } from "node:crypto";
import { parseBundle, parseTrustRoot, verifyBundle } from "@countersign/sigstore";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { openChecks, replayChecks } from "./checks.ts";
import { openCorpus, type Corpus } from "./corpus-thread.ts";
import { artifactOf, makeInspector } from "./inspector.ts";
import { repeated, timed, turned, type Patience } from "./measure.ts";
import { samplePolicy, type Sample } from "./sample.ts";

/** Who is timed: two faces of Countersign, the checks alone, the same with all keys open, and @sigstore/verify. */
export type Contender = "verify" | "inspect" | "checks" | "opened" | "foreign";

/** Milliseconds that one round's bundles took, by contender. */
export type VerifyRound = Readonly<Record<Contender, number>>;

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
  const inspectAll = makeInspector(
    { root, roots: [root], keys: [], files: [], sources: [], findings: [] },
    new Date(nowMs),
  );
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
