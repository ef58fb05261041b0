import { tufError } from "./errors.ts";
import { metadataUrlOf, parseBase, type Mirror } from "./http-address.ts";
import { dropBody, readWhole, skipBody } from "./http-body.ts";
import { baseOf, plainHeaders, refused, strongTag, type HttpClient, type MirrorBase } from "./http-client.ts";
import { defaultFetchLimits, makeGate, type FetchLimits } from "./http-limit.ts";
import { Mirrors, type MirrorAnswer } from "./http-mirror.ts";
import { maxMetadataBytes } from "./metadata.ts";
import { ask, isAbsent, type HttpAnswer, type HttpWorld } from "./http-request.ts";
import { fetchTarget } from "./http-target.ts";
import type { Fetcher, MetadataFetchOptions } from "./fetch.ts";

/** A repository on the web, and how to ask for it. */
export interface HttpFetcherOptions extends HttpWorld {
  /** At least one; asked in this order. */
  readonly mirrors: readonly Mirror[];
  /** Sent with every request, and never to another origin than a mirror's own. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly limits?: Partial<FetchLimits>;
}

/** How many answers with an entity tag are kept, to be told that they did not change: timestamp, and a few others without version. */
const maxRemembered = 8;
/** The longest answer that is kept, in bytes. */
const maxRememberedBytes = 256 * 1024;

/**
 * A repository over HTTP: mirrors in order with failover, caps and rates instead of a total time, redirects only where
 * `checkRedirect` allows, no compression asked for, broken bodies continued. An answer that carried a strong entity tag is
 * asked for with If-None-Match the next time. Throws TUF_FETCH_URL for a mirror's address that cannot be one.
 */
export function makeHttpFetcher(options: HttpFetcherOptions): Fetcher {
  const limits = { ...defaultFetchLimits, ...options.limits };
  const { mirrors, headers = {} } = options;
  if (mirrors.length === 0) throw tufError("TUF_FETCH_URL", "no mirror was given");
  const client: HttpClient = {
    world: options,
    bases: mirrors.map(basesOf),
    mirrors: new Mirrors(options, mirrors.length, limits.maxTries),
    limits,
    userHeaders: lowerCased(headers),
  };
  const gate = makeGate(limits.maxParallel);
  const remembered: Remembered = new Map();
  return {
    metadata: (name, wanted) => gate(() => fetchMetadata(client, name, wanted, remembered)),
    target: (path, wanted) => fetchTarget(client, path, wanted),
  };
}

function basesOf({ metadataUrl, targetsUrl }: Mirror): MirrorBase {
  const metadata = parseBase(metadataUrl);
  const usual = metadata.pathname.endsWith("/metadata/") ? "../targets/" : "targets/";
  return { metadata, targets: targetsUrl === undefined ? new URL(usual, metadata) : parseBase(targetsUrl) };
}

/** One spelling of each name, so that ours replace the user's. */
function lowerCased(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

type Remembered = Map<string, { readonly etag: string; readonly bytes: Uint8Array }>;

async function fetchMetadata(
  client: HttpClient,
  name: string,
  options: MetadataFetchOptions,
  remembered: Remembered,
): Promise<Uint8Array | undefined> {
  const maxBytes = Math.min(options.maxBytes, maxMetadataBytes);
  return client.mirrors.answer({
    from: 0,
    signal: options.signal,
    // A client asks for the next root until there is none: that is an answer, not a fault to be made good elsewhere.
    absence: /^\d+\.root\.json$/.test(name) ? "final" : "next",
    ask: async (mirror) => {
      const url = metadataUrlOf(baseOf(client, mirror).metadata, name);
      const answer = await askFor(client, url, options.signal, remembered.get(url.href)?.etag);
      const bytes = await readMetadata(client, answer, { url, maxBytes, remembered });
      if (bytes !== "absent") options.accept?.(bytes.value);
      return bytes;
    },
  });
}

function askFor(client: HttpClient, url: URL, signal: AbortSignal | undefined, etag?: string): Promise<HttpAnswer> {
  const { world, userHeaders, limits } = client;
  const headers = etag === undefined ? plainHeaders : { ...plainHeaders, "if-none-match": etag };
  return ask(world, { url, headers, userHeaders, signal, limits });
}

interface MetadataReading {
  readonly url: URL;
  readonly maxBytes: number;
  readonly remembered: Remembered;
}

async function readMetadata(
  client: HttpClient,
  answer: HttpAnswer,
  { url, maxBytes, remembered }: MetadataReading,
): Promise<MirrorAnswer<Uint8Array>> {
  const { response } = answer;
  const skip = (): Promise<void> => skipBody(client.world, answer);
  if (isAbsent(response)) {
    await skip();
    return "absent";
  }
  const known = remembered.get(url.href);
  if (response.status === 304 && known !== undefined && known.bytes.length <= maxBytes) {
    await skip();
    return { value: new Uint8Array(known.bytes) };
  }
  if (response.status !== 200) {
    dropBody(answer);
    throw refused(answer);
  }
  const bytes = await readWhole(answer, { maxBytes });
  remember(remembered, url, strongTag(response), bytes);
  return { value: bytes };
}

function remember(remembered: Remembered, url: URL, etag: string | undefined, bytes: Uint8Array): void {
  remembered.delete(url.href);
  // Versioned files never change, and are not asked for twice.
  if (etag === undefined || bytes.length > maxRememberedBytes || /\/\d+\.[^/]*$/.test(url.pathname)) return;
  const [oldest] = remembered.keys();
  if (remembered.size >= maxRemembered && oldest !== undefined) remembered.delete(oldest);
  remembered.set(url.href, { etag, bytes: new Uint8Array(bytes) });
}
