import { fileURLToPath } from "node:url";
import { makeBenchInstance, makeSamples, trustOf } from "./corpus.ts";
import { writeList } from "./list-file.ts";
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

/** Judges a list of `count` fresh bundles over all cores, each round in new processes with bundles they never saw. */
export function measureList(folder: string, count: number, patience: Patience): Promise<readonly ListRound[]> {
  return repeated(
    patience,
    () => {
      const instance = makeBenchInstance();
      const files = [{ source: "bench", bytes: trustOf(instance) }];
      writeList(folder, makeSamples(instance, Math.ceil(count * 2)), { files, now: instance.now });
      const rates = runNode([...flags, programOf("list-rate.ts"), folder, `${count}`]);
      // As built, like the threads: a user's process holds no compiler of TypeScript.
      const memory = runNode([programOf("list-memory.ts"), folder, `${count}`]);
      return Promise.resolve({ ...JSON.parse(rates.stdout), ...JSON.parse(memory.stdout) } as ListRound);
    },
    (round) => round.listRate / round.singleRate,
  );
}

function programOf(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}
