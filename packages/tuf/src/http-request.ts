import { quote, TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { checkRedirect, placeOf } from "./http-address.ts";
import { Guard } from "./http-guard.ts";
import { maxRedirects, maxRetryMs, type FetchLimits } from "./http-limit.ts";

/** The part of the platform that requests need, all of it the caller's. */
export interface HttpWorld {
  /** The platform's fetch, or one that goes through a proxy. It must be able to leave redirects to us (`redirect: "manual"`). */
  readonly fetch: (url: string, init: RequestInit) => Promise<HttpResponse>;
  /** Resolves after so many milliseconds, or rejects when the signal says so. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** A clock that only goes forwards, in milliseconds. */
  readonly tickMs: () => number;
}

/** What is looked at of an answer; fetch gives it, and more. */
export interface HttpResponse extends Pick<Response, "status" | "type" | "body"> {
  readonly headers: Pick<Headers, "get" | "has">;
  /**
   * Instead of `body`, for who reads large bodies: puts what came into the buffer, as much as there is room for, and waits if nothing
   * came yet. Resolves with the number of bytes, 0 at the end; rejects as reading `body` does.
   */
  readonly readInto?: (buffer: Uint8Array) => Promise<number>;
  /** Goes with `readInto`: ends the answer, whatever is left of it. */
  readonly drop?: () => void;
}

/** One request. */
export interface HttpAsk {
  readonly url: URL;
  /** What this request is about. */
  readonly headers: Readonly<Record<string, string>>;
  /** What the user wants sent, never beyond the origin of `url`. */
  readonly userHeaders: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
  readonly limits: FetchLimits;
}

/** An answer whose body has not been read yet. */
export interface HttpAnswer {
  readonly response: HttpResponse;
  /** Where it comes from after redirects. */
  readonly url: URL;
  /** Ends the request, with the reason that reading the body then rejects with. */
  readonly stop: AbortController;
  readonly guard: Guard;
}

/** The reason given to what ends because there is nothing left to do. Unless one is given, the platform makes one with a stack. */
export const over: Error = new Error("over");

/** Why an answer cannot be had now, and how long the server asked us to wait. */
export class Postponed extends Error {
  readonly problem: TrustError;
  readonly waitMs: number | undefined;

  constructor(problem: TrustError, waitMs: number | undefined) {
    super(problem.message);
    this.problem = problem;
    this.waitMs = waitMs;
  }
}

/**
 * Sends a GET and follows redirects. Answers with status 200, 206, 304, 404 (also for 403 and 410) or 416; every other one is an
 * error. Throws TUF_FETCH_REFUSED, TUF_FETCH_REDIRECT, TUF_FETCH_SLOW, TUF_FETCH_ABORTED and, wrapped as Postponed,
 * TUF_FETCH_UNAVAILABLE.
 */
export async function ask(world: HttpWorld, request: HttpAsk): Promise<HttpAnswer> {
  const stop = new AbortController();
  const abort = (): void => stop.abort(tufError("TUF_FETCH_ABORTED", placeOf(request.url)));
  if (request.signal?.aborted === true) abort();
  request.signal?.addEventListener("abort", abort, { once: true, signal: stop.signal });
  try {
    const answer = await follow(world, request, stop);
    checkStatus(answer.response, answer.url);
    return answer;
  } catch (error) {
    stop.abort(error);
    throw error;
  }
}

async function follow(world: HttpWorld, request: HttpAsk, stop: AbortController): Promise<HttpAnswer> {
  let { url } = request;
  let headers = { ...request.userHeaders, ...request.headers };
  const guard = new Guard(world, url, { stop, limits: request.limits });
  for (let redirects = 0; ; redirects++) {
    guard.asks(url);
    const response = await firstByte(world, { ...request, url, headers }, stop);
    guard.answered();
    if (![301, 302, 303, 307, 308].includes(response.status) && response.type !== "opaqueredirect")
      return { response, url, stop, guard };
    endBody(response);
    if (redirects === maxRedirects)
      throw tufError("TUF_FETCH_REDIRECT", { checked: placeOf(url), expected: `at most ${maxRedirects} in a row` });
    const next = checkRedirect(url, response.headers.get("location"));
    // Not given back on the way home either: the server elsewhere chose where we go.
    if (next.origin !== url.origin) headers = { ...request.headers };
    url = next;
  }
}

/** Ends an answer by the way that its transport has; of a `body` that is made when it is asked for, none is made for this. */
export function endBody(response: HttpResponse): void {
  if (response.drop === undefined) response.body?.cancel().catch(() => {});
  else response.drop();
}

async function firstByte(world: HttpWorld, { url, headers }: HttpAsk, stop: AbortController): Promise<HttpResponse> {
  try {
    return await untilStopped(stop, () =>
      world.fetch(url.href, { method: "GET", headers, redirect: "manual", signal: stop.signal }),
    );
  } catch (error) {
    throw failureOf(error, url, stop);
  }
}

/** Waits for a step of the network that may not listen to the signal. */
export async function untilStopped<T>(stop: AbortController, work: () => Promise<T>): Promise<T> {
  let onStop = (): void => {};
  try {
    return await new Promise<T>((resolve, reject) => {
      onStop = () => reject(stop.signal.reason as Error);
      if (stop.signal.aborted) onStop();
      else {
        stop.signal.addEventListener("abort", onStop, { once: true });
        work().then(resolve, reject);
      }
    });
  } finally {
    stop.signal.removeEventListener("abort", onStop);
  }
}

/** Why a request failed. Of the platform's own error only the code is told: it may repeat headers, and a header may hold a token. */
function failureOf(error: unknown, url: URL, stop: AbortController): Error {
  const reason: unknown = stop.signal.reason;
  if (reason instanceof TrustError) return reason.code === "TUF_FETCH_SLOW" ? new Postponed(reason, undefined) : reason;
  return new Postponed(tufError("TUF_FETCH_UNAVAILABLE", { checked: placeOf(url), got: codeOf(error) }), undefined);
}

/** The platform's code for what went wrong with a connection. */
export function codeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : undefined;
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? quote(code) : "no connection";
}

function checkStatus({ status, headers }: HttpResponse, url: URL): void {
  if ([200, 206, 304, 403, 404, 410, 416].includes(status)) return;
  const detail = { checked: placeOf(url), got: `status ${status}` };
  if (![408, 425, 429].includes(status) && status < 500) throw tufError("TUF_FETCH_REFUSED", detail);
  throw new Postponed(tufError("TUF_FETCH_UNAVAILABLE", detail), retryAfterMs(headers.get("retry-after")));
}

/** RFC 9110 §10.2.3, in seconds; dates are not read, since the server's clock is not ours. */
function retryAfterMs(text: string | null): number | undefined {
  return text !== null && /^\d{1,9}$/.test(text) ? Math.min(Number(text) * 1000, maxRetryMs) : undefined;
}

/** Whether the repository says that there is no such file: 403 is what stores without a listing say. */
export function isAbsent({ status }: HttpResponse): boolean {
  return status === 403 || status === 404 || status === 410;
}
