/** Runs `work` once and answers how long it took, in milliseconds. */
export async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Times or ratios, one a round. */
export interface Series {
  readonly median: number;
  /** Half of the values lie this far apart, as a share of the median. */
  readonly spread: number;
  readonly count: number;
}

/** Sums up what the rounds gave. */
export function seriesOf(values: readonly number[]): Series {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return { median: at(0.5), spread: (at(0.75) - at(0.25)) / at(0.5), count: sorted.length };
}

/** How often a row is measured: at least `min` rounds, then until half of the ratios lie within `spread`, or `max` rounds. */
export interface Patience {
  readonly min: number;
  readonly max: number;
  readonly spread: number;
}

/**
 * Runs rounds until the ratio that each of them gives is stable. Every round measures all that it compares, by turns,
 * so that other work on the machine slows all of it alike.
 */
export async function repeated<T>(
  patience: Patience,
  round: (index: number) => Promise<T>,
  ratioOf: (result: T) => number,
): Promise<readonly T[]> {
  const results: T[] = [];
  while (results.length < patience.max) {
    results.push(await round(results.length));
    if (results.length >= patience.min && seriesOf(results.map(ratioOf)).spread <= patience.spread) break;
  }
  return results;
}

/** The order in which contenders run in a round: everyone is first as often as everyone else. */
export function turned<T>(contenders: readonly T[], round: number): readonly T[] {
  const from = round % contenders.length;
  return [...contenders.slice(from), ...contenders.slice(0, from)];
}
