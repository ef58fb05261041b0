import { TrustError } from "@countersign/core";
import { firstRetryMs } from "./http-limit.ts";
import { Postponed, type HttpWorld } from "./http-request.ts";

/** What one mirror says: something, that there is no such file, or an error that is thrown. */
export type MirrorAnswer<T> = { readonly value: T } | "absent";

/** One question to all mirrors. */
export interface MirrorQuestion<T> {
  readonly ask: (mirror: number) => Promise<MirrorAnswer<T>>;
  /** `final`: a mirror that has no such file is believed; `next`: another one may. */
  readonly absence: "final" | "next";
  /** First mirror that may be asked. */
  readonly from: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Mirrors in the order that they were given, except that one which just failed is asked after those which did not: a dead
 * mirror costs its time-out once.
 */
export class Mirrors {
  readonly #world: HttpWorld;
  readonly #count: number;
  readonly #maxTries: number;
  readonly #failing = new Set<number>();

  constructor(world: HttpWorld, count: number, maxTries: number) {
    this.#world = world;
    this.#count = count;
    this.#maxTries = maxTries;
  }

  /**
   * The first good answer. The one place that tries again: each mirror is asked in turn, and after a pause (Retry-After, or
   * half a second that doubles) those that were unavailable are asked again. Undefined if those that could tell have no such
   * file; else the most telling error: a lie before a failure, the first mirror's before the second's.
   */
  async answer<T>(question: MirrorQuestion<T>): Promise<T | undefined> {
    const problems = new Map<number, TrustError>();
    const settled = new Set<number>();
    for (let tries = 1; ; tries++) {
      let waitMs = firstRetryMs * 2 ** (tries - 1);
      for (const mirror of this.#order(question.from)) {
        if (settled.has(mirror)) continue;
        const outcome = await this.#askOne(mirror, question);
        if (outcome === "absent" && question.absence === "final") return undefined;
        if (outcome instanceof Postponed) waitMs = Math.max(waitMs, outcome.waitMs ?? 0);
        else settled.add(mirror);
        if (outcome === "absent") continue;
        if ("value" in outcome) return outcome.value;
        problems.set(mirror, outcome instanceof Postponed ? outcome.problem : outcome);
      }
      if (tries >= this.#maxTries || this.#order(question.from).every((mirror) => settled.has(mirror))) break;
      await this.#world.sleep(waitMs, question.signal).catch(() => {});
    }
    return endWith(problems);
  }

  #order(from: number): readonly number[] {
    const all = Array.from({ length: this.#count }, (_, mirror) => mirror).filter((mirror) => mirror >= from);
    return [
      ...all.filter((mirror) => !this.#failing.has(mirror)),
      ...all.filter((mirror) => this.#failing.has(mirror)),
    ];
  }

  async #askOne<T>(mirror: number, { ask }: MirrorQuestion<T>): Promise<MirrorAnswer<T> | TrustError | Postponed> {
    try {
      const answer = await ask(mirror);
      this.#failing.delete(mirror);
      return answer;
    } catch (error) {
      if (error instanceof TrustError && error.code === "TUF_FETCH_ABORTED") throw error;
      if (!(error instanceof Postponed || error instanceof TrustError)) throw error;
      this.#failing.add(mirror);
      return error instanceof TrustError && isPassing(error) ? new Postponed(error, undefined) : error;
    }
  }
}

/** Whether the same request may go better a moment later. */
export function isPassing({ code }: TrustError): boolean {
  return code === "TUF_FETCH_CUT" || code === "TUF_FETCH_SLOW" || code === "TUF_FETCH_UNAVAILABLE";
}

function endWith(problems: ReadonlyMap<number, TrustError>): undefined {
  const inOrder = [...problems].toSorted(([a], [b]) => a - b).map(([, problem]) => problem);
  const worst = inOrder.find(({ kind }) => kind !== "unavailable") ?? inOrder[0];
  if (worst !== undefined) throw worst;
  return undefined;
}
