/**
 * `node list-rate.ts FOLDER COUNT` prints as JSON how many bundles a millisecond one thread and open lanes judge, all
 * warm: the list is the first COUNT of the folder, the single thread gets the next 40 in 100, the others warm up.
 */
import { availableParallelism } from "node:os";
import { loadTrust } from "@countersign/pipeline";
import { openLanes } from "@countersign/pipeline/node";
import { makeInspector } from "./inspector.ts";
import { checkAllowed, itemsOf, readList } from "./list-file.ts";
import { timed } from "./measure.ts";
import { policy, type Signed } from "./sample.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const size = Number(count);
const { samples, trust } = readList(folder);
const [list, single, warm] = [samples.slice(0, size), samples.slice(size, size * 1.4), samples.slice(size * 1.4)];
const lanes = await openLanes({ trust });
const inspectAll = makeInspector(await loadTrust(trust), trust.now);
await inspectAll(warm);
// Each thread compiles for itself, and goes on compiling for thousands of bundles. The single thread, which is the first lane too, has
// seen the warm-up twice when its time is taken: with one round a lane, every other lane would have seen half as many.
for (let round = 0; round < 3 * availableParallelism(); round++) await judge(warm);
const before = await timed(() => inspectAll(single.slice(0, single.length / 2)));
const listMs = await timed(() => judge(list));
const after = await timed(() => inspectAll(single.slice(single.length / 2)));
await lanes.close();
process.stdout.write(JSON.stringify({ listRate: list.length / listMs, singleRate: single.length / (before + after) }));

async function judge(some: readonly Signed[]): Promise<void> {
  checkAllowed(await lanes.inspectList(itemsOf(some), { policy, now: trust.now }));
}
