import { tufError } from "./errors.ts";
import { placeOf } from "./http-address.ts";
import type { FetchLimits } from "./http-limit.ts";
import type { HttpWorld } from "./http-request.ts";

/** What a guard looks after. */
export interface Guarded {
  readonly limits: FetchLimits;
  /** Ends the request; once it is over, so is the guard. */
  readonly stop: AbortController;
}

/**
 * Stops a request with TUF_FETCH_SLOW: before its answer begins after `firstByteMs`, then if its body comes more slowly than
 * `minBytesPerSecond` over `rateWindowMs` of waiting for it. One sleep for all of it, since each costs as much as the request
 * itself; so what is late is noticed up to a quarter of that window later.
 */
export class Guard {
  readonly #world: HttpWorld;
  readonly #guarded: Guarded;
  #url: URL;
  #askedMs = 0;
  #isAnswered = false;
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs: number | undefined;

  constructor(world: HttpWorld, url: URL, guarded: Guarded) {
    this.#world = world;
    this.#guarded = guarded;
    this.#url = url;
    this.asks(url);
    // The sleep ends by an error when the request does.
    this.#watch().catch(() => {});
  }

  /** A request begins: the first one, or where a redirect led. */
  asks(url: URL): void {
    this.#url = url;
    this.#askedMs = this.#world.tickMs();
    this.#isAnswered = false;
  }

  /** The answer has begun. */
  answered(): void {
    this.#isAnswered = true;
  }

  /** Somebody waits for the next chunk of the body: what they take to do something with it does not count. */
  waits(): void {
    this.#sinceMs = this.#world.tickMs();
  }

  got(bytes: number): void {
    this.#settle();
    this.#sinceMs = undefined;
    this.#bytes += bytes;
  }

  async #watch(): Promise<void> {
    const { limits, stop } = this.#guarded;
    const stepMs = Math.min(limits.firstByteMs, limits.rateWindowMs / 4);
    while (!stop.signal.aborted) {
      await this.#world.sleep(stepMs, stop.signal);
      const expected = this.#isAnswered ? this.#missedRate() : this.#missedStart();
      if (expected !== undefined) stop.abort(tufError("TUF_FETCH_SLOW", { checked: placeOf(this.#url), expected }));
    }
  }

  #missedStart(): string | undefined {
    const { firstByteMs } = this.#guarded.limits;
    const isLate = this.#world.tickMs() - this.#askedMs >= firstByteMs;
    return isLate ? `the beginning of an answer within ${firstByteMs} ms` : undefined;
  }

  /** Looks at the window if it is over, and begins the next one. */
  #missedRate(): string | undefined {
    this.#settle();
    const { rateWindowMs, minBytesPerSecond } = this.#guarded.limits;
    if (this.#waitedMs < rateWindowMs) return undefined;
    const isSlow = this.#bytes * 1000 < minBytesPerSecond * this.#waitedMs;
    this.#bytes = 0;
    this.#waitedMs = 0;
    return isSlow ? `at least ${minBytesPerSecond} bytes a second over ${rateWindowMs} ms` : undefined;
  }

  #settle(): void {
    if (this.#sinceMs === undefined) return;
    const nowMs = this.#world.tickMs();
    this.#waitedMs += nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
  }
}
