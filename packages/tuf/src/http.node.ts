import http from "node:http";
import https from "node:https";
import { Readable } from "node:stream";
import zlib from "node:zlib";
import type { HttpResponse } from "./http-request.ts";

/**
 * What `HttpWorld` needs of fetch, on node:http and node:https: the platform's own takes some 60 ms to load, more than a whole
 * refresh. Sends a GET by the global agent, and so through the proxy that Node was told of. Follows no redirect; decompresses, as
 * fetch does. Rejects with the platform's errors, and with the signal's reason.
 */
export function httpFetch(url: string, init: RequestInit): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    const { signal } = init;
    const failed = (error: Error): void => reject(signal?.aborted === true ? (signal.reason as Error) : error);
    try {
      const make = url.startsWith("https:") ? https.request : http.request;
      const headers = (init.headers ?? {}) as http.OutgoingHttpHeaders;
      const request = make(url, { headers, ...(signal && { signal }) }, (message) => resolve(responseOf(message)));
      request.on("error", failed);
      request.end();
    } catch (error) {
      failed(error as Error);
    }
  });
}

function responseOf(message: http.IncomingMessage): HttpResponse {
  const headers = new Headers();
  for (let at = 0; at + 1 < message.rawHeaders.length; at += 2)
    headers.append(message.rawHeaders[at] as string, message.rawHeaders[at + 1] as string);
  return { status: message.statusCode ?? 0, type: "default", headers, body: bodyOf(message, headers) };
}

/** Read when the reader asks, so that a slow one slows the server down. */
function bodyOf(message: http.IncomingMessage, headers: Headers): ReadableStream<Uint8Array<ArrayBuffer>> {
  const source = decoded(message, headers.get("content-encoding"));
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
