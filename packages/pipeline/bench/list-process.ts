/**
 * One process that judges a list: `node list-process.ts FOLDER COUNT`. It prints one JSON object: bundles a millisecond
 * by one thread and by `inspectList`, and the most memory it ever held. A process of its own, for the memory's sake.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTrust } from "@countersign/pipeline";
import { openLanes, type ListItem } from "@countersign/pipeline/node";
import type { Sample } from "./corpus.ts";
import { timed } from "./measure.ts";
import { makeInspector, policy } from "./verify-row.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const size = Number(count);
const { lengths, now } = JSON.parse(readFileSync(join(folder, "list.json"), "utf8")) as {
  lengths: number[];
  now: string;
};
const trustRoot = new Uint8Array(readFileSync(join(folder, "list-root.json")));
const trust = { files: [{ source: "bench", bytes: trustRoot }], now: new Date(now) };
const all = readSamples();
const [list, single, warm] = [all.slice(0, size), all.slice(size, size * 1.4), all.slice(size * 1.4)];

const lanes = await openLanes({ trust });
const inspectAll = makeInspector(await loadTrust(trust), trust.now);
await inspectAll(warm.slice(0, warm.length / 2));
await judge(warm.slice(warm.length / 2));
const before = await timed(() => inspectAll(single.slice(0, single.length / 2)));
const listMs = await timed(() => judge(list));
const after = await timed(() => inspectAll(single.slice(single.length / 2)));
await lanes.close();
const maxRssMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(
  JSON.stringify({ listRate: list.length / listMs, singleRate: single.length / (before + after), maxRssMb }),
);

async function judge(some: readonly Sample[]): Promise<void> {
  const items: ListItem[] = some.map(({ artifact, bundle }, at) => ({
    artifact: { name: `artifact ${at}`, bytes: artifact },
    evidence: { source: `bundle ${at}`, bytes: bundle },
  }));
  for (const outcome of await lanes.inspectList(items, { policy, now: trust.now })) {
    if (!("report" in outcome) || outcome.report.decision.verdict !== "allowed")
      throw new Error(JSON.stringify(outcome));
  }
}

function readSamples(): readonly Sample[] {
  const bytes = readFileSync(join(folder, "list.bin"));
  let at = 0;
  const pieces = lengths.map((length) => new Uint8Array(bytes.subarray(at, (at += length))));
  return Array.from({ length: pieces.length / 2 }, (_, index) => ({
    generation: 1,
    artifact: pieces[index * 2] as Uint8Array,
    bundle: pieces[index * 2 + 1] as Uint8Array,
  }));
}
