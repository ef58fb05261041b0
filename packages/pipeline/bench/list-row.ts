import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeBenchInstance, makeSamples, trustOf } from "./corpus.ts";
import { repeated, type Patience } from "./measure.ts";
import { runNode } from "./process.ts";

/** What one process measured: bundles a millisecond, and megabytes. */
export interface ListRound {
  readonly listRate: number;
  readonly singleRate: number;
  readonly maxRssMb: number;
}

/** Which form of the packages is measured is said to Node once, and holds for its children too. */
const flags = process.execArgv;

/** Judges a list of `count` fresh bundles over all cores, each round in a new process with bundles it never saw. */
export function measureList(folder: string, count: number, patience: Patience): Promise<readonly ListRound[]> {
  return repeated(
    patience,
    () => {
      writeList(folder, Math.ceil(count * 2.2));
      const program = fileURLToPath(new URL("list-process.ts", import.meta.url));
      const [rates, memory] = ["rate", "memory"].map((mode) => runNode([...flags, program, folder, `${count}`, mode]));
      return Promise.resolve({ ...JSON.parse(rates?.stdout ?? ""), ...JSON.parse(memory?.stdout ?? "") } as ListRound);
    },
    (round) => round.listRate / round.singleRate,
  );
}

/** One file of all bytes and one of where each piece ends: little to hold in memory for a process that is measured. */
function writeList(folder: string, count: number): void {
  const instance = makeBenchInstance();
  const pieces = makeSamples(instance, count).flatMap(({ artifact, bundle }) => [artifact, bundle]);
  const lengths = pieces.map((piece) => piece.length);
  writeFileSync(join(folder, "list.bin"), Buffer.concat(pieces));
  writeFileSync(join(folder, "list.json"), JSON.stringify({ lengths, now: instance.now.toISOString() }));
  writeFileSync(join(folder, "list-root.json"), trustOf(instance));
}
