import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { findingOf } from "@countersign/core";
import { checkPolicy, type Policy } from "@countersign/policy";
import { pipelineError } from "./errors.ts";
import {
  flattenPolicy,
  openLane,
  type LaneOrder,
  type LaneOutcomes,
  type ListItem,
  type ListOutcome,
} from "./lane.node.ts";
import type { TrustOptions } from "./trust.ts";

/** Below this many items a second thread costs more than it saves, when it has to be started. */
export const minItemsForThreads: number = 64;

/** What lanes are opened with. `lanes` is the number of threads that work, this one among them; by default one a core. */
export interface LaneOptions {
  readonly trust: TrustOptions;
  readonly lanes?: number;
}

/** How a list is judged. */
export interface ListOptions extends LaneOptions {
  readonly policy: Policy;
}

/** Threads that stand ready for list after list. Until they are closed they keep the process alive. */
export interface Lanes {
  /**
   * Judges every item by itself under one policy; the outcomes stand in the order of the list. An item whose thread died
   * has the failure PIPELINE_LANE_LOST: nothing is known of it. One list at a time. Throws usage errors of the policy.
   */
  inspectList(
    items: readonly ListItem[],
    order: { readonly policy: Policy; readonly now: Date },
  ): Promise<readonly ListOutcome[]>;
  close(): Promise<void>;
}

/**
 * Starts threads and reads the trust root in each, once. Throws what makes every verdict impossible. A key counts with
 * the usual algorithm of its kind.
 */
export async function openLanes({ trust, lanes = availableParallelism() }: LaneOptions): Promise<Lanes> {
  const { keys = [], now, ...rest } = trust;
  const laneTrust = { ...rest, spkis: keys.map((key) => key.spki), nowMs: now.getTime() };
  // A worker needs a file of its own, which the package names: built code, or an entry of the bundled command.
  const start = (): Worker =>
    new Worker(createRequire(import.meta.url).resolve("#lane-worker"), { workerData: laneTrust });
  const workers = new Set(Array.from({ length: lanes - 1 }, start));
  for (const worker of workers) {
    // Whoever waits for one hears of its end by `exit`; an error that nobody heard would end the process.
    worker.on("error", () => {});
    worker.once("exit", () => workers.delete(worker));
  }
  const close = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.terminate()));
  };
  const own = await openLane(laneTrust).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    close,
    async inspectList(items, order) {
      checkPolicy(order.policy);
      const laneOrder = orderOf(items, order);
      const outcomes: (ListOutcome | undefined)[] = Array.from({ length: items.length });
      const done = (some: LaneOutcomes): void => {
        for (const [index, outcome] of some) outcomes[index] = outcome;
      };
      const others = [...workers].map((worker) => runWorker(worker, laneOrder, done));
      await Promise.all([own(laneOrder, done), ...others]);
      return withLost(outcomes);
    },
  };
}

/** Opens lanes for one list and closes them: as `Lanes.inspectList`, over all cores when it pays. */
export async function inspectList(items: readonly ListItem[], options: ListOptions): Promise<readonly ListOutcome[]> {
  const { policy, trust } = options;
  checkPolicy(policy);
  const lanes = await openLanes({ ...options, ...(items.length < minItemsForThreads && { lanes: 1 }) });
  try {
    return await lanes.inspectList(items, { policy, now: trust.now });
  } finally {
    await lanes.close();
  }
}

/** The outcomes, with the failure PIPELINE_LANE_LOST where a thread took the item and never answered. */
export function withLost(outcomes: readonly (ListOutcome | undefined)[]): readonly ListOutcome[] {
  return outcomes.map((outcome) => outcome ?? { failure: findingOf(pipelineError("PIPELINE_LANE_LOST")) });
}

function orderOf(
  items: readonly ListItem[],
  { policy, now }: { readonly policy: Policy; readonly now: Date },
): LaneOrder {
  return { items, policy: flattenPolicy(policy), nowMs: now.getTime(), next: new SharedArrayBuffer(4) };
}

/** Ends when the thread is done or dead: what it took and did not answer stays without an outcome. */
function runWorker(worker: Worker, order: LaneOrder, done: (some: LaneOutcomes) => void): Promise<void> {
  return new Promise((resolve) => {
    const hear = (message: LaneOutcomes | "end"): void => {
      if (message === "end") finish();
      else done(message);
    };
    const finish = (): void => {
      worker.off("message", hear);
      worker.off("exit", finish);
      resolve();
    };
    worker.on("message", hear);
    worker.once("exit", finish);
    worker.postMessage(order);
  });
}
