import http from "node:http";
import process from "node:process";
import type { Readable } from "node:stream";
import type zlib from "node:zlib";
import { Inbox } from "./inbox.node.ts";
import { makeLendingAgent, setReader } from "./lending-agent.node.ts";
import type { HttpResponse } from "./http-request.ts";

const nodesAgent = http.globalAgent;
let lendingAgent: http.Agent | undefined;

/** Ours, unless somebody chose another one, or a proxy. */
function agentFor(url: string): http.Agent | undefined {
  const { options } = http.globalAgent as { readonly options?: { readonly proxyEnv?: unknown } };
  if (!url.startsWith("http:") || http.globalAgent !== nodesAgent || options?.proxyEnv !== undefined) return undefined;
  return (lendingAgent ??= makeLendingAgent());
}

/**
 * What `HttpWorld` needs of fetch, on node:http and node:https: the platform's own takes some 60 ms to load, more than a whole
 * refresh. Sends a GET through the proxy that Node was told of. Follows no redirect; decompresses, as fetch does. Rejects with the
 * platform's errors, and with the signal's reason.
 */
export function httpFetch(url: string, init: RequestInit): Promise<HttpResponse> {
  return httpFetchBy(usualDirectBytes, url, init);
}

/** From how many bytes on a body has its connection to itself: less costs less to parse than another connection to make. */
const usualDirectBytes = 8 * 1024 * 1024;

/** As `httpFetch`, with another limit in the place of `usualDirectBytes`. */
export function httpFetchBy(minDirectBytes: number, url: string, init: RequestInit): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = init;
    const failed = (error: Error): void => reject(signal?.aborted === true ? (signal.reason as Error) : error);
    try {
      const request = send(url, init, (message) => resolve(responseOf(message, minDirectBytes)));
      request.on("error", failed);
      if (signal) stopWith(signal, request);
      request.end();
    } catch (error) {
      failed(error as Error);
    }
  });
}

function send(url: string, init: RequestInit, onAnswer: (message: http.IncomingMessage) => void): http.ClientRequest {
  const make = url.startsWith("https:") ? process.getBuiltinModule("node:https").request : http.request;
  const agent = agentFor(url);
  const headers = (init.headers ?? {}) as http.OutgoingHttpHeaders;
  return make(url, { headers, ...(agent && { agent }) }, onAnswer);
}

/** As Node's own `signal`, which watches every end that a stream can come to. Here that is one: the answer is read, or is not. */
function stopWith(signal: AbortSignal, request: http.ClientRequest): void {
  const stop = (): void => void request.destroy(signal.reason as Error);
  if (signal.aborted) return stop();
  signal.addEventListener("abort", stop, { once: true });
  request.once("close", () => signal.removeEventListener("abort", stop));
}

function responseOf(message: http.IncomingMessage, minDirectBytes: number): HttpResponse {
  const headers = headersOf(message.rawHeaders);
  const source = decoded(message, headers.get("content-encoding"));
  const bodyBytes = source === message ? bodyBytesOf(message.statusCode, headers) : 0;
  const inbox = new Inbox(source, bodyBytes < minDirectBytes ? undefined : bodyBytes);
  if (source === message) setReader(message.socket, inbox);
  let body: HttpResponse["body"] | undefined;
  return {
    status: message.statusCode ?? 0,
    type: "default",
    headers,
    // The platform's streams take longer to load than all else here together, and the client asks for none.
    get body() {
      return (body ??= bodyOf(message, source));
    },
    readInto: (buffer) => inbox.readInto(buffer),
    drop: () => drop(message, source),
  };
}

/** As `Headers` has them, which would load all of fetch. */
function headersOf(raw: readonly string[]): HttpResponse["headers"] {
  const headers = new Map<string, string>();
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const [name = "", value = ""] = [raw[at]?.toLowerCase(), raw[at + 1]?.trim()];
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return { get: (name) => headers.get(name.toLowerCase()) ?? null, has: (name) => headers.has(name.toLowerCase()) };
}

/** How long the body is, if nothing but a length says where it ends (RFC 9112 §6.3); else 0. */
function bodyBytesOf(status: number | undefined, headers: HttpResponse["headers"]): number {
  const length = headers.get("content-length");
  const isPlain = (status === 200 || status === 206) && !headers.has("transfer-encoding");
  return isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : 0;
}

/** Read when the reader asks, so that a slow one slows the server down. */
function bodyOf(message: http.IncomingMessage, source: Readable): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Uint8Array<ArrayBuffer>>;
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel() {
        drop(message, source);
      },
    },
    { highWaterMark: 0 },
  );
}

function drop(message: http.IncomingMessage, source: Readable): void {
  message.destroy();
  source.destroy();
}

type Zlib = typeof zlib;

const decoders: ReadonlyMap<string, (from: Zlib) => zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress> = new Map([
  ["gzip", (from) => from.createGunzip()],
  ["x-gzip", (from) => from.createGunzip()],
  ["deflate", (from) => from.createInflate()],
  ["br", (from) => from.createBrotliDecompress()],
]);

function decoded(message: http.IncomingMessage, encoding: string | null): Readable {
  const make = decoders.get(encoding?.trim().toLowerCase() ?? "");
  if (make === undefined) return message;
  const decoder = make(process.getBuiltinModule("node:zlib"));
  // An error of either side ends the other.
  message.on("error", (error) => decoder.destroy(error));
  decoder.on("error", () => message.destroy());
  return message.pipe(decoder);
}
