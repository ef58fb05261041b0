import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";

/** Where the same repository can be had. */
export interface Mirror {
  /** Base of metadata: `timestamp.json` lies directly below. */
  readonly metadataUrl: string;
  /** Base of targets. Unless given, `targets` beside a folder named `metadata`, and else `targets` below the metadata. */
  readonly targetsUrl?: string;
}

/**
 * The address as a base that ends in a slash. Throws TUF_FETCH_URL unless it is http or https, without a query, a fragment,
 * or a name and password, which belong in a header.
 */
export function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain = url !== undefined && url.search === "" && url.hash === "" && url.username + url.password === "";
  if (url === undefined || !isPlain || !["http:", "https:"].includes(url.protocol))
    throw tufError("TUF_FETCH_URL", { got: quote(text.replace(/\/\/.*@/s, "//…@")) });
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/** The address of one metadata file. The whole name is one segment of the path. Throws TUF_FETCH_PATH. */
export function metadataUrlOf(base: URL, name: string): URL {
  return new URL(escapeSegment(name), base);
}

/** The address of a target: each `/` stays, every other character that an address gives a meaning to is escaped. Throws TUF_FETCH_PATH. */
export function targetUrlOf(base: URL, path: string): URL {
  return new URL(path.split("/").map(escapeSegment).join("/"), base);
}

/** A folder or file name for an address or an offline mirror. Throws TUF_FETCH_PATH for one that leads elsewhere, or that UTF-8 cannot write. */
export function escapeSegment(segment: string): string {
  if (["", ".", ".."].includes(segment) || !segment.isWellFormed())
    throw tufError("TUF_FETCH_PATH", { got: quote(segment) });
  return encodeURIComponent(segment);
}

/**
 * Where a redirect leads, if it may be followed: to the same origin, from https to https, or from http to https on the same
 * host. Throws TUF_FETCH_REDIRECT.
 */
export function checkRedirect(from: URL, location: string | null): URL {
  const to = location !== null && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const isAllowed =
    to !== undefined &&
    to.username + to.password === "" &&
    (to.origin === from.origin ||
      (to.protocol === "https:" && (from.protocol === "https:" || to.hostname === from.hostname)));
  if (isAllowed) return to;
  const got = to === undefined ? "no address" : quote(`${to.protocol}//${to.host}`);
  throw tufError("TUF_FETCH_REDIRECT", { checked: placeOf(from), expected: `https, or ${from.origin}`, got });
}

/** The address for messages, without a query, which may hold a secret. */
export function placeOf(url: URL): string {
  return quote(`${url.origin}${url.pathname}`);
}
