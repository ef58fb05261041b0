import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import zlib from "node:zlib";
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
  return new Promise((resolve, reject) => {
    const { signal } = init;
    const failed = (error: Error): void => reject(signal?.aborted === true ? (signal.reason as Error) : error);
    try {
      const make = url.startsWith("https:") ? https.request : http.request;
      const agent = agentFor(url);
      const headers = (init.headers ?? {}) as http.OutgoingHttpHeaders;
      const options = { headers, ...(agent && { agent }), ...(signal && { signal }) };
      const request = make(url, options, (message) => resolve(responseOf(message)));
      request.on("error", failed);
      request.end();
    } catch (error) {
      failed(error as Error);
    }
  });
}

function responseOf(message: http.IncomingMessage): HttpResponse {
  const headers = headersOf(message.rawHeaders);
  const source = decoded(message, headers.get("content-encoding"));
  const inbox = new Inbox(source);
  if (source === message) setReader(message.socket, inbox);
  const readInto = (buffer: Uint8Array): Promise<number> => inbox.readInto(buffer);
  return { status: message.statusCode ?? 0, type: "default", headers, body: bodyOf(message, source), readInto };
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
        message.destroy();
        source.destroy();
      },
    },
    { highWaterMark: 0 },
  );
}

const decoders: ReadonlyMap<string, () => zlib.Gunzip | zlib.Inflate | zlib.BrotliDecompress> = new Map([
  ["gzip", () => zlib.createGunzip()],
  ["x-gzip", () => zlib.createGunzip()],
  ["deflate", () => zlib.createInflate()],
  ["br", () => zlib.createBrotliDecompress()],
]);

function decoded(message: http.IncomingMessage, encoding: string | null): Readable {
  const make = decoders.get(encoding?.trim().toLowerCase() ?? "");
  if (make === undefined) return message;
  const decoder = make();
  // An error of either side ends the other.
  message.on("error", (error) => decoder.destroy(error));
  decoder.on("error", () => message.destroy());
  return message.pipe(decoder);
}
