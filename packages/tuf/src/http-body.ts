import { TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { placeOf } from "./http-address.ts";
import { codeOf, endBody, over, type HttpAnswer, type HttpResponse, type HttpWorld } from "./http-request.ts";
import { maxSkipMs, maxSkippedBytes } from "./http-limit.ts";
import type { Guard } from "./http-guard.ts";

/** How a body is read. */
export interface BodyOptions {
  /** What may still come, in bytes, after decompression. */
  readonly maxBytes: number;
  /** Where the next chunk is put, if the transport can do that; it is then a view of that buffer. Never an empty one. */
  readonly room?: () => Uint8Array;
}

/**
 * The body's chunks as they come. Ends with TUF_FETCH_TOO_LARGE before anything past `maxBytes` is handed out, TUF_FETCH_SLOW if it
 * comes more slowly than the limits say, TUF_FETCH_CUT if the connection breaks, TUF_FETCH_ABORTED. The request ends with the
 * iteration, however that ends.
 */
export async function* readBody(answer: HttpAnswer, { maxBytes, room }: BodyOptions): AsyncGenerator<Uint8Array> {
  const source = new Chunks(answer, room);
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
export async function readWhole(answer: HttpAnswer, options: BodyOptions): Promise<Uint8Array> {
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
  for await (const chunk of readBody(answer, { ...options, room })) {
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
export async function skipBody(world: HttpWorld, answer: HttpAnswer): Promise<void> {
  const late = async (): Promise<void> => {
    await world.sleep(maxSkipMs, answer.stop.signal);
    answer.stop.abort(over);
  };
  late().catch(() => {});
  const buffer = new Uint8Array(maxSkippedBytes + 1);
  try {
    for await (const chunk of readBody(answer, { maxBytes: maxSkippedBytes, room: () => buffer })) void chunk;
  } catch {
    // Then the connection is lost, and nothing else.
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
  readonly #guard: Guard;
  #interrupt: (reason: unknown) => void = () => {};
  readonly #onStop = (): void => this.#interrupt(this.#stop.signal.reason);

  constructor({ response, stop, guard }: HttpAnswer, room: BodyOptions["room"]) {
    this.#stop = stop;
    this.#guard = guard;
    this.#reading = readingOf(response, room);
    stop.signal.addEventListener("abort", this.#onStop, { once: true });
  }

  async next(): Promise<Uint8Array | undefined> {
    this.#guard.waits();
    const chunk = await new Promise<Uint8Array | undefined>((resolve, reject) => {
      this.#interrupt = reject;
      if (this.#stop.signal.aborted) this.#onStop();
      else this.#reading.next().then(resolve, reject);
    });
    this.#guard.got(chunk?.length ?? 0);
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
