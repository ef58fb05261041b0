import { readBody, type BodyOptions } from "./http-body.ts";
import type { HttpAnswer, HttpWorld } from "./http-request.ts";

/** How much is handed out at once, in bytes; less if it comes slowly, or ends. Each piece costs a file operation in another thread. */
const pieceBytes = 4 * 1024 * 1024;
/** What a connection brings in one turn of the event loop at most, in bytes: libuv reads 64 KiB 32 times. */
const turnBytes = 2 * 1024 * 1024;
/** What came is handed out after this long, in milliseconds, so that progress shows and little is lost when the process is killed. */
const pieceMs = 250;

/**
 * The body in large pieces, each good until the next but one is asked for, whose bytes take its place. Ends as `readBody` does; what
 * came before an error is handed out first.
 */
export async function* readPieces(
  world: HttpWorld,
  answer: HttpAnswer,
  options: BodyOptions,
): AsyncGenerator<Uint8Array> {
  const gathered = new Gatherer(options.maxBytes);
  const room = (): Uint8Array => gathered.room;
  const isDirect = answer.response.readInto !== undefined;
  const free = !isDirect && isByteStream(answer.response.body) ? freeChunk : () => {};
  let sinceMs = world.tickMs();
  try {
    for await (const chunk of readBody(answer, { ...options, room })) {
      for (let at = 0; at < chunk.length;) {
        at += gathered.add(chunk, at);
        const isDue = gathered.isFull || (isDirect && gathered.isNearlyFull);
        if (!isDue && world.tickMs() - sinceMs < pieceMs) continue;
        sinceMs = world.tickMs();
        yield gathered.take();
      }
      free(chunk);
    }
  } catch (error) {
    if (gathered.size > 0) yield gathered.take();
    throw error;
  }
  if (gathered.size > 0) yield gathered.take();
}

/** Puts small chunks together. */
class Gatherer {
  readonly #pieceBytes: number;
  #piece: Uint8Array;
  #other: Uint8Array;
  size = 0;

  constructor(maxBytes: number) {
    this.#pieceBytes = Math.max(1, Math.min(pieceBytes, maxBytes));
    this.#piece = new Uint8Array(this.#pieceBytes);
    this.#other = new Uint8Array(this.#pieceBytes);
  }

  get isFull(): boolean {
    return this.size === this.#pieceBytes;
  }

  /** Whether less is left than a connection may bring in one turn of the event loop: what there is no room for is copied once more. */
  get isNearlyFull(): boolean {
    return this.#pieceBytes - this.size < Math.min(turnBytes, this.#pieceBytes / 2);
  }

  get room(): Uint8Array {
    return this.#piece.subarray(this.size);
  }

  /** Takes as much as there is room for, which may be there already; returns how much. */
  add(chunk: Uint8Array, at: number): number {
    const some = chunk.subarray(at, at + this.#pieceBytes - this.size);
    if (some.buffer !== this.#piece.buffer) this.#piece.set(some, this.size);
    this.size += some.length;
    return some.length;
  }

  take(): Uint8Array {
    const piece = this.#piece.subarray(0, this.size);
    [this.#piece, this.#other] = [this.#other, this.#piece];
    this.size = 0;
    return piece;
  }
}

/** Streams of bytes, as those of fetch, give the memory of a chunk away with it; others may still use theirs. */
function isByteStream(body: ReadableStream | null): boolean {
  try {
    body?.getReader({ mode: "byob" }).releaseLock();
    return body !== null;
  } catch {
    return false;
  }
}

/** Gives memory back at once: to have gigabytes collected as garbage costs more than to hash them. Pooled memory is left alone. */
export function freeChunk({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
