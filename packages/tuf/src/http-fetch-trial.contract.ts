import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeEach } from "vitest";
import { concatBytes, utf8 } from "@countersign/core";
import { startFaultServer } from "@countersign/testkit";
import { makeHttpFetcher, type HttpFetcherOptions } from "./http-fetch.ts";
import type { Fetcher, FetchedTarget } from "./fetch.ts";
import { maxSkipMs, type FetchLimits } from "./http-limit.ts";

/** Servers, what lies on them, and fetchers that ask them. */
export type FetcherTrial = Awaited<ReturnType<typeof openTrial>>;

/** Opens one for the tests of a file, over the `fetch` that is tried. */
// oxlint-disable-next-line typescript/explicit-function-return-type, typescript/explicit-module-boundary-types -- the type above is what it gives
export async function openTrial(fetch: HttpFetcherOptions["fetch"]) {
  const clock = makeStillClock();
  const server = await startFaultServer({ pass: clock.pass });
  const second = await startFaultServer({ pass: clock.pass });
  const elsewhere = await startFaultServer();
  const servers = [server, second, elsewhere];
  afterAll(async () => {
    await Promise.all(servers.map((one) => one.close()));
  });

  const metadata = utf8(JSON.stringify({ signed: "x".repeat(2000) }));
  const target = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);

  beforeEach(() => {
    for (const one of servers) {
      one.clear();
      one.requests.splice(0);
      one.files.clear();
      one.files.set("/metadata/timestamp.json", metadata);
      one.files.set("/targets/file.bin", target);
    }
  });

  /** Every sleep that a fetcher asked for to wait before another try; those that guard a request are by the servers' clock. */
  const pauses: number[] = [];
  beforeEach(() => void pauses.splice(0));

  const limits: FetchLimits = {
    firstByteMs: 9000,
    minBytesPerSecond: 20_000,
    rateWindowMs: 8000,
    maxTries: 3,
    maxParallel: 8,
  };
  const impatient: FetchLimits = { ...limits, firstByteMs: 90, rateWindowMs: 80 };
  const guards = [limits, impatient].flatMap(({ firstByteMs, rateWindowMs }) => [firstByteMs, rateWindowMs / 4]);
  guards.push(1100);

  function fetcherOf(options: Partial<HttpFetcherOptions> = {}, urls: readonly string[] = [server.url]): Fetcher {
    return makeHttpFetcher({
      fetch: (url, init) => fetch(url, init),
      sleep: async (ms, signal) => {
        if (guards.includes(ms)) return clock.sleep(ms, signal);
        if (ms !== maxSkipMs) return void pauses.push(ms);
        await wait(ms, undefined, signal && { signal });
      },
      tickMs: clock.tickMs,
      mirrors: urls.map((url) => ({ metadataUrl: `${url}/metadata` })),
      limits,
      ...options,
    });
  }

  const wanted = { maxBytes: 10_000 };
  const wantedTarget = { maxBytes: target.length };

  async function bytesOf(found: FetchedTarget | undefined): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of found?.body ?? []) chunks.push(new Uint8Array(chunk));
    return concatBytes(...chunks);
  }

  async function getTarget(fetcher: Fetcher, options = {}): Promise<Uint8Array> {
    return bytesOf(await fetcher.target("file.bin", { ...wantedTarget, ...options }));
  }

  return {
    server,
    second,
    elsewhere,
    metadata,
    target,
    pauses,
    limits,
    impatient,
    pass: clock.pass,
    fetcherOf,
    wanted,
    wantedTarget,
    bytesOf,
    getTarget,
  };
}

/** Stands still until it is told that time passes. */
function makeStillClock(): {
  readonly tickMs: () => number;
  readonly pass: (ms: number) => void;
  readonly sleep: HttpFetcherOptions["sleep"];
} {
  let nowMs = 0;
  const sleepers = new Set<{ readonly untilMs: number; readonly wake: () => void }>();
  return {
    tickMs: () => nowMs,
    pass: (ms) => {
      nowMs += ms;
      for (const { untilMs, wake } of sleepers) if (untilMs <= nowMs) wake();
    },
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        const sleeper = { untilMs: nowMs + ms, wake: () => end(resolve) };
        const end = (settle: () => void): void => {
          sleepers.delete(sleeper);
          settle();
        };
        sleepers.add(sleeper);
        const stop = (): void => end(() => reject(signal?.reason as Error));
        if (signal?.aborted === true) stop();
        else signal?.addEventListener("abort", stop, { once: true });
      }),
  };
}
