import { parentPort, workerData } from "node:worker_threads";
import { runLane, type LaneOrder } from "./lane.node.ts";

// The whole of a worker thread: one lane of the list that it was started with.
await runLane(workerData as LaneOrder, (outcomes) => parentPort?.postMessage(outcomes));
