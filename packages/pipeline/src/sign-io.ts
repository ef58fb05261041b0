import { TrustError, type Requirements } from "@countersign/core";
import type { SignIo } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import type { SignWorld } from "./sign.ts";

/** What signing takes of the world, but for who judges. */
export function ioOf(world: SignWorld): Omit<SignIo, "verify"> {
  const logs = world.trust.roots.flatMap((root) => root.logs);
  const { http, watch } = world;
  return { http, sleep: (ms) => world.sleep(ms), now: () => world.now(), logs, ...(watch && { watch }) };
}

/** What a new bundle must have before a log is asked: all but the entry. */
export const unloggedNeeds: Partial<Requirements> = { logEntries: 0 };

/** What is wrong with our own bundle is nothing that a receiver could mend: PIPELINE_SELF_CHECK names it. */
export function selfCheck<T>(prove: () => T): T {
  try {
    return prove();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw pipelineError("PIPELINE_SELF_CHECK", { checked: error.code, got: error.message }, error);
  }
}
