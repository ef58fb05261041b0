import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { findingOf } from "@countersign/core";
import { checkPolicy, type Policy } from "@countersign/policy";
import { pipelineError } from "./errors.ts";
import {
  flattenPolicy,
  openLane,
  type Judge,
  type LaneItems,
  type LaneOrder,
  type LaneOutcomes,
  type LaneTrust,
  type ListItem,
  type ListOutcome,
} from "./lane.node.ts";
import type { TrustOptions } from "./trust.ts";

/** Below this many items a second thread costs more than it saves, when it has to be started. */
export const minItemsForThreads: number = 64;

/** The most items that go to a thread at once. */
export const laneItems: number = 8;
/** The room for young objects in a thread, in megabytes: more would only be filled before it is swept. */
const threadYoungMb = 12;

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
  inspectList(items: readonly ListItem[], order: ListOrder): Promise<readonly ListOutcome[]>;
  /**
   * As `inspectList`, but each outcome is handed to `hear` as soon as it is there, in any order, and is not kept: what a long
   * list needs of memory does not grow with its reports. Lost items are told at the end.
   */
  judgeList(items: readonly ListItem[], order: ListOrder, hear: Hear): Promise<void>;
  close(): Promise<void>;
}

/** By what one list is judged. */
export interface ListOrder {
  readonly policy: Policy;
  readonly now: Date;
  /** Whether an independent implementation must agree; it is given artifacts of at most 64 MiB. */
  readonly secondOpinion?: true;
  /** Whether the reports come without their evidence, for who wants verdicts: checks and claims take long to cross threads. */
  readonly brief?: true;
}

/** Is told the outcome of the item at a place in the list. Must not throw. */
export type Hear = (index: number, outcome: ListOutcome) => void;

/**
 * Starts threads and reads the trust root in each, once. Throws what makes every verdict impossible. A key counts with
 * the usual algorithm of its kind.
 */
export async function openLanes({ trust, lanes = availableParallelism() }: LaneOptions): Promise<Lanes> {
  const { keys = [], now, ...rest } = trust;
  const laneTrust = { ...rest, spkis: keys.map((key) => key.spki), nowMs: now.getTime() };
  const workers = startWorkers(lanes - 1, laneTrust);
  const close = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.terminate()));
  };
  const own = await openLane(laneTrust).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  const judgeList: Lanes["judgeList"] = async (items, { policy, now: at, ...how }, hear) => {
    checkPolicy(policy);
    const order = { policy: flattenPolicy(policy), nowMs: at.getTime(), ...how };
    const list: List = { items, next: 0, lanes: workers.size + 1, hear, open: new Set() };
    const judge = await own(order);
    // This thread takes the first item: another may still be starting, and somebody waits for the first result.
    const mine = judgeHere(judge, list);
    await Promise.all([mine, ...[...workers].map((worker) => feedWorker(worker, order, list))]);
    for (const index of list.open) hear(index, lostOutcome());
  };
  return { close, judgeList, inspectList: (items, order) => collect(items, (hear) => judgeList(items, order, hear)) };
}

/** The outcomes in the order of the list, once all were heard. */
async function collect(
  items: readonly ListItem[],
  judge: (hear: Hear) => Promise<void>,
): Promise<readonly ListOutcome[]> {
  const outcomes: (ListOutcome | undefined)[] = Array.from({ length: items.length });
  await judge((index, outcome) => (outcomes[index] = outcome));
  return withLost(outcomes);
}

/** The threads that live; one that ends leaves the set. */
function startWorkers(count: number, laneTrust: LaneTrust): Set<Worker> {
  // A worker needs a file of its own, which the package names: built code, or an entry of the bundled command.
  const start = (): Worker =>
    new Worker(createRequire(import.meta.url).resolve("#lane-worker"), {
      workerData: laneTrust,
      resourceLimits: { maxYoungGenerationSizeMb: threadYoungMb },
    });
  const workers = new Set(Array.from({ length: count }, start));
  for (const worker of workers) {
    // Whoever waits for one hears of its end by `exit`; an error that nobody heard would end the process.
    worker.on("error", () => {});
    worker.once("exit", () => workers.delete(worker));
  }
  return workers;
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
  return outcomes.map((outcome) => outcome ?? lostOutcome());
}

function lostOutcome(): ListOutcome {
  return { failure: findingOf(pipelineError("PIPELINE_LANE_LOST")) };
}

/** A list on its way through the lanes. */
interface List {
  readonly items: readonly ListItem[];
  /** The first item that no lane has taken. */
  next: number;
  readonly lanes: number;
  readonly hear: Hear;
  /** The places that a thread has taken and not answered. */
  readonly open: Set<number>;
}

/** How many items this thread judges before it hears and feeds the others, which have more than that before them. */
const turnItems = 4;

async function judgeHere(judge: Judge, list: List): Promise<void> {
  for (let count = 1; list.next < list.items.length; count++) {
    const index = list.next++;
    list.hear(index, await judge(list.items[index] as ListItem));
    // A turn of the event loop, in which a signal is heard too.
    if (count % turnItems === 0) await setImmediate();
  }
}

/** The next items for a thread: the fewer are left the fewer at once, so that all lanes end together. */
function takeItems(list: List): LaneItems {
  const left = list.items.length - list.next;
  const count = Math.min(laneItems, Math.ceil(left / (4 * list.lanes)));
  const from = list.next;
  list.next += count;
  for (let index = from; index < list.next; index++) list.open.add(index);
  return list.items.slice(from, list.next).map((item, offset) => [from + offset, item] as const);
}

/** How many messages with items a thread has at most: one that it works on, and one so that it need not wait. */
const openMessages = 2;

/** Ends when the thread is done or dead: what it took and did not answer stays without an outcome. */
function feedWorker(worker: Worker, order: LaneOrder, list: List): Promise<void> {
  return new Promise((resolve) => {
    let open = 0;
    const feed = (): void => {
      for (; open < openMessages && list.next < list.items.length; open++) worker.postMessage(takeItems(list));
      if (open === 0) finish();
    };
    const hear = (some: LaneOutcomes): void => {
      for (const [index, outcome] of some) {
        list.open.delete(index);
        list.hear(index, outcome);
      }
      open--;
      feed();
    };
    const finish = (): void => {
      worker.off("message", hear);
      worker.off("exit", finish);
      resolve();
    };
    worker.on("message", hear);
    worker.once("exit", finish);
    worker.postMessage(order);
    feed();
  });
}
