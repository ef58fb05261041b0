import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeChain, type ChainShape } from "./chain.ts";
import { command, megabytesIn, race, reference, rssFile, timed, type Program, type Times } from "./process.ts";

/** What verifying one chain took, whole processes. */
export interface VerifyTimes {
  readonly times: Partial<Times<"countersign" | "reference" | "floor" | "node">>;
  readonly megabytes: number;
}

/** Who takes part besides Countersign; the reference only where it is installed. */
export type Rival = "reference" | "floor" | "node";

const floor = fileURLToPath(new URL("floor.ts", import.meta.url));

/** Verifies a chain `rounds` times by turns with its rivals. The files stand in the page cache for all of them. */
export async function measureVerify(
  folder: string,
  shape: ChainShape,
  rivals: readonly Rival[],
  rounds: number,
): Promise<VerifyTimes> {
  const cwd = join(folder, `${shape.steps}x${shape.artifacts}`);
  mkdirSync(cwd, { recursive: true });
  await writeChain(cwd, shape);
  // Only the last run writes it: what it loads would show in a short one.
  const rss = rssFile(folder);
  const files = ["--layout", "root.layout", "--key", "owner.pub"];
  const node = process.execPath;
  const all: Readonly<Record<"countersign" | Rival, Program | undefined>> = {
    countersign: { words: [node, command, "layout", "verify", ...files, "--quiet"], cwd },
    reference:
      reference === undefined
        ? undefined
        : { words: [reference, "-l", "root.layout", "-k", "owner.pub", "-t", "ecdsa"], cwd },
    floor: { words: [node, floor, "."], cwd },
    node: { words: [node, "-e", "0"], cwd },
  };
  const entries = (["countersign", ...rivals] as const).flatMap((name) => {
    const program = all[name];
    return program === undefined ? [] : [[name, program] as const];
  });
  // The first start reads from the disk.
  for (const [name, program] of entries) if (name !== "reference") timed(program);
  const contenders = Object.fromEntries(entries) as Record<"countersign" | Rival, Program>;
  const times = race(contenders, rounds);
  timed({ ...contenders.countersign, rss });
  return { times, megabytes: megabytesIn(rss) };
}
