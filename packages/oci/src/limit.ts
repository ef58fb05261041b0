/** Lets at most `max` tasks run at once; the others wait in order. */
export type Limiter = <T>(task: () => Promise<T>) => Promise<T>;

/** How many requests one client has under way at once unless told otherwise. */
export const defaultConcurrency: number = 8;

/** A limiter for `max` tasks, at least one. */
export function makeLimiter(max: number): Limiter {
  let free = Math.max(1, max);
  const waiting: (() => void)[] = [];
  return async (task) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await task();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
