import { quote, TrustError } from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import type { Http, HttpRequest, HttpResponse } from "./http.ts";

/** How often a request is made at most. */
export const maxTries = 3;
/** The wait before the second try, in milliseconds; it doubles before each further one. */
export const firstWaitMs = 500;
/** The longest wait that a service can ask for by Retry-After, in milliseconds. */
export const maxWaitMs = 20_000;

/** What it takes to call a service, all of it the caller's. */
export interface Caller {
  readonly http: Http;
  /** Resolves after so many milliseconds, or rejects when the signal says so. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** What differs from one service to another. */
export interface SendOptions {
  /** Statuses that are an answer besides 200 and 201. */
  readonly alsoFine?: readonly number[];
  /** Instead of `maxTries`, where the caller asks again at its own pace. */
  readonly tries?: number;
  /** Was sent along and must not come back in a message. */
  readonly secret?: string;
}

/**
 * Sends a request and gives the answer if the service took it. The one place that tries again: up to `maxTries` times,
 * and only when the service could not be reached or said 408, 429 or 5xx. What is sent must be safe to send twice.
 * Throws SIGSTORE_HTTP_UNAVAILABLE, SIGSTORE_HTTP_REFUSED, SIGSTORE_HTTP_TOO_LARGE, and what the caller's `http` throws.
 */
export async function send(caller: Caller, request: HttpRequest, options: SendOptions = {}): Promise<HttpResponse> {
  for (let tries = 1; ; tries++) {
    const outcome = await attemptOnce(caller, request, options);
    if ("response" in outcome) return outcome.response;
    if (tries >= (options.tries ?? maxTries) || caller.signal?.aborted === true) throw outcome.problem;
    await caller.sleep(outcome.waitMs ?? firstWaitMs * 2 ** (tries - 1), caller.signal);
  }
}

type Outcome = { readonly response: HttpResponse } | { readonly problem: TrustError; readonly waitMs?: number };

/** The answer, or a problem that may have passed by the next try; any other problem is thrown. */
async function attemptOnce(caller: Caller, request: HttpRequest, options: SendOptions): Promise<Outcome> {
  try {
    const response = await caller.http({ ...request, ...(caller.signal && { signal: caller.signal }) });
    if (response.body.length > request.maxBytes) {
      throw sigstoreError("SIGSTORE_HTTP_TOO_LARGE", {
        checked: placeOf(request),
        expected: `at most ${request.maxBytes} bytes`,
      });
    }
    return judge(request, response, options);
  } catch (error) {
    if (error instanceof TrustError && error.kind === "unavailable") return { problem: error };
    throw error;
  }
}

function judge(request: HttpRequest, response: HttpResponse, options: SendOptions): Outcome {
  const { status } = response;
  if (status === 200 || status === 201 || options.alsoFine?.includes(status) === true) return { response };
  const detail = { checked: placeOf(request), got: `status ${status}${reasonOf(response, options)}` };
  if (status !== 408 && status !== 429 && status < 500) throw sigstoreError("SIGSTORE_HTTP_REFUSED", detail);
  const waitMs = retryAfterMs(response);
  return { problem: sigstoreError("SIGSTORE_HTTP_UNAVAILABLE", detail), ...(waitMs !== undefined && { waitMs }) };
}

/** RFC 9110 §10.2.3, in seconds; dates are not read, since the service's clock is not ours. */
function retryAfterMs(response: HttpResponse): number | undefined {
  const text = response.headers["retry-after"];
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Math.min(Number(text) * 1000, maxWaitMs);
}

/** What the service said, unless it repeats a piece of the secret. */
function reasonOf(response: HttpResponse, { secret }: SendOptions): string {
  const text = new TextDecoder().decode(response.body.subarray(0, 400)).trim();
  if (text === "" || (secret !== undefined && isSharing(text, secret))) return "";
  return `: ${quote(text)}`;
}

/** The shortest stretch of a secret that counts as a piece of it, in characters. */
const minPieceChars = 6;

/** Whether some stretch of the text is a stretch of the secret, or all of it if it is shorter. */
export function isSharing(text: string, secret: string): boolean {
  if (secret === "") return false;
  const length = Math.min(minPieceChars, secret.length);
  for (let start = 0; start + length <= text.length; start++) {
    if (secret.includes(text.slice(start, start + length))) return true;
  }
  return false;
}

/** Method and address without what may be in the query. */
function placeOf({ method, url }: HttpRequest): string {
  return `${method} ${quote(url.replace(/[?#].*$/s, ""))}`;
}

/** The URL of an API path under a service's base URL. */
export function apiUrl(base: string, path: string): string {
  return `${base.replace(/\/+$/, "")}${path}`;
}

/** UTF-8 of JSON for a request. */
export function jsonBody(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
