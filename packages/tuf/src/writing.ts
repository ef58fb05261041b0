/** Files that are being written while a run goes on to fetch the next ones. */
export interface Writing {
  /** Takes note of a write that was begun. */
  begun(write: Promise<void>): void;
  /** Waits for all of them; rejects if one failed. To be called before the store is given back, whatever came of the run. */
  done(): Promise<void>;
}

/** Nothing is being written yet. */
export function makeWriting(): Writing {
  const writes: Promise<void>[] = [];
  return {
    begun(write) {
      // Who waits for it comes later.
      write.catch(() => {});
      writes.push(write);
    },
    async done() {
      await Promise.allSettled(writes);
      await Promise.all(writes);
    },
  };
}
