import { request as plainRequest } from "node:http";
import { request as tlsRequest, type RequestOptions } from "node:https";
import { Readable } from "node:stream";

/**
 * As much of fetch as services are called by, on node:http and node:https. Unlike the platform's own it can show a certificate, as
 * `options` have it, and it takes a proxy that hangs up for a failure: fetch asks such a proxy again without end. Redirects are not followed,
 * and nothing is decompressed. Rejects as fetch does, with the reason as `cause`.
 */
export function fetchByNode(url: string, init: RequestInit, options: RequestOptions = {}): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers, body, signal } = init;
    const fail = (cause: unknown): void => reject(new TypeError("fetch failed", { cause }));
    const all = { ...options, method, headers, signal: signal ?? undefined } as RequestOptions;
    const request = url.startsWith("https:") ? tlsRequest : plainRequest;
    const outgoing = request(url, all, (incoming) => {
      const status = incoming.statusCode ?? 0;
      // Such a Response takes no body, and there is none to read.
      const isBare = status === 204 || status === 205 || status === 304;
      const stream = isBare ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
      if (isBare) incoming.resume();
      resolve(new Response(stream, { status, headers: headersOf(incoming.headers) }));
    });
    outgoing.once("error", fail);
    outgoing.end(body);
  });
}

function headersOf(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
