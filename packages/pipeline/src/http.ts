import { quote, TrustError } from "@countersign/core";
import type { Http, HttpRequest, HttpResponse } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";

/** The part of the platform's fetch that is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Turns a fetch function into the `Http` that services are called through: no redirects are followed, the body is cut
 * off at `maxBytes` and everything at `timeoutMs`. Retries live with the caller.
 * Throws PIPELINE_HTTP_FAILED, PIPELINE_HTTP_CERTIFICATE, PIPELINE_HTTP_TIMEOUT, PIPELINE_HTTP_TOO_LARGE, PIPELINE_HTTP_REDIRECT; any other status is an answer.
 */
export function makeHttp(fetch: Fetch): Http {
  return async (request) => {
    const timeout = AbortSignal.timeout(request.timeoutMs);
    const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
    try {
      const response = await fetch(request.url, initOf(request, signal));
      await refuseRedirect(response, request);
      return { status: response.status, headers: headersOf(response), body: await readBody(response, request) };
    } catch (error) {
      throw failureOf(error, request, timeout);
    }
  };
}

function initOf(request: HttpRequest, signal: AbortSignal): RequestInit {
  const { method, headers, body } = request;
  return {
    method,
    headers: { ...headers },
    redirect: "manual",
    signal,
    ...(body === undefined ? {} : { body: new Uint8Array(body) }),
  };
}

/** A redirect could carry a token to another host. Browsers tell that there was one, and not to where. */
async function refuseRedirect({ status, type, headers, body }: Response, request: HttpRequest): Promise<void> {
  if (type !== "opaqueredirect" && ![301, 302, 303, 307, 308].includes(status)) return;
  await body?.cancel();
  const target = headers.get("location") ?? "";
  const place = URL.canParse(target, request.url) ? new URL(target, request.url).origin : "an address that is none";
  const got = type === "opaqueredirect" ? "a redirect" : `status ${status} to ${quote(place)}`;
  throw pipelineError("PIPELINE_HTTP_REDIRECT", { checked: hostOf(request), got });
}

function headersOf(response: Response): HttpResponse["headers"] {
  return Object.fromEntries(response.headers);
}

async function readBody(response: Response, request: HttpRequest): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > request.maxBytes)
      throw pipelineError("PIPELINE_HTTP_TOO_LARGE", {
        checked: hostOf(request),
        expected: `at most ${request.maxBytes} bytes`,
      });
    chunks.push(chunk);
  }
  return joined(chunks, length);
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

// The cause may repeat headers, and a header may hold a token: only its code is told.
function failureOf(error: unknown, request: HttpRequest, timeout: AbortSignal): unknown {
  if (error instanceof TrustError) return error;
  if (timeout.aborted)
    return pipelineError("PIPELINE_HTTP_TIMEOUT", {
      checked: hostOf(request),
      expected: `an answer within ${request.timeoutMs} ms`,
    });
  const reason = reasonOf(error);
  const got = reason === undefined ? "no connection" : quote(reason);
  const code = certificateReasons.test(reason ?? "") ? "PIPELINE_HTTP_CERTIFICATE" : "PIPELINE_HTTP_FAILED";
  return pipelineError(code, { checked: hostOf(request), got });
}

/** OpenSSL's and Node's codes about the server's certificate; with ERR_SSL begins what the server says, of ours for instance. */
const certificateReasons = /^(?!ERR_SSL_).*(?:CERT|LEAF_SIGNATURE)/;

function reasonOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function hostOf(request: HttpRequest): string {
  return URL.canParse(request.url) ? new URL(request.url).origin : "a malformed address";
}
