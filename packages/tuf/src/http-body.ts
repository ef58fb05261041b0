import { TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { placeOf } from "./http-address.ts";
import { codeOf, endBody, over, type HttpAnswer, type HttpResponse, type HttpWorld } from "./http-request.ts";
import { maxSkipMs, maxSkippedBytes, type FetchLimits } from "./http-limit.ts";

/** How a body is read. */
export interface BodyOptions {
  /** What may still come, in bytes, after decompression. */
  readonly maxBytes: number;
  readonly limits: FetchLimits;
  /** Where the next chunk is put, if the transport can do that; it is then a view of that buffer. Never an empty one. */
  readonly room?: () => Uint8Array;
}

/**
 * The body's chunks as they come. Ends with TUF_FETCH_TOO_LARGE before anything past `maxBytes` is handed out, TUF_FETCH_SLOW if it
 * comes more slowly than the limits say, TUF_FETCH_CUT if the connection breaks, TUF_FETCH_ABORTED. The request ends with the
 * iteration, however that ends.
 */
export async function* readBody(
  world: HttpWorld,
  answer: HttpAnswer,
  { limits, maxBytes, room }: BodyOptions,
): AsyncGenerator<Uint8Array> {
  const meter = new Meter(world, limits);
  const watched = new AbortController();
  watch(world, meter, { ...answer, limits }, watched.signal).catch(() => {});
  const source = new Chunks(answer, meter, room);
  let received = 0;
  try {
    checkAnnounced(answer, maxBytes);
    for (let chunk = await source.next(); chunk !== undefined; chunk = await source.next()) {
      received += chunk.length;
      if (received > maxBytes) throw tooLarge(answer, maxBytes);
      yield chunk;
    }
  } catch (error) {
    throw reasonOf(error, answer, received);
  } finally {
    watched.abort(over);
    source.close();
    answer.stop.abort(over);
  }
}

function reasonOf(error: unknown, { stop, url }: HttpAnswer, received: number): unknown {
  const reason: unknown = stop.signal.reason;
  if (reason instanceof TrustError) return reason;
  if (error instanceof TrustError) return error;
  return tufError("TUF_FETCH_CUT", { checked: placeOf(url), got: `${codeOf(error)} after ${received} bytes` });
}

/** How much is read at once of a body whose length nobody announced, in bytes. */
const roomBytes = 64 * 1024;

/** The whole body. */
export async function readWhole(world: HttpWorld, answer: HttpAnswer, options: BodyOptions): Promise<Uint8Array> {
  const { response } = answer;
  // One more than announced, to see the end.
  let whole = new Uint8Array(Math.min(announcedBytes(response) ?? roomBytes, options.maxBytes) + 1);
  let length = 0;
  const grow = (least: number): void => {
    if (whole.length >= least) return;
    const larger = new Uint8Array(Math.max(least, whole.length * 2));
    larger.set(whole.subarray(0, length));
    whole = larger;
  };
  const room = (): Uint8Array => {
    grow(length + 1);
    return whole.subarray(length);
  };
  for await (const chunk of readBody(world, answer, { ...options, room })) {
    if (chunk.buffer !== whole.buffer) {
      grow(length + chunk.length);
      whole.set(chunk, length);
    }
    length += chunk.length;
  }
  return whole.subarray(0, length);
}

/**
 * Ends a request whose body nobody wants. One that is short and comes at once is read to its end, so that the connection can be used
 * for the next request.
 */
export async function skipBody(world: HttpWorld, answer: HttpAnswer, limits: FetchLimits): Promise<void> {
  const skipped = new AbortController();
  const late = async (): Promise<void> => {
    await world.sleep(maxSkipMs, skipped.signal);
    answer.stop.abort(over);
  };
  late().catch(() => {});
  const buffer = new Uint8Array(maxSkippedBytes + 1);
  try {
    for await (const chunk of readBody(world, answer, { maxBytes: maxSkippedBytes, limits, room: () => buffer }))
      void chunk;
  } catch {
    // Then the connection is lost, and nothing else.
  } finally {
    skipped.abort(over);
  }
}

/** Ends a request whose body nobody wants, and with it the connection if that is not yet at its end. */
export function dropBody({ response, stop }: HttpAnswer): void {
  endBody(response);
  stop.abort(over);
}

// A length that was announced is of what is sent, which is what we get only if it was not compressed.
function checkAnnounced(answer: HttpAnswer, maxBytes: number): void {
  if ((announcedBytes(answer.response) ?? 0) > maxBytes) throw tooLarge(answer, maxBytes);
}

function announcedBytes({ headers }: HttpResponse): number | undefined {
  const length = headers.has("content-encoding") ? null : headers.get("content-length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

function tooLarge({ url }: HttpAnswer, maxBytes: number): TrustError {
  return tufError("TUF_FETCH_TOO_LARGE", { checked: placeOf(url), expected: `at most ${maxBytes} bytes` });
}

/** The chunks of a body; a wait for the next one ends when the request is stopped. */
class Chunks {
  readonly #stop: AbortController;
  readonly #reading: Reading;
  readonly #meter: Meter;
  #interrupt: (reason: unknown) => void = () => {};
  readonly #onStop = (): void => this.#interrupt(this.#stop.signal.reason);

  constructor({ response, stop }: HttpAnswer, meter: Meter, room: BodyOptions["room"]) {
    this.#stop = stop;
    this.#meter = meter;
    this.#reading = readingOf(response, room);
    stop.signal.addEventListener("abort", this.#onStop, { once: true });
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#meter.waits();
    const chunk = await new Promise<Uint8Array | undefined>((resolve, reject) => {
      this.#interrupt = reject;
      if (this.#stop.signal.aborted) this.#onStop();
      else this.#reading.next().then(resolve, reject);
    });
    this.#meter.got(chunk?.length ?? 0);
    return chunk;
  }

  close(): void {
    this.#stop.signal.removeEventListener("abort", this.#onStop);
    // Not awaited: a stream that hangs in `read` would never answer this either.
    this.#reading.end().catch(() => {});
  }
}

interface Reading {
  readonly next: () => Promise<Uint8Array | undefined>;
  readonly end: () => Promise<void>;
}

/** By the way that the transport and the caller both know. */
function readingOf(response: HttpResponse, room: BodyOptions["room"]): Reading {
  const { readInto } = response;
  if (readInto !== undefined && room !== undefined) {
    const next = async (): Promise<Uint8Array | undefined> => {
      const buffer = room();
      const length = await readInto(buffer);
      return length === 0 ? undefined : buffer.subarray(0, length);
    };
    return { next, end: async () => endBody(response) };
  }
  const reader = response.body?.getReader();
  return { next: async () => (await reader?.read())?.value, end: async () => reader?.cancel() };
}

/** How many bytes came in how much time of waiting for them. */
class Meter {
  readonly #world: HttpWorld;
  readonly #limits: FetchLimits;
  #bytes = 0;
  #waitedMs = 0;
  #sinceMs: number | undefined;

  constructor(world: HttpWorld, limits: FetchLimits) {
    this.#world = world;
    this.#limits = limits;
  }

  waits(): void {
    this.#sinceMs = this.#world.tickMs();
  }

  got(bytes: number): void {
    this.#settle();
    this.#sinceMs = undefined;
    this.#bytes += bytes;
  }

  /** Looks at the window if it is over, and begins the next one. */
  isTooSlow(): boolean {
    this.#settle();
    const { rateWindowMs, minBytesPerSecond } = this.#limits;
    if (this.#waitedMs < rateWindowMs) return false;
    const isSlow = this.#bytes * 1000 < minBytesPerSecond * this.#waitedMs;
    this.#bytes = 0;
    this.#waitedMs = 0;
    return isSlow;
  }

  #settle(): void {
    if (this.#sinceMs === undefined) return;
    const nowMs = this.#world.tickMs();
    this.#waitedMs += nowMs - this.#sinceMs;
    this.#sinceMs = nowMs;
  }
}

async function watch(
  world: HttpWorld,
  meter: Meter,
  { stop, url, limits }: HttpAnswer & Pick<BodyOptions, "limits">,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await world.sleep(limits.rateWindowMs / 4, signal);
    if (!meter.isTooSlow()) continue;
    const expected = `at least ${limits.minBytesPerSecond} bytes a second over ${limits.rateWindowMs} ms`;
    stop.abort(tufError("TUF_FETCH_SLOW", { checked: placeOf(url), expected }));
    return;
  }
}
