/**
 * One process that judges a list: `node list-process.ts FOLDER COUNT`. It prints one JSON object: bundles a millisecond
 * by one thread and by `inspectList`, and the most memory it ever held. A process of its own, for the memory's sake.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadTrust } from "@countersign/pipeline";
import { inspectList, type ListItem } from "@countersign/pipeline/node";
import type { Sample } from "./corpus.ts";
import { timed } from "./measure.ts";
import { makeInspector, policy } from "./verify-row.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const size = Number(count);
const { trustRoot, samples, now } = JSON.parse(readFileSync(join(folder, "list.json"), "utf8")) as {
  trustRoot: string;
  samples: readonly { readonly artifact: string; readonly bundle: string }[];
  now: string;
};
const trust = { files: [{ source: "bench", bytes: fromBase64(trustRoot) }], now: new Date(now) };
const all: readonly Sample[] = samples.map(({ artifact, bundle }) => ({
  generation: 1,
  artifact: fromBase64(artifact),
  bundle: fromBase64(bundle),
}));
const [list, single, warm] = [all.slice(0, size), all.slice(size, size * 1.4), all.slice(size * 1.4)];

const inspectAll = makeInspector(await loadTrust(trust), trust.now);
await inspectAll(warm);
const before = await timed(() => inspectAll(single.slice(0, single.length / 2)));
const listMs = await timed(() => judge(list));
const after = await timed(() => inspectAll(single.slice(single.length / 2)));
const maxRssMb = process.resourceUsage().maxRSS / 1024;
process.stdout.write(
  JSON.stringify({ listRate: list.length / listMs, singleRate: single.length / (before + after), maxRssMb }),
);

async function judge(some: readonly Sample[]): Promise<void> {
  const items: ListItem[] = some.map(({ artifact, bundle }, at) => ({
    artifact: { name: `artifact ${at}`, bytes: artifact },
    evidence: { source: `bundle ${at}`, bytes: bundle },
  }));
  for (const outcome of await inspectList(items, { policy, trust })) {
    if (!("report" in outcome) || outcome.report.decision.verdict !== "allowed")
      throw new Error(JSON.stringify(outcome));
  }
}

function fromBase64(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
