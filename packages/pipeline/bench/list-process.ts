/**
 * One process that judges a list: `node list-process.ts FOLDER COUNT rate` prints as JSON how many bundles a millisecond
 * one thread and open lanes judge, all warm; with `memory` it judges the list once, from a cold start, and prints the
 * most memory that it ever held. Two processes, since the first one holds several lists.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTrust } from "@countersign/pipeline";
import { inspectList, openLanes, type ListItem, type ListOutcome } from "@countersign/pipeline/node";
import type { Sample } from "./corpus.ts";
import { timed } from "./measure.ts";
import { makeInspector, policy } from "./verify-row.ts";

const [folder = "", count = "0", mode = ""] = process.argv.slice(2);
const size = Number(count);
const { lengths, now } = JSON.parse(readFileSync(join(folder, "list.json"), "utf8")) as {
  lengths: number[];
  now: string;
};
const trustRoot = new Uint8Array(readFileSync(join(folder, "list-root.json")));
const trust = { files: [{ source: "bench", bytes: trustRoot }], now: new Date(now) };
const result = mode === "memory" ? await measureMemory() : await measureRate();
process.stdout.write(JSON.stringify(result));

async function measureMemory(): Promise<object> {
  const items = itemsOf(readSamples(size));
  checkAllowed(await inspectList(items, { policy, trust }));
  return { maxRssMb: process.resourceUsage().maxRSS / 1024 };
}

async function measureRate(): Promise<object> {
  const all = readSamples(lengths.length / 2);
  const [list, single, warm] = [all.slice(0, size), all.slice(size, size * 1.4), all.slice(size * 1.4)];
  const lanes = await openLanes({ trust });
  const judge = async (samples: readonly Sample[]): Promise<void> =>
    checkAllowed(await lanes.inspectList(itemsOf(samples), { policy, now: trust.now }));
  const inspectAll = makeInspector(await loadTrust(trust), trust.now);
  const half = warm.length / 2;
  await inspectAll(warm.slice(0, half));
  await judge(warm.slice(half));
  const before = await timed(() => inspectAll(single.slice(0, single.length / 2)));
  const listMs = await timed(() => judge(list));
  const after = await timed(() => inspectAll(single.slice(single.length / 2)));
  await lanes.close();
  return { listRate: list.length / listMs, singleRate: single.length / (before + after) };
}

function itemsOf(samples: readonly Sample[]): readonly ListItem[] {
  return samples.map(({ artifact, bundle }, at) => ({
    artifact: { name: `artifact ${at}`, bytes: artifact },
    evidence: { source: `bundle ${at}`, bytes: bundle },
  }));
}

function checkAllowed(outcomes: readonly ListOutcome[]): void {
  for (const outcome of outcomes) {
    if (!("report" in outcome) || outcome.report.decision.verdict !== "allowed")
      throw new Error(JSON.stringify(outcome));
  }
}

function readSamples(count: number): readonly Sample[] {
  const bytes = readFileSync(join(folder, "list.bin"));
  let at = 0;
  const pieces = lengths.slice(0, count * 2).map((length) => new Uint8Array(bytes.subarray(at, (at += length))));
  return Array.from({ length: pieces.length / 2 }, (_, index) => ({
    generation: 1,
    artifact: pieces[index * 2] as Uint8Array,
    bundle: pieces[index * 2 + 1] as Uint8Array,
  }));
}
