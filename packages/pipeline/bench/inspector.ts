import { digestOf, type Artifact } from "@countersign/core";
import { inspect, type Trust } from "@countersign/pipeline";
import { policy, type Signed } from "./sample.ts";

/** Runs the whole of `inspect` on samples; all must be allowed. */
export function makeInspector(trust: Trust, now: Date): (samples: readonly Signed[]) => Promise<void> {
  return async (samples) => {
    for (const sample of samples) {
      const evidence = [{ source: "bench", bytes: sample.bundle }];
      const world = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
      const { decision } = await inspect(artifactOf(sample), policy, world);
      if (decision.verdict !== "allowed") throw new Error(decision.reason);
    }
  };
}

/** The artifact of a sample, read. */
export function artifactOf({ artifact }: Signed): Artifact {
  return { name: "bench", bytes: artifact, size: artifact.length, digests: [digestOf("sha256", artifact)] };
}
