/**
 * `node many-single.ts FOLDER` prints as JSON how many artifacts a millisecond one warm thread judges: `fileRate` those of the
 * folder's file `list`, each read with the bundle beside it, `singleRate` others, by `inspect` in memory. Each is warmed up on as many
 * as are timed, a thousand or what there is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTrust } from "@countersign/pipeline";
import { openLanes, type ListItem } from "@countersign/pipeline/node";
import { makeInspector } from "./inspector.ts";
import { checkAllowed, itemsBeside, readList } from "./list-file.ts";
import { timed } from "./measure.ts";
import { policy } from "./sample.ts";

const [folder = ""] = process.argv.slice(2);
const { samples, trust } = readList(folder);
const half = Math.floor(samples.length / 2);
process.stdout.write(JSON.stringify({ singleRate: await memoryRate(), fileRate: await fileRate() }));

async function memoryRate(): Promise<number> {
  const inspectAll = makeInspector(await loadTrust(trust), trust.now);
  await inspectAll(samples.slice(0, half));
  return half / (await timed(() => inspectAll(samples.slice(half))));
}

async function fileRate(): Promise<number> {
  const items = itemsBeside(readFileSync(join(folder, "list"), "utf8")).slice(0, samples.length);
  const some = Math.floor(items.length / 2);
  const lanes = await openLanes({ trust, lanes: 1 });
  const judge = async (these: readonly ListItem[]): Promise<void> =>
    lanes.judgeList(these, { policy, now: trust.now, brief: true }, (_, outcome) => checkAllowed([outcome]));
  await judge(items.slice(0, some));
  const ms = await timed(() => judge(items.slice(some)));
  await lanes.close();
  return (items.length - some) / ms;
}
