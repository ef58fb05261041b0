import { X509Certificate } from "node:crypto";
import { request as tlsRequest, type RequestOptions } from "node:https";
import { Readable } from "node:stream";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";

/** What a TLS connection shows and trusts, each PEM. */
export interface TlsMaterial {
  readonly cert?: Uint8Array;
  readonly key?: Uint8Array;
  /** Who may have issued the server's certificate; the system's authorities otherwise. */
  readonly ca?: Uint8Array;
  readonly serverName?: string;
}

/** Whether OpenSSL takes them: certificates, and the private key of the first, not encrypted. Tells nothing of the key. */
export function isTlsMaterial(material: TlsMaterial): boolean {
  const { cert, ca } = material;
  try {
    // A file without any certificate is taken for an empty list otherwise.
    for (const certificates of [cert, ca]) if (certificates !== undefined) new X509Certificate(certificates);
    createSecureContext(optionsOf(material));
    return true;
  } catch {
    return false;
  }
}

/** Calls over TLS with this material: the platform's own fetch can show no certificate. Redirects are not followed. */
export function makeTlsHttp(material: TlsMaterial): Http {
  const { serverName } = material;
  const options = { ...optionsOf(material), ...(serverName !== undefined && { servername: serverName }) };
  return makeHttp((url, init) => fetchOverTls(url, init, options));
}

function optionsOf({ cert, key, ca }: TlsMaterial): SecureContextOptions {
  const given = Object.entries({ cert, key, ca }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, Buffer.from(value as Uint8Array)]));
}

/** As much of fetch as services are called by. */
function fetchOverTls(url: string, init: RequestInit, secure: RequestOptions): Promise<Response> {
  return new Promise((resolve, reject) => {
    const { method = "GET", headers, body, signal } = init;
    const options = {
      ...secure,
      method,
      headers: headers as Record<string, string>,
      signal: signal ?? undefined,
    };
    const fail = (cause: Error): void => reject(new TypeError("fetch failed", { cause }));
    const outgoing = tlsRequest(url, options as RequestOptions, (incoming) => {
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
