import { parseJson, quote, TrustError, type Json } from "@countersign/core";
import { checkAddress } from "./address.ts";
import { readBody } from "./body.ts";
import { ociError } from "./errors.ts";
import type { OciHttp, OciRequest, OciResponse } from "./http.ts";

/** How often a request is made at most. */
export const maxTries: number = 3;
/** The wait before the second try, in milliseconds; it doubles before each further one. */
export const firstWaitMs: number = 300;
/** The longest wait that a registry can ask for by Retry-After, in milliseconds. */
export const maxWaitMs: number = 20_000;
/** How many redirects are followed. */
export const maxRedirects: number = 5;
/** The most of an error's body that is read, in bytes. */
export const maxErrorBytes: number = 64 * 1024;

/** What it takes to call a registry, all of it the caller's. */
export interface Caller {
  readonly http: OciHttp;
  /** Resolves after so many milliseconds, or rejects when the signal says so. */
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** The registry's own address. */
  readonly registry: URL;
}

/** A request whose address was parsed already. */
export interface Sent extends Omit<OciRequest, "url"> {
  readonly url: URL;
}

/**
 * Sends a request and gives the answer, whatever its status, after redirects. The one place that tries again: up to
 * `maxTries` times, when nobody answered or the status is 408, 429 or 5xx. The last answer counts. Authorization goes to
 * the registry's own origin alone. Throws OCI_ADDRESS_REFUSED, OCI_REDIRECTS, and what the caller's `http` throws.
 */
export async function send(caller: Caller, request: Sent): Promise<OciResponse> {
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(caller, request);
    if (outcome instanceof TrustError) {
      if (tries === maxTries || request.signal?.aborted === true) throw outcome;
      await caller.sleep(firstWaitMs * 2 ** (tries - 1), request.signal);
      continue;
    }
    if (!isPassing(outcome.status) || tries === maxTries) return outcome;
    await discard(outcome);
    await caller.sleep(retryAfterMs(outcome) ?? firstWaitMs * 2 ** (tries - 1), request.signal);
  }
}

function isPassing(status: number): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501);
}

async function attempt(caller: Caller, request: Sent): Promise<OciResponse | TrustError> {
  try {
    return await follow(caller, request);
  } catch (error) {
    if (error instanceof TrustError && error.kind === "unavailable") return error;
    throw error;
  }
}

/** Follows the redirects of what only reads; what writes gets the redirect itself as its answer. */
async function follow(caller: Caller, request: Sent): Promise<OciResponse> {
  let url = checkTarget(caller, request.url);
  for (let count = 0; count <= maxRedirects; count++) {
    const isOwn = isSameOrigin(url, caller.registry);
    // Credentials never leave the registry's own scheme, host and port.
    const headers = isOwn ? request.headers : withoutAuthorization(request.headers);
    const response = await caller.http({ ...request, url: url.href, headers });
    const location = response.headers["location"];
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead || response.status < 300 || response.status > 399 || location === undefined)
      return isOwn ? response : withoutChallenge(response);
    await discard(response);
    url = checkTarget(caller, resolveUrl(location, url));
  }
  throw ociError("OCI_REDIRECTS", { checked: caller.registry.host, expected: `at most ${maxRedirects}` });
}

/** By scheme, host and port: both are http or https. */
function isSameOrigin(one: URL, other: URL): boolean {
  return one.protocol === other.protocol && one.host === other.host;
}

/** The address in a Location header. Throws OCI_ANSWER_MALFORMED. */
export function resolveUrl(location: string, base: URL): URL {
  if (!URL.canParse(location, base))
    throw ociError("OCI_ANSWER_MALFORMED", { checked: "Location", got: quote(location) });
  return new URL(location, base);
}

function checkTarget(caller: Caller, url: URL): URL {
  checkAddress(url, caller.registry, "address");
  return url;
}

function withoutAuthorization(headers: OciRequest["headers"]): OciRequest["headers"] {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "authorization"));
}

/** Only the registry itself may ask for a login: whoever it sends us on to could name a login service of their own. */
function withoutChallenge(response: OciResponse): OciResponse {
  const { "www-authenticate": _, ...headers } = response.headers;
  return { ...response, headers };
}

/** RFC 9110 §10.2.3, in seconds; dates are not read, since the registry's clock is not ours. */
function retryAfterMs({ headers }: OciResponse): number | undefined {
  const text = headers["retry-after"];
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text) * 1000, maxWaitMs) : undefined;
}

/** Reads an unwanted body to its end, so that the connection can be used again, but not for ever. */
export async function discard(response: OciResponse): Promise<void> {
  await errorBody(response);
}

/** The error for an answer that is none of those that were wanted: by its status, with what the registry says of it. */
export async function refusalOf(response: OciResponse, what: string): Promise<TrustError> {
  const detail = { checked: what, got: `status ${response.status}${await errorText(response)}` };
  const { status } = response;
  if (status === 404) return ociError("OCI_NOT_FOUND", detail);
  if (status === 401 || status === 403) return ociError("OCI_UNAUTHORIZED", detail);
  return ociError(isPassing(status) ? "OCI_REGISTRY_UNAVAILABLE" : "OCI_REGISTRY_REFUSED", detail);
}

async function errorText(response: OciResponse): Promise<string> {
  const text = new TextDecoder().decode(await errorBody(response)).trim();
  return text === "" ? "" : `: ${quote(wordsOf(text))}`;
}

/** Nothing where it could not be read. */
async function errorBody({ body }: OciResponse): Promise<Uint8Array> {
  try {
    return await readBody(body, maxErrorBytes, "error");
  } catch (error) {
    if (error instanceof TrustError) return new Uint8Array();
    throw error;
  }
}

/** Codes and messages of an error in the form of distribution-spec ("Error Codes"); anything else as it is. */
function wordsOf(text: string): string {
  try {
    const value = parseJson(text, { maxBytes: maxErrorBytes, maxDepth: 16 });
    const errors = typeof value === "object" && value !== null && "errors" in value ? value["errors"] : undefined;
    const said = Array.isArray(errors) ? (errors as readonly Json[]).flatMap(wordsOfOne) : [];
    return said.length === 0 ? text : said.join("; ");
  } catch (error) {
    if (error instanceof TrustError) return text;
    throw error;
  }
}

function wordsOfOne(error: Json): readonly string[] {
  if (typeof error !== "object" || error === null || Array.isArray(error)) return [];
  const { code, message } = error as Readonly<Record<string, Json>>;
  const words = [code, message].filter((each): each is string => typeof each === "string" && each !== "");
  return words.length === 0 ? [] : [words.join(": ")];
}
