import { X509Certificate } from "node:crypto";
import { request as tlsRequest, type RequestOptions } from "node:https";
import { Readable } from "node:stream";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { makeHttp } from "@countersign/pipeline";
import type { Http } from "@countersign/sigstore";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { TimestampClientOptions } from "./timestamp-options.ts";

/**
 * Calls timestamp authorities as the options say, and all else by `http`. The certificate is shown to no other service. Throws CLI_OPTION_CONFLICT, CLI_FILE_*, and CLI_OPTION_VALUE for what OpenSSL does not take, before anything is sent.
 */
export function withClientCertificate(options: TimestampClientOptions, urls: readonly string[], http: Http): Http {
  const { timestampClientCert, timestampClientKey, timestampClientCacert, timestampServerName } = options;
  if ((timestampClientCert === undefined) !== (timestampClientKey === undefined))
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--timestamp-client-cert, --timestamp-client-key",
      expected: "both or neither",
    });
  const plain = urls.find((url) => !url.startsWith("https://"));
  if (plain !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--timestamp-client-cert",
      got: "a timestamp authority without TLS in the signing config",
    });
  const secure = checkSecrets({
    ...pem("cert", timestampClientCert),
    ...pem("key", timestampClientKey),
    ...pem("ca", timestampClientCacert),
  });
  const name = timestampServerName === undefined ? {} : { servername: timestampServerName };
  const shown = makeHttp((url, init) => fetchOverTls(url, init, { ...secure, ...name }));
  return (request) => (urls.includes(request.url) ? shown(request) : http(request));
}

function pem(member: "cert" | "key" | "ca", path: string | undefined): SecureContextOptions {
  return path === undefined ? {} : { [member]: Buffer.from(readSmallFile(path, "TLS file")) };
}

/** The cause is dropped: it may tell of the key. */
function checkSecrets(options: SecureContextOptions): SecureContextOptions {
  const { cert, ca } = options;
  try {
    // A file without any certificate is taken for an empty list otherwise.
    for (const certificates of [cert, ca]) if (certificates !== undefined) new X509Certificate(certificates as Buffer);
    createSecureContext(options);
    return options;
  } catch {
    throw cliError("CLI_OPTION_VALUE", {
      checked: "--timestamp-client-cert, -key, -cacert",
      expected: "certificates in PEM, and the private key of the first, not encrypted",
    });
  }
}

/** As much of fetch as services are called by: the platform's own cannot show a certificate. */
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
      if (status >= 300 && status < 400) {
        incoming.destroy();
        return fail(new Error("a redirect"));
      }
      const stream = Readable.toWeb(incoming) as ReadableStream<Uint8Array>;
      return resolve(new Response(stream, { status, headers: headersOf(incoming.headers) }));
    });
    outgoing.once("error", fail);
    outgoing.end(body);
  });
}

function headersOf(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
