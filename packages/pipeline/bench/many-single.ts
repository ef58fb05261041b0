/** `node many-single.ts FOLDER` prints as JSON how many bundles a millisecond one warm thread inspects: half of the list warms it up. */
import { loadTrust } from "@countersign/pipeline";
import { makeInspector } from "./inspector.ts";
import { readList } from "./list-file.ts";
import { timed } from "./measure.ts";

const { samples, trust } = readList(process.argv[2] ?? "");
const half = samples.length / 2;
const inspectAll = makeInspector(await loadTrust(trust), trust.now);
await inspectAll(samples.slice(0, half));
const ms = await timed(() => inspectAll(samples.slice(half)));
process.stdout.write(JSON.stringify({ singleRate: half / ms }));
