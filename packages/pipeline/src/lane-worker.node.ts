import { parentPort, workerData } from "node:worker_threads";
import { openLane, type LaneOrder, type LaneTrust } from "./lane.node.ts";

// The whole of a worker thread: one lane, for one list after another. What it cannot do ends it, and whoever waits hears that.
const lane = await openLane(workerData as LaneTrust);
parentPort?.on("message", (order: LaneOrder) => {
  void lane(order, (outcomes) => parentPort?.postMessage(outcomes)).then(() => parentPort?.postMessage("end"));
});
