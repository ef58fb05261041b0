import { parseJson, quote, readObject, TrustError, type Digest, type Json } from "@countersign/core";
import { readBody } from "./body.ts";
import { malformed, readDescriptor, type Descriptor } from "./descriptor.ts";
import { ociError } from "./errors.ts";
import { maxIndexEntries, maxManifestBytes, ociIndexType } from "./manifest.ts";
import { formatRepository, tagReference } from "./reference.ts";
import { discard, refusalOf, resolveUrl } from "./send.ts";
import type { OciResponse } from "./http.ts";
import type { Registry, Repository } from "./registry.ts";

/** What a registry lists as speaking about a digest. Hearsay: each entry's manifest must be fetched and its subject looked at. */
export interface Referrers {
  /** Where the list came from: the referrers API, or the tag that stands in for it. */
  readonly source: "api" | "tag" | "none";
  readonly entries: readonly Descriptor[];
  /** Why a source could not be read; what it would have listed is unknown. */
  readonly problems: readonly TrustError[];
  /** What was passed over, and why. */
  readonly notes: readonly string[];
}

/** The most pages of one list that are followed. */
export const maxReferrerPages: number = 100;
/** The most referrers of one digest that are looked at. */
export const maxReferrers: number = 1000;

/**
 * Lists the referrers of a digest (distribution-spec 1.1, "Listing Referrers"): all pages, and only where the registry
 * has no such list (404, or an answer that is no index) the fallback tag. Any other failure is a problem of the answer,
 * never a reason to look elsewhere in silence. With `artifactType` only entries that say that type come, or none: the registry
 * is asked to leave out the others, and asked again for all if it does not say that it did. Some filter by what is in the
 * config, and would hide what is wanted. What an entry says of its type nobody signed.
 */
export async function listReferrers(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  artifactType?: string,
): Promise<Referrers> {
  const place = formatRepository(repository);
  if (!registry.withoutReferrers.has(place)) {
    const outcome = await attempt(() => fromApi(registry, repository, digest, artifactType));
    if (outcome instanceof TrustError) return { source: "api", entries: [], problems: [outcome], notes: [] };
    if (outcome !== undefined) return { source: "api", entries: outcome, problems: [], notes: [] };
    registry.withoutReferrers.add(place);
  }
  const found = await fromTag(registry, repository, digest);
  return { ...found, entries: found.entries.filter((entry) => isOfType(entry, artifactType)) };
}

function isOfType({ artifactType: said = "" }: Descriptor, wanted: string | undefined): boolean {
  return wanted === undefined || said === wanted || said === "" || said === emptyType;
}

/** What the type of an empty config says of an artifact, where a registry or an older client took it for that: nothing. */
const emptyType = "application/vnd.oci.empty.v1+json";

/** The tag that stands in for the list: `sha256-<hex>`, algorithm cut to 32 and the rest to 64 characters. */
export function fallbackTag(digest: Digest): string {
  const colon = digest.indexOf(":");
  return `${digest.slice(0, colon).slice(0, 32)}-${digest.slice(colon + 1).slice(0, 64)}`;
}

/** Undefined where the registry has no such API. */
async function fromApi(
  registry: Registry,
  repository: Repository,
  digest: Digest,
  artifactType: string | undefined,
): Promise<readonly Descriptor[] | undefined> {
  const query = artifactType === undefined ? "" : `?artifactType=${encodeURIComponent(artifactType)}`;
  let path: string | URL = `/referrers/${digest}${query}`;
  const seen = new Set<string>();
  const entries: Descriptor[] = [];
  let read = 0;
  for (let page = 0; ; page++) {
    if (page === maxReferrerPages)
      throw ociError("OCI_TOO_MANY", { checked: "pages of referrers", expected: `at most ${maxReferrerPages}` });
    const headers = { accept: ociIndexType };
    const response: OciResponse = await registry.ask({ method: "GET", repository, path, headers });
    if (page === 0 && isWithoutApi(response)) {
      await discard(response);
      return undefined;
    }
    if (response.status !== 200) throw await refusalOf(response, `referrers of ${digest}`);
    if (page === 0 && query !== "" && !isFiltered(response)) {
      await discard(response);
      const all = await fromApi(registry, repository, digest, undefined);
      return all?.filter((entry) => isOfType(entry, artifactType));
    }
    const listed = await readEntries(response);
    entries.push(...listed.filter((entry) => isOfType(entry, artifactType)));
    checkCount((read += listed.length));
    const next = nextPage(response, registry.addressOf(repository));
    if (next === undefined) return entries;
    if (seen.has(next.href)) throw ociError("OCI_PAGE_LOOP", { checked: `referrers of ${digest}` });
    seen.add(next.href);
    path = next;
  }
}

function isFiltered({ headers }: OciResponse): boolean {
  return (headers["oci-filters-applied"] ?? "").split(",").some((each) => each.trim() === "artifactType");
}

/** 404 is what the specification names; 400, 405 and 406 and a page of another type are what registries are seen to answer. */
function isWithoutApi({ status, headers }: OciResponse): boolean {
  if (status === 200) return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() !== ociIndexType;
  return status === 400 || status === 404 || status === 405 || status === 406;
}

async function readEntries({ body }: OciResponse): Promise<readonly Descriptor[]> {
  const bytes = await readBody(body, maxManifestBytes, "list of referrers");
  const reader = readObject(parseJson(bytes, { maxBytes: maxManifestBytes, maxDepth: 32 }), "referrers", malformed);
  // Go writes an empty list as null.
  const manifests: readonly Json[] = reader.optionalArray("manifests", maxIndexEntries) ?? [];
  return manifests.map((each, index) => readDescriptor(each, `referrers[${index}]`));
}

/** The `Link` header with rel=next (RFC 8288), on the registry itself. */
function nextPage({ headers }: OciResponse, registry: URL): URL | undefined {
  const target = /<([^<>]*)>\s*;(?:[^,<>]*;)?\s*rel="?next"?/i.exec((headers["link"] ?? "").slice(0, 8192))?.[1];
  if (target === undefined) return undefined;
  const url = resolveUrl(target, registry);
  if (url.origin !== registry.origin)
    throw ociError("OCI_ADDRESS_REFUSED", { checked: "next page", expected: registry.origin, got: quote(url.origin) });
  return url;
}

async function fromTag(registry: Registry, repository: Repository, digest: Digest): Promise<Referrers> {
  const tag = fallbackTag(digest);
  const outcome = await attempt(() => registry.findManifest(tagReference(repository, tag)));
  if (outcome instanceof TrustError) return { source: "tag", entries: [], problems: [outcome], notes: [] };
  if (outcome === undefined) return { source: "none", entries: [], problems: [], notes: [] };
  // GitLab answers with the image itself, and cosign copy puts it there.
  if (outcome.digest === digest) {
    return {
      source: "none",
      entries: [],
      problems: [],
      notes: [`tag ${tag} is the image itself, not a list of referrers`],
    };
  }
  if (outcome.manifest.kind !== "index") {
    const problem = ociError("OCI_MANIFEST_TYPE", { checked: `tag ${tag}`, expected: "an image index" });
    return { source: "tag", entries: [], problems: [problem], notes: [] };
  }
  const count = await attempt(() =>
    checkCount(outcome.manifest.kind === "index" ? outcome.manifest.manifests.length : 0),
  );
  if (count instanceof TrustError) return { source: "tag", entries: [], problems: [count], notes: [] };
  return { source: "tag", entries: outcome.manifest.manifests, problems: [], notes: [] };
}

function checkCount(count: number): void {
  if (count > maxReferrers)
    throw ociError("OCI_TOO_MANY", { checked: "referrers", expected: `at most ${maxReferrers}`, got: `${count}` });
}

async function attempt<T>(work: () => T | Promise<T>): Promise<T | TrustError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}
