import { connect, type Socket } from "node:net";
import type { TrustError } from "@countersign/core";
import { ociError } from "./errors.ts";
import { readChunked, readSized, type BodyReader } from "./response-body.ts";
import { maxHeaderBytes, parseHead, type Head } from "./response-head.ts";
import type { OciRequest, OciResponse } from "./http.ts";

/** The most bytes of a body that is read this way. */
export const maxPlainBytes: number = 1024 * 1024;
/** The most connections to one origin at a time. */
const maxConnections = 16;
/** How much of an answer is taken at once, in bytes. */
const roomBytes = 64 * 1024;

/** Gives an answer to a request over http, or undefined where somebody else must ask: nothing was wrong or right then. */
export type PlainGet = (url: URL, request: OciRequest) => Promise<OciResponse | undefined>;

/**
 * Asks for small things over plain http, on connections that are kept open, in a fifth of the time that node:http takes. It knows one
 * form of question, a GET whose answer is to be kept in memory, and one of answer: HTTP/1.1 with a final status and a body that
 * says where it ends (`parseHead`), all of it within 1 MiB. For all else, broken connections among it, it gives undefined, and asks no more of that
 * origin: node:http, asked again, knows the rest of HTTP and says what is wrong. Rejects with OCI_REGISTRY_SILENT.
 */
export function makePlainGet(): PlainGet {
  const origins = new Map<string, Origin>();
  return async (url, request) => {
    const head = formatHead(url, request);
    if (head === undefined) return undefined;
    const origin = origins.get(url.host) ?? { idle: [], open: 0, isPlain: true };
    origins.set(url.host, origin);
    if (!origin.isPlain) return undefined;
    const known = origin.idle.pop();
    if (known === undefined && origin.open >= maxConnections) return undefined;
    return await (known ?? new Connection(origin, url)).ask(head, request);
  };
}

/** What is known of a host and port. */
interface Origin {
  readonly idle: Connection[];
  open: number;
  /** Whether all answers so far were of the one form. */
  isPlain: boolean;
}

/** The question, or undefined if it is not of the one form. */
function formatHead(url: URL, { method, headers, body, wholeMs, signal }: OciRequest): string | undefined {
  const isPlain = url.protocol === "http:" && method === "GET" && body === undefined;
  if (!isPlain || wholeMs === undefined || signal !== undefined) return undefined;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  // Whoever could end a line could ask for something else.
  if (!lines.every((line) => /^[a-z0-9-]+: [\x20-\x7e]*\r\n$/.test(line))) return undefined;
  return `GET ${url.pathname}${url.search} HTTP/1.1\r\nhost: ${url.host}\r\n${lines.join("")}connection: keep-alive\r\n\r\n`;
}

/** One question that waits for its answer. */
interface Asked {
  readonly request: OciRequest;
  readonly resolve: (answer: OciResponse | undefined) => void;
  readonly reject: (error: TrustError) => void;
  /** What came before the head's end. */
  start: Buffer;
  answer?: { readonly head: Head; readonly body: BodyReader };
  /** Ends an answer that comes for too long. */
  end?: NodeJS.Timeout;
}

/** One question after another on one connection. */
class Connection {
  readonly #origin: Origin;
  readonly #socket: Socket;
  #asked: Asked | undefined;
  #isReused = false;

  constructor(origin: Origin, { hostname, port }: URL) {
    const host = hostname.startsWith("[") ? hostname.slice(1, -1) : hostname;
    this.#origin = origin;
    const callback = (count: number, room: Uint8Array): boolean => {
      this.#hear(Buffer.from(room.subarray(0, count)));
      return true;
    };
    // One room for all that comes: a stream would make a larger one for each piece.
    const onread = { buffer: new Uint8Array(roomBytes), callback };
    this.#socket = connect({ host, port: Number(port || 80), noDelay: true, onread });
    origin.open++;
    this.#socket.on("timeout", () => this.#endLate("a word within", this.#asked?.request.timeoutMs));
    // What it was does not matter: it closes.
    this.#socket.on("error", () => {});
    this.#socket.once("close", () => this.#close());
  }

  ask(head: string, request: OciRequest): Promise<OciResponse | undefined> {
    return new Promise((resolve, reject) => {
      this.#asked = { request, resolve, reject, start: Buffer.alloc(0) };
      if (this.#socket.timeout !== request.timeoutMs) this.#socket.setTimeout(request.timeoutMs);
      if (this.#isReused) this.#socket.ref();
      this.#socket.write(head, "latin1");
    });
  }

  #hear(chunk: Buffer): void {
    const asked = this.#asked;
    // Nobody asked.
    if (asked === undefined) return this.#giveUp();
    if (asked.answer !== undefined) return this.#take(asked, chunk);
    asked.start = asked.start.length === 0 ? chunk : Buffer.concat([asked.start, chunk]);
    const end = asked.start.indexOf("\r\n\r\n");
    if ((end === -1 ? asked.start.length : end) > maxHeaderBytes) return this.#giveUp();
    if (end === -1) return this.#wait(asked);
    const head = parseHead(asked.start.toString("latin1", 0, end));
    if (head === undefined || (head.length !== "chunked" && head.length > maxPlainBytes)) return this.#giveUp();
    const body = head.length === "chunked" ? readChunked(maxPlainBytes) : readSized(head.length);
    asked.answer = { head, body };
    this.#take(asked, asked.start.subarray(end + 4));
  }

  #take(asked: Asked, piece: Uint8Array): void {
    const taken = asked.answer?.body.take(piece);
    if (taken === "all") this.#answer(asked);
    else if (taken === "more") this.#wait(asked);
    else this.#giveUp();
  }

  /** Who sends a byte now and then is never silent, and never done. */
  #wait(asked: Asked): void {
    const { wholeMs } = asked.request;
    asked.end ??= setTimeout(() => this.#endLate("all of the answer within", wholeMs), wholeMs);
  }

  #answer({ resolve, answer, end }: Asked): void {
    clearTimeout(end);
    this.#asked = undefined;
    if (answer?.head.isLast !== false) this.#socket.destroy();
    else {
      this.#isReused = true;
      this.#origin.idle.push(this);
      // It does not keep the process alive.
      this.#socket.unref();
    }
    resolve(answer && { status: answer.head.status, headers: answer.head.headers, body: bodyOf(answer.body) });
  }

  #endLate(what: string, ms: number | undefined): void {
    const asked = this.#finish();
    if (asked === undefined) return;
    const checked = new URL(asked.request.url).origin;
    asked.reject(ociError("OCI_REGISTRY_SILENT", { checked, expected: `${what} ${ms} ms` }));
  }

  #giveUp(): void {
    this.#origin.isPlain = false;
    this.#finish()?.resolve(undefined);
  }

  /** Ends the connection; what was asked, if somebody waits for it. */
  #finish(): Asked | undefined {
    const asked = this.#asked;
    clearTimeout(asked?.end);
    this.#asked = undefined;
    this.#socket.destroy();
    return asked;
  }

  #close(): void {
    this.#origin.open--;
    const at = this.#origin.idle.indexOf(this);
    if (at !== -1) this.#origin.idle.splice(at, 1);
    // One that was kept open may be closed at any time, also when it is asked.
    const wasIdle = this.#isReused && this.#asked?.start.length === 0;
    if (this.#asked !== undefined && !wasIdle) this.#origin.isPlain = false;
    this.#finish()?.resolve(undefined);
  }
}

async function* bodyOf({ pieces }: BodyReader): AsyncGenerator<Uint8Array> {
  yield* pieces;
}
