import { parseUtf8, TrustError, utf8 } from "@countersign/core";
import { tufError } from "./errors.ts";
import { clockFile } from "./store-file.ts";
import { formatInstant, parseTime } from "./time.ts";
import type { RunLog } from "./run-log.ts";
import type { StoreSession } from "./store.ts";

/** Where a run takes its time from. */
export interface ClockOptions {
  readonly now: () => Date;
  /** When the program was built: a clock before it was never set, and then this time counts, or the last one seen. */
  readonly floor?: Date;
  /** Goes on, with a warning, although the clock is behind a time seen before. Expired metadata may pass. */
  readonly dangerClock?: true;
}

/** Longest clock file, in bytes. */
const maxClockBytes = 64;

/**
 * The one time of a run, in milliseconds since 1970: the clock's, unless it was never set. Must be asked while the store is ours,
 * so that of two processes the later one does not look back. Rejects with TUF_CLOCK_BACK if the clock is behind the last time seen.
 */
export async function readClock(session: StoreSession, options: ClockOptions, log: RunLog): Promise<number> {
  const [nowMs, seenMs] = [options.now().getTime(), await readSeen(session)];
  const floorMs = options.floor?.getTime() ?? Number.NEGATIVE_INFINITY;
  if (nowMs < floorMs) {
    const usedMs = Math.max(floorMs, seenMs);
    log.warn(clockBack(nowMs, usedMs));
    return usedMs;
  }
  if (nowMs >= seenMs) return nowMs;
  const error = clockBack(nowMs, seenMs);
  if (options.dangerClock !== true) throw error;
  log.warn(error);
  return nowMs;
}

/** Remembers the time of a run that succeeded: one that failed may have had a clock that ran ahead. */
export async function writeClock(session: StoreSession, nowMs: number): Promise<void> {
  await session.cache(clockFile, utf8(formatInstant(nowMs)));
}

/** Damaged or missing, it says nothing. */
async function readSeen(session: StoreSession): Promise<number> {
  try {
    const bytes = await session.read(clockFile, maxClockBytes);
    const seen = bytes === undefined ? undefined : parseTime(parseUtf8(bytes));
    return seen ?? Number.NEGATIVE_INFINITY;
  } catch (error) {
    if (error instanceof TrustError) return Number.NEGATIVE_INFINITY;
    throw error;
  }
}

function clockBack(nowMs: number, expectedMs: number): TrustError {
  return tufError("TUF_CLOCK_BACK", {
    checked: "clock",
    expected: `${formatInstant(expectedMs)} or later`,
    got: formatInstant(nowMs),
  });
}
