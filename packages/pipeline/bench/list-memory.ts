/**
 * `node list-memory.ts FOLDER COUNT` judges a list once, from a cold start, and prints as JSON the most memory that the
 * process ever held. It loads nothing but what judges a list.
 */
import { inspectList } from "@countersign/pipeline/node";
import { checkAllowed, itemsOf, readList } from "./list-file.ts";
import { peakMb } from "./peak.ts";
import { policy } from "./sample.ts";

const [folder = "", count = "0"] = process.argv.slice(2);
const { samples, trust } = readList(folder, Number(count));
checkAllowed(await inspectList(itemsOf(samples), { policy, trust }));
process.stdout.write(JSON.stringify({ maxRssMb: peakMb() }));
