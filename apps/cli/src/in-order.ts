/** What is done with each item, and how many at once. */
export interface InOrder<T, R> {
  readonly atOnce: number;
  readonly work: (item: T) => Promise<R>;
  /** Is shown each result once, in the order of the items, as soon as those before it were shown. */
  readonly tell: (result: R) => void;
}

/**
 * Works on the first item alone, since what is wrong for all shows there, and a person is asked only once; then on the others, at
 * most `atOnce` together. When one fails nothing new is begun: what is under way is waited for and shown, then the first error is thrown.
 */
export async function mapInOrder<T, R>(items: readonly T[], { atOnce, work, tell }: InOrder<T, R>): Promise<R[]> {
  const results = new Map<number, R>();
  let [next, shown] = [0, 0];
  const one = async (at: number): Promise<void> => {
    try {
      results.set(at, await work(items[at] as T));
    } catch (error) {
      next = items.length;
      throw error;
    }
    for (; results.has(shown); shown++) tell(results.get(shown) as R);
  };
  const walk = async (): Promise<void> => {
    while (next < items.length) await one(next++);
  };
  if (items.length > 0) await one(next++);
  const walks = Array.from({ length: Math.min(atOnce, items.length - 1) }, walk);
  await Promise.allSettled(walks);
  const done = [...results].toSorted(([a], [b]) => a - b);
  // Behind one that failed: done all the same, and whoever reads must know it.
  for (const [at, result] of done) if (at >= shown) tell(result);
  await Promise.all(walks);
  return done.map(([, result]) => result);
}
