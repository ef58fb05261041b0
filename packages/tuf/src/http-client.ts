import type { TrustError } from "@countersign/core";
import { tufError } from "./errors.ts";
import { placeOf } from "./http-address.ts";
import type { FetchLimits } from "./http-limit.ts";
import type { Mirrors } from "./http-mirror.ts";
import type { HttpAnswer, HttpWorld, HttpResponse } from "./http-request.ts";

/** What requests of one fetcher share. */
export interface HttpClient {
  readonly world: HttpWorld;
  readonly bases: readonly MirrorBase[];
  readonly mirrors: Mirrors;
  readonly limits: FetchLimits;
  readonly userHeaders: Readonly<Record<string, string>>;
}

/** A mirror's parsed addresses. */
export interface MirrorBase {
  readonly metadata: URL;
  readonly targets: URL;
}

/**
 * `accept-encoding` asks for the file as it is; `cache-control` is for caches on the way, which must not answer with an old
 * timestamp.
 */
export const plainHeaders: Readonly<Record<string, string>> = {
  "accept-encoding": "identity",
  "cache-control": "no-cache",
};

/** The addresses of a mirror that exists. */
export function baseOf({ bases }: HttpClient, mirror: number): MirrorBase {
  return bases[mirror] as MirrorBase;
}

/** The error of an answer that was not asked for. */
export function refused({ response, url }: HttpAnswer): TrustError {
  return tufError("TUF_FETCH_REFUSED", { checked: placeOf(url), got: `status ${response.status}` });
}

/** An entity tag that stands for these very bytes; RFC 9110 §8.8.3. */
export function strongTag({ headers }: HttpResponse): string | undefined {
  const tag = headers.get("etag");
  return tag !== null && /^"[\x21\x23-\x7e]{0,200}"$/.test(tag) ? tag : undefined;
}
