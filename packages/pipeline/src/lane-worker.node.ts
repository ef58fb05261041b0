import { parentPort, workerData } from "node:worker_threads";
import {
  openLane,
  type Judge,
  type LaneItems,
  type LaneOrder,
  type LaneOutcomes,
  type LaneTrust,
} from "./lane.node.ts";

// The whole of a worker thread: one lane, for one list after another. What it cannot do ends it, and whoever waits hears that.
const lane = await openLane(workerData as LaneTrust);
let judging: Promise<Judge> = Promise.reject(new Error("no list"));
judging.catch(() => {});

parentPort?.on("message", (message: LaneOrder | LaneItems) => {
  judging = "policy" in message ? lane(message) : judging.then((judge) => answer(judge, message));
});

/** One after another, so that no more is held at a time than has to be. */
async function answer(judge: Judge, items: LaneItems): Promise<Judge> {
  const outcomes: LaneOutcomes[number][] = [];
  for (const [index, item] of items) outcomes.push([index, await judge(item)]);
  parentPort?.postMessage(outcomes);
  return judge;
}
