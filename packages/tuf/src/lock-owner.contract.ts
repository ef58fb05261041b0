/** A process that takes a lock, says so and keeps it until it is killed. */
import { nodeLocks } from "./lock.node.ts";

const lock = await nodeLocks.take(process.argv[2] ?? "");
process.stdout.write(lock === undefined ? "not mine\n" : "mine\n");
setInterval(() => {}, 1000);
