import type { Disk } from "@countersign/tuf";
import type { DiskState, Luck } from "./disk-state.ts";
import { makeSimulatedDisk, ProcessDied } from "./disk-simulation.ts";

/** A piece of work that is to be stopped at every one of its changes. */
export interface CrashPlan {
  /** The disk before, made anew each time. */
  readonly start: () => DiskState;
  readonly run: (disk: Disk) => Promise<void>;
  /** Must not throw: what the next process finds. `how` says which cut this was, for messages. */
  readonly check: (state: DiskState, how: { readonly cutAt: number; readonly power: boolean }) => Promise<void>;
  /** How many different losses of power follow each cut; 8 unless given. */
  readonly powerCuts?: number;
}

/** Stops the work after its first, second, … change, each time by a kill and by losses of power, and checks what is left. Resolves to the number of cuts. */
export async function crashEverywhere({ start, run, check, powerCuts = 8 }: CrashPlan): Promise<number> {
  for (let cutAt = 1; ; cutAt++) {
    const { disk, state } = makeSimulatedDisk(start(), { cutAt });
    const isFinished = await finishes(() => run(disk));
    await check(state.afterKill(), { cutAt, power: false });
    await check(
      state.afterPowerCut(() => 0.99),
      { cutAt, power: true },
    );
    await check(
      state.afterPowerCut(() => 0),
      { cutAt, power: true },
    );
    for (let seed = 1; seed <= powerCuts; seed++)
      await check(state.afterPowerCut(makeLuck(cutAt * 1000 + seed)), { cutAt, power: true });
    if (isFinished) return cutAt - 1;
  }
}

async function finishes(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof ProcessDied) return false;
    throw error;
  }
}

/** The same numbers for the same seed (mulberry32). */
export function makeLuck(seed: number): Luck {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
