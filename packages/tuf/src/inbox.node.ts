import { freeChunk } from "./http-piece.ts";
import type { Readable } from "node:stream";

/** How many bytes wait to be read before the sender is slowed down. */
const maxWaitingBytes = 1024 * 1024;

/** What is asked of a connection. */
interface Connection {
  /** Goes on reading, after it was told that there is no room. */
  resume(): unknown;
}

/**
 * What comes from a stream, for one reader that says where to put it. All that comes in one turn of the event loop is read at once:
 * a stream's own iteration costs more for each 64 KiB than to hash them.
 */
export class Inbox {
  readonly #source: Readable;
  /** What came while nobody waited, or was too much. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Where the reader waits, and how much of it is filled. */
  #room: Uint8Array | undefined;
  #filled = 0;
  #isListening = false;
  /** Memory that is somebody else's. */
  #lent: ArrayBufferLike | undefined;
  #end: { readonly error?: Error } | undefined;
  /** What has yet to come, as far as that is known. */
  #leftBytes: number;
  /** Which brings the rest past the stream. */
  #connection: Connection | undefined;
  #wake: () => void = () => {};

  /** `bodyBytes`: how long a body is that comes as it is, and that is worth a connection of its own. */
  constructor(source: Readable, bodyBytes: number = Number.NaN) {
    this.#source = source;
    this.#leftBytes = bodyBytes;
  }

  /** See `HttpResponse.readInto`. One call at a time. */
  async readInto(buffer: Uint8Array): Promise<number> {
    if (!this.#isListening) this.#listen();
    if (this.#waitingBytes === 0 && this.#end === undefined) {
      this.#connection?.resume();
      const length = await this.#arrival(buffer);
      if (length > 0) return length;
    }
    if (this.#waitingBytes === 0 && this.#end?.error !== undefined) throw this.#end.error;
    const length = this.#take(buffer);
    if (this.#connection === undefined && this.#waitingBytes < maxWaitingBytes && this.#end === undefined)
      this.#source.resume();
    return length;
  }

  /** Whether all that comes now is copied before `receive` returns. */
  get isReady(): boolean {
    const { readableLength, readableFlowing } = this.#source;
    return this.#room !== undefined && readableLength === 0 && readableFlowing === true;
  }

  /**
   * Has the stream given bytes that are somebody else's again afterwards: this Node's parser copies them, another one may not. Ends the
   * stream should it keep any, which `isReady` rules out.
   */
  lend({ buffer }: Uint8Array, give: () => void): void {
    this.#lent = buffer;
    give();
    this.#lent = undefined;
    if (this.#source.readableLength > 0) this.#source.destroy(new Error("bytes were kept that were only lent"));
  }

  /**
   * Takes what a connection brings past Node's parser and the stream behind it. Begins when nothing is on its way through them; from then
   * on the end of the body is known by counting, and the connection ends with it. The bytes are only lent. Gives whether there is room for
   * as much as their memory holds; undefined if they must go through the parser.
   */
  receiveDirectly(bytes: Uint8Array, connection: Connection): boolean | undefined {
    if (this.#connection === undefined) {
      if (!this.isReady || !(this.#leftBytes > 0)) return undefined;
      this.#connection = connection;
    }
    this.#lent = bytes.buffer;
    this.#receive(bytes.subarray(0, this.#leftBytes));
    this.#lent = undefined;
    if (this.#leftBytes === 0) {
      this.#finish({});
      this.#source.destroy();
    }
    return (this.#room?.length ?? 0) - this.#filled >= bytes.buffer.byteLength;
  }

  #listen(): void {
    this.#isListening = true;
    this.#source.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    this.#source.on("end", () => this.#finish({}));
    this.#source.on("error", (error) => this.#finish({ error }));
    this.#source.on("close", () => this.#finish({ error: new Error("closed before its end") }));
  }

  #receive(chunk: Uint8Array): void {
    this.#leftBytes -= chunk.length;
    const some = chunk.subarray(0, (this.#room?.length ?? 0) - this.#filled);
    this.#room?.set(some, this.#filled);
    this.#filled += some.length;
    if (some.length < chunk.length) this.#keep(chunk.subarray(some.length));
    else if (chunk.buffer !== this.#lent) freeChunk(chunk);
    this.#wake();
  }

  #keep(rest: Uint8Array): void {
    this.#waiting.push(rest.buffer === this.#lent ? new Uint8Array(rest) : rest);
    this.#waitingBytes += rest.length;
    if (this.#waitingBytes >= maxWaitingBytes && this.#connection === undefined) this.#source.pause();
  }

  #finish(end: { readonly error?: Error }): void {
    this.#end ??= end;
    this.#wake();
  }

  /** How much is in the room after the turn in which something came. */
  #arrival(room: Uint8Array): Promise<number> {
    this.#room = room;
    this.#filled = 0;
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = () => {};
        setImmediate(() => {
          this.#room = undefined;
          const length = this.#filled;
          this.#filled = 0;
          resolve(length);
        });
      };
    });
  }

  #take(buffer: Uint8Array): number {
    let taken = 0;
    let used = 0;
    for (const chunk of this.#waiting) {
      const some = chunk.subarray(0, buffer.length - taken);
      buffer.set(some, taken);
      taken += some.length;
      if (some.length < chunk.length) {
        this.#waiting[used] = chunk.subarray(some.length);
        break;
      }
      freeChunk(chunk);
      used++;
    }
    this.#waiting.splice(0, used);
    this.#waitingBytes -= taken;
    return taken;
  }
}
