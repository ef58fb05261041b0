import { quote, type TrustError } from "@countersign/core";

/**
 * Files that one owner at a time can hold, in this process or any other. The operating system takes a lock back when its
 * owner's process ends, however it ends: nobody has to find out whether an owner is still alive, so nobody can be wrong
 * about it. `lock.node.ts` has the real ones. See docs/decisions/0016-store-lock.md.
 */
export interface Locks {
  /** Holds the file, which is made if it is missing; undefined if another owner does. Rejects with TUF_LOCK_FAILED and TUF_DISK_*. */
  take(path: string): Promise<Lock | undefined>;
}

/** A lock that is held. */
export interface Lock {
  release(): Promise<void>;
}

/** How a lock is waited for. */
export interface LockWait {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** How long, in milliseconds, as far as sleeping counts. */
  readonly maxWaitMs: number;
  readonly signal?: AbortSignal;
  /** Makes the error of the time being over. */
  readonly busy: (detail: string) => TrustError;
  /** Makes the error of having been stopped. */
  readonly aborted: () => TrustError;
}

/** The wait before the second try, in milliseconds; it grows by half up to `maxLockPauseMs`. */
export const firstLockPauseMs = 5;
/** The longest wait between two tries, in milliseconds. */
export const maxLockPauseMs = 200;

/** Takes the lock as soon as it is free. Rejects as `Locks.take` does, and with `busy` or `aborted`. */
export async function waitForLock(locks: Locks, path: string, wait: LockWait): Promise<Lock> {
  let waitedMs = 0;
  for (let pauseMs = firstLockPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, maxLockPauseMs)) {
    if (wait.signal?.aborted === true) throw wait.aborted();
    const lock = await locks.take(path);
    if (lock !== undefined) return lock;
    if (waitedMs >= wait.maxWaitMs) throw wait.busy(`${quote(path)} is locked for ${Math.round(waitedMs / 1000)} s`);
    // A sleep that was cut short is noticed at the top.
    await wait.sleep(pauseMs, wait.signal).catch(() => {});
    waitedMs += pauseMs;
  }
}
