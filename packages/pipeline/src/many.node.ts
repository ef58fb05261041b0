import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { findingOf } from "@countersign/core";
import { checkPolicy, type Policy } from "@countersign/policy";
import { pipelineError } from "./errors.ts";
import { flattenPolicy, runLane, type LaneOrder, type ListItem, type ListOutcome } from "./lane.node.ts";
import type { TrustOptions } from "./trust.ts";

/** Below this many items a second thread costs more than it saves. */
export const minItemsForThreads: number = 64;

/** How a list is judged. `lanes` is the number of threads that work, this one among them; by default one a core. */
export interface ListOptions {
  readonly policy: Policy;
  readonly trust: TrustOptions;
  readonly lanes?: number;
}

/**
 * Judges every item by itself under one policy, over all cores when it pays; the outcomes stand in the order of the
 * list. An item whose thread died has the failure PIPELINE_LANE_LOST: nothing is known of it. Throws usage errors of
 * the policy and what makes every verdict impossible. A key counts with the usual algorithm of its kind.
 */
export async function inspectList(items: readonly ListItem[], options: ListOptions): Promise<readonly ListOutcome[]> {
  checkPolicy(options.policy);
  const order = orderOf(items, options);
  const outcomes: (ListOutcome | undefined)[] = Array.from({ length: items.length });
  const done = (some: readonly (readonly [number, ListOutcome])[]): void => {
    for (const [index, outcome] of some) outcomes[index] = outcome;
  };
  const lanes = items.length < minItemsForThreads ? 1 : (options.lanes ?? availableParallelism());
  const workers = Array.from({ length: lanes - 1 }, () => runWorker(order, done));
  await Promise.all([runLane(order, done), ...workers]);
  return withLost(outcomes);
}

/** The outcomes, with the failure PIPELINE_LANE_LOST where a thread took the item and never answered. */
export function withLost(outcomes: readonly (ListOutcome | undefined)[]): readonly ListOutcome[] {
  return outcomes.map((outcome) => outcome ?? { failure: findingOf(pipelineError("PIPELINE_LANE_LOST")) });
}

function orderOf(items: readonly ListItem[], { policy, trust }: ListOptions): LaneOrder {
  const { keys = [], now, ...rest } = trust;
  const spkis = keys.map((key) => key.spki);
  return {
    items,
    policy: flattenPolicy(policy),
    trust: { ...rest, spkis },
    nowMs: now.getTime(),
    next: new SharedArrayBuffer(4),
  };
}

/** Ends when the thread ends, however it ends: what it took and did not answer stays without an outcome. */
function runWorker(order: LaneOrder, done: (some: readonly (readonly [number, ListOutcome])[]) => void): Promise<void> {
  // A worker needs a file of its own, which the package names: built code, or an entry of the bundled command.
  const worker = new Worker(createRequire(import.meta.url).resolve("#lane-worker"), { workerData: order });
  worker.on("message", done);
  return new Promise((resolve) => {
    worker.once("error", () => resolve());
    worker.once("exit", () => resolve());
  });
}
