import { compareCodePoints, digestOf, quote, type Digest } from "@countersign/core";
import { readClock, writeClock, type ClockOptions } from "./clock.ts";
import { allDelegations, searchTarget, type Delegation } from "./delegation.ts";
import { tufError } from "./errors.ts";
import { loadTargets, refreshTrust, type Run, type Trust } from "./refresh.ts";
import { makeRunLog, type RunLog, type RunReport, type RunStep } from "./run-log.ts";
import { checkThreshold, type IdentityCheck } from "./threshold.ts";
import { streamTarget } from "./target-stream.ts";
import { trustTarget, type TrustedTarget } from "./trusted-target.ts";
import { trustInTargets, type TrustedTargets } from "./trusted-set.ts";
import { makeWriting } from "./writing.ts";
import type { Fetcher } from "./fetch.ts";
import type { Store, StoreSession } from "./store.ts";
import type { TransferOptions } from "./target-fetch.ts";

/** What an update client needs of the world, and how careful it is. */
export interface UpdaterOptions extends ClockOptions {
  /** Root metadata that came with the program or was pinned: trust begins here at each start, whatever the store says. */
  readonly root: Uint8Array;
  /** The digest that `root` must have, if it came from elsewhere. */
  readonly rootDigest?: Digest;
  readonly store: Store;
  readonly fetch: Fetcher;
  /** Who is asked about Sigstore identities (TAP 18); without it they count for nothing. */
  readonly identityCheck?: IdentityCheck;
  /** How many roles the search for one target may visit; default `defaultMaxRoles`. */
  readonly maxRoles?: number;
  /** How many newer roots one refresh fetches, what is left being for the next one; default `maxNewRoots`. */
  readonly maxNewRoots?: number;
  /** Told of each metadata file as it was looked at. */
  readonly onStep?: (step: RunStep) => void;
}

/** How one call can be stopped. */
export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** An update client. Calls that overlap wait for one another. */
export interface Updater {
  /** Runs the client workflow for the top-level metadata. Rejects with the first error; what was trusted by then is kept. */
  refresh(options?: CallOptions): Promise<RunReport>;
  /** What the repository says of a target, or undefined if it has none of that name. Refreshes first, if that was not done. */
  target(name: string, options?: CallOptions): Promise<TrustedTarget | undefined>;
  /** As `target` for many, several at a time; in the order of the names. */
  targets(names: readonly string[], options?: CallOptions): Promise<readonly (TrustedTarget | undefined)[]>;
  /**
   * The file itself, as it comes. The last piece comes only once length and all hashes were right. Rejects with TUF_TARGET_* and
   * as `Fetcher.target` does. To have it on disk, with resumption: `saveTarget`.
   */
  stream(target: TrustedTarget, options?: TransferOptions): AsyncGenerator<Uint8Array>;
  /**
   * Every name that some role lists, by code point, whether or not that role may speak for it: ask `targets` what holds of each.
   * Loads all delegated roles. Rejects with TUF_SEARCH_LIMIT if there are more than `maxListedRoles`.
   */
  names(options?: CallOptions): Promise<readonly string[]>;
  /** The top-level metadata that the last refresh made trusted; undefined if it failed or was not run. */
  readonly trust: Trust | undefined;
  /** What was looked at since the last refresh began, also if it failed. */
  readonly report: RunReport;
}

/** How many roles `names` loads. */
export const maxListedRoles: number = 20_000;
/** How many searches `targets` has under way. */
export const maxSearches: number = 8;

/**
 * Makes a client of one repository. Nothing is read or fetched yet. Throws TUF_ROOT_PIN if the root has not the digest given;
 * all else about it is checked by `refresh`.
 */
export function createUpdater(options: UpdaterOptions): Updater {
  checkPin(options);
  return new LiveUpdater(options);
}

function checkPin({ root, rootDigest }: UpdaterOptions): void {
  if (rootDigest === undefined) return;
  const got = digestOf(rootDigest.slice(0, rootDigest.indexOf(":")) as "sha256", root);
  if (got !== rootDigest) throw tufError("TUF_ROOT_PIN", { checked: "root", expected: rootDigest, got });
}

class LiveUpdater implements Updater {
  readonly #options: UpdaterOptions;
  #log: RunLog;
  #nowMs = 0;
  #trust: Trust | undefined;
  /** Roles whose metadata was loaded since the last refresh. */
  #roles = new Map<string, Promise<TrustedTargets>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: UpdaterOptions) {
    this.#options = options;
    this.#log = makeRunLog(options.onStep);
  }

  get trust(): Trust | undefined {
    return this.#trust;
  }

  get report(): RunReport {
    return this.#log.report(this.#nowMs);
  }

  refresh(options: CallOptions = {}): Promise<RunReport> {
    return this.#alone(options, (run) => this.#refresh(run));
  }

  async target(name: string, options: CallOptions = {}): Promise<TrustedTarget | undefined> {
    const [found] = await this.targets([name], options);
    return found;
  }

  targets(names: readonly string[], options: CallOptions = {}): Promise<readonly (TrustedTarget | undefined)[]> {
    return this.#trusting(options, (run, trust) => mapLimited(names, (name) => this.#search(run, trust, name)));
  }

  stream(target: TrustedTarget, options: TransferOptions = {}): AsyncGenerator<Uint8Array> {
    return streamTarget(this.#options.fetch, target, options);
  }

  names(options: CallOptions = {}): Promise<readonly string[]> {
    return this.#trusting(options, async (run, { set, targets }) => {
      const names = new Set<string>();
      const visited = new Set<string>();
      let level: readonly TrustedTargets[] = [targets];
      while (level.length > 0) {
        for (const each of level) for (const name of each.targets.names()) names.add(name);
        const next = nextLevel(level, visited);
        level = await mapLimited(next, (delegation) => this.#load(run, set, delegation));
      }
      return [...names].toSorted(compareCodePoints);
    });
  }

  /** One call at a time has the store, and no other process meanwhile. All that it wrote is there when it ends. */
  #alone<T>(options: CallOptions, work: (run: Run) => Promise<T>): Promise<T> {
    const result = this.#last.then(() =>
      this.#options.store.open((session) => this.#with(session, options, work), options),
    );
    this.#last = result.catch(() => {});
    return result;
  }

  async #with<T>(session: StoreSession, { signal }: CallOptions, work: (run: Run) => Promise<T>): Promise<T> {
    const writing = makeWriting();
    try {
      return await work({ session, writing, fetch: this.#options.fetch, log: this.#log, ...(signal && { signal }) });
    } finally {
      await writing.done();
    }
  }

  #trusting<T>(options: CallOptions, work: (run: Run, trust: Trust) => Promise<T>): Promise<T> {
    return this.#alone(options, async (run) => {
      if (this.#trust === undefined) await this.#refresh(run);
      // A refresh that resolves leaves trust behind, and begins another log.
      return work({ ...run, log: this.#log }, this.#trust as unknown as Trust);
    });
  }

  async #refresh(run: Run): Promise<RunReport> {
    const { root, onStep, identityCheck, maxNewRoots } = this.#options;
    this.#trust = undefined;
    this.#roles = new Map();
    this.#log = makeRunLog(onStep);
    this.#nowMs = await readClock(run.session, this.#options, this.#log);
    const base = { nowMs: this.#nowMs, ...(identityCheck && { identityCheck }) };
    const limits = maxNewRoots === undefined ? {} : { maxNewRoots };
    this.#trust = await refreshTrust({ ...run, ...limits, log: this.#log }, root, base);
    run.writing.begun(writeClock(run.session, this.#nowMs));
    return this.report;
  }

  async #search(run: Run, { set, targets }: Trust, name: string): Promise<TrustedTarget | undefined> {
    const { maxRoles } = this.#options;
    const { found } = await searchTarget(name, {
      top: { targets, trust: trustInTargets(set) },
      load: (delegation) => this.#load(run, set, delegation),
      ...(maxRoles === undefined ? {} : { maxRoles }),
    });
    return found && trustTarget(name, found, set);
  }

  /** A role that another delegator led to counts only if this one's keys signed it too. */
  async #load(run: Run, set: Trust["set"], delegation: Delegation): Promise<TrustedTargets> {
    const pending = this.#roles.get(delegation.name);
    const known = pending && (await pending.catch(() => undefined));
    if (known !== undefined) return { ...known, signed: checkThreshold(known, delegation, set.identityCheck) };
    const loading = loadTargets(run, set, delegation);
    this.#roles.set(delegation.name, loading);
    return loading;
  }
}

/** The roles that were not visited yet. Bins are computed, and there may be 2^32 of them: they are counted as they come. */
function nextLevel(level: readonly TrustedTargets[], visited: Set<string>): readonly Delegation[] {
  const next: Delegation[] = [];
  for (const each of level) {
    for (const delegation of allDelegations(each)) {
      if (visited.has(delegation.name)) continue;
      visited.add(delegation.name);
      if (visited.size > maxListedRoles)
        throw tufError("TUF_SEARCH_LIMIT", { expected: `at most ${maxListedRoles} roles` });
      next.push(delegation);
    }
  }
  return next;
}

/** As `Promise.all` over the items, with at most `maxSearches` under way; none is left under way when it rejects. */
async function mapLimited<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const walk = async (): Promise<void> => {
    for (let at = next++; at < items.length; at = next++) results[at] = await work(items[at] as T);
  };
  const stopping = async (): Promise<void> => {
    try {
      await walk();
    } finally {
      next = items.length;
    }
  };
  const walks = Array.from({ length: Math.min(maxSearches, items.length) }, stopping);
  await Promise.allSettled(walks);
  await Promise.all(walks);
  return results;
}

/** The target, which must exist. Throws TUF_TARGET_UNKNOWN. */
export function needTarget(name: string, target: TrustedTarget | undefined): TrustedTarget {
  if (target !== undefined) return target;
  throw tufError("TUF_TARGET_UNKNOWN", { checked: quote(name) });
}
