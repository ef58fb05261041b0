/** What a fetcher puts up with. */
export interface FetchLimits {
  /** Until a server begins to answer, in milliseconds. */
  readonly firstByteMs: number;
  /** Below this rate a body counts as stopped, in bytes a second… */
  readonly minBytesPerSecond: number;
  /** …measured over this long, in milliseconds, of waiting for the network: what the caller takes to write does not count. */
  readonly rateWindowMs: number;
  /** How often every mirror is asked, and how often in a row a body may break off without anything having come. */
  readonly maxTries: number;
  /** Metadata requests at once. */
  readonly maxParallel: number;
}

/** The limits unless the caller says otherwise. There is none on the total time: a slow link may take hours for a large file. */
export const defaultFetchLimits: FetchLimits = {
  firstByteMs: 30_000,
  minBytesPerSecond: 1024,
  rateWindowMs: 20_000,
  maxTries: 3,
  maxParallel: 8,
};

/** How many redirects are followed. */
export const maxRedirects = 5;
/** The wait before the second try, in milliseconds; it doubles before each further one. */
export const firstRetryMs = 500;
/** The longest wait that a server can ask for by Retry-After, in milliseconds. */
export const maxRetryMs = 20_000;

/** The longest body that is read although nobody wants it, in bytes, and how long that may take, in milliseconds. */
export const maxSkippedBytes: number = 16 * 1024;
export const maxSkipMs = 400;

/** Lets so many pieces of work run at once; the others wait in order. */
export function makeGate(places: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = places;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}
