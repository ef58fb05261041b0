import { quote, TrustError } from "@countersign/core";
import type { Http, HttpRequest, HttpResponse } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";

/** What it takes to ask GitHub, all of it the caller's. */
export interface GithubCaller {
  readonly http: Http;
  /** Resolves after so many milliseconds. */
  readonly sleep: (ms: number) => Promise<void>;
  now(): Date;
  /** Told before each wait. */
  readonly onWait?: (ms: number, reason: string) => void;
}

/** How often a request is made at most. */
export const maxGithubTries: number = 3;
/** The wait after an answer that may have passed by the next try, in milliseconds; it doubles before each further one. */
export const firstGithubWaitMs: number = 500;
/** How long GitHub wants to be left alone where it says that a limit was exceeded, and not until when, in milliseconds. */
export const githubLimitWaitMs: number = 60_000;
/** The longest wait for a limit, in milliseconds; a limit that lasts longer is an error that says until when. */
export const maxGithubWaitMs: number = 90_000;

/**
 * Sends a request and gives the answer, whatever its status. The one place that asks GitHub again: up to `maxGithubTries` times,
 * when nobody answered, at 408 and 5xx, and when a limit was exceeded: the primary one, told by `x-ratelimit-remaining: 0` and
 * `x-ratelimit-reset`, or a secondary one, told by `retry-after` or in words (REST API, "Rate limits", "Best practices").
 * Throws PIPELINE_GITHUB_LIMIT, and what the caller's `http` throws.
 */
export async function askGithub(caller: GithubCaller, request: HttpRequest): Promise<HttpResponse> {
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(caller, request);
    const doubledMs = firstGithubWaitMs * 2 ** (tries - 1);
    if (outcome instanceof TrustError) {
      if (tries === maxGithubTries) throw outcome;
      await wait(caller, doubledMs, outcome.message);
      continue;
    }
    const limitMs = limitWaitMs(outcome, caller.now());
    if (limitMs !== undefined) {
      if (tries === maxGithubTries || limitMs > maxGithubWaitMs) throw limitError(request, outcome, limitMs);
      await wait(caller, limitMs, "a limit of GitHub's was exceeded");
      continue;
    }
    if (!isPassing(outcome.status) || tries === maxGithubTries) return outcome;
    await wait(caller, doubledMs, `GitHub answered with status ${outcome.status}`);
  }
}

async function wait({ sleep, onWait }: GithubCaller, ms: number, reason: string): Promise<void> {
  onWait?.(ms, reason);
  await sleep(ms);
}

async function attempt({ http }: GithubCaller, request: HttpRequest): Promise<HttpResponse | TrustError> {
  try {
    return await http(request);
  } catch (error) {
    if (error instanceof TrustError && error.kind === "unavailable") return error;
    throw error;
  }
}

function isPassing(status: number): boolean {
  return status === 408 || (status >= 500 && status !== 501);
}

/** How long to wait until the limit is over, in milliseconds; undefined where none was exceeded. A 403 alone is a refusal. */
function limitWaitMs(response: HttpResponse, now: Date): number | undefined {
  const { status, headers, body } = response;
  if (status !== 403 && status !== 429) return undefined;
  const after = secondsIn(headers["retry-after"]);
  if (after !== undefined) return after * 1000;
  const reset = secondsIn(headers["x-ratelimit-reset"]);
  if (headers["x-ratelimit-remaining"]?.trim() === "0" && reset !== undefined)
    return Math.max(reset * 1000 - clockOf(headers, now), 0) + 1000;
  const isTold = /rate limit/i.test(new TextDecoder().decode(body.subarray(0, 2000)));
  return status === 429 || isTold ? githubLimitWaitMs : undefined;
}

function secondsIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,12}\s*$/.test(text) ? Number(text) : undefined;
}

/** By GitHub's own clock, which the time of its answer tells; ours may be wrong. */
function clockOf({ date }: HttpResponse["headers"], now: Date): number {
  const told = Date.parse(date ?? "");
  return Number.isNaN(told) ? now.getTime() : told;
}

function limitError({ url }: HttpRequest, { status, headers }: HttpResponse, waitMs: number): TrustError {
  const limit = headers["x-ratelimit-limit"];
  const allowed = limit === undefined ? "" : `, ${quote(limit)} requests allowed`;
  return pipelineError("PIPELINE_GITHUB_LIMIT", {
    checked: new URL(url).origin,
    expected: `to be free within ${maxGithubWaitMs / 1000} s`,
    got: `status ${status}${allowed}, free again in ${Math.ceil(waitMs / 1000)} s`,
  });
}
