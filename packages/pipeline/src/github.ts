import { parseJson, quote, readObject, TrustError, utf8, type Detail, type Digest, type Json } from "@countersign/core";
import {
  checkAddress,
  makeLimiter,
  maxEvidenceTotalBytes,
  ociError,
  type FoundEvidence,
  type ImageEvidence,
} from "@countersign/oci";
import type { HttpResponse } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import { askGithub, type GithubCaller } from "./github-send.ts";
import { decodeSnappy } from "./snappy.ts";

/** A repository on GitHub whose attestations are asked for. */
export interface GithubSource {
  readonly owner: string;
  readonly repository: string;
}

/** How GitHub is reached. */
export interface GithubWorld extends GithubCaller {
  /** `https://api.github.com`, or that of a server of one's own. */
  readonly api: URL;
  /** For private repositories, and against low limits. Sent to `api` alone; in no message. */
  readonly token?: string;
}

/** The API of github.com. */
export const githubApi = "https://api.github.com";
/** The largest page of attestations that is read, in bytes. */
export const maxGithubPageBytes: number = 32 * 1024 * 1024;
/** The largest bundle that is fetched by its own address, in bytes, before and after decompression. */
export const maxGithubBundleBytes: number = 32 * 1024 * 1024;
/** The most pages of one list that are followed. */
export const maxGithubPages: number = 20;
/** The most attestations of one digest that are looked at. */
export const maxGithubAttestations: number = 500;
/** How many bundles are fetched at once. */
export const githubConcurrency: number = 4;
/** How long an answer of GitHub's may take, in milliseconds. */
export const githubTimeoutMs: number = 30_000;

const form = /^github:([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))\/([A-Za-z0-9._-]{1,100})$/;

/** Reads `github:OWNER/REPO`. Throws PIPELINE_SOURCE_MALFORMED. */
export function parseGithubSource(text: string): GithubSource {
  const [, owner = "", repository = ""] = form.exec(text) ?? [];
  if (owner === "" || repository === "." || repository === "..")
    throw pipelineError("PIPELINE_SOURCE_MALFORMED", { got: quote(text) });
  return { owner, repository };
}

/**
 * Finds the attestations that a GitHub repository keeps about a digest (REST API, "List attestations"): all pages, and
 * bundles that are kept elsewhere. Unverified; who is allowed to sign is the policy's to say, not the repository's that
 * was asked. What cannot be read is a problem of the answer, never an empty list.
 */
export function githubEvidence(source: GithubSource, world: GithubWorld): (digest: Digest) => Promise<FoundEvidence> {
  return async (digest) => {
    const place = `github:${source.owner}/${source.repository}`;
    try {
      const { entries, notes } = await listAttestations(source, digest, world);
      const budget = { bytes: maxEvidenceTotalBytes };
      const limit = makeLimiter(githubConcurrency);
      const read = await Promise.all(
        entries.map(async (entry) => await limit(async () => spend(budget, await readAttestation(entry, world)))),
      );
      const evidence = read.flatMap((each, index): ImageEvidence[] =>
        each instanceof TrustError
          ? []
          : [
              {
                layout: "github",
                source: `${place}, ${index + 1}`,
                manifest: digest,
                bytes: each,
                annotations: new Map(),
              },
            ],
      );
      return { evidence, problems: read.filter((each) => each instanceof TrustError), rejected: [], notes };
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      return { evidence: [], problems: [error], rejected: [], notes: [] };
    }
  };
}

interface Listed {
  readonly entries: readonly Json[];
  readonly notes: readonly string[];
}

async function listAttestations(source: GithubSource, digest: Digest, world: GithubWorld): Promise<Listed> {
  const base = world.api.href.replace(/\/+$/, "");
  const path = `/repos/${source.owner}/${source.repository}/attestations/${digest}?per_page=100`;
  const entries: Json[] = [];
  const seen = new Set<string>();
  let page: string | undefined = `${base}${path}`;
  while (page !== undefined) {
    if (seen.has(page)) throw ociError("OCI_PAGE_LOOP", { checked: "attestations on GitHub" });
    if (seen.size === maxGithubPages) throw tooMany(`at most ${maxGithubPages} pages`);
    seen.add(page);
    const response = await getPage(page, world);
    // Whoever may not see a repository is told that it is not there.
    if (response.status === 404) return { entries, notes: ["GitHub knows no attestation of it, or shows none to you"] };
    entries.push(...readPage(response));
    if (entries.length > maxGithubAttestations) throw tooMany(`at most ${maxGithubAttestations}`);
    page = nextPage(response, world.api);
  }
  return { entries, notes: [] };
}

async function getPage(url: string, world: GithubWorld): Promise<HttpResponse> {
  const { token } = world;
  const headers = {
    accept: "application/vnd.github+json",
    "user-agent": "countersign",
    "x-github-api-version": "2022-11-28",
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  const response = await askGithub(world, {
    method: "GET",
    url,
    headers,
    maxBytes: maxGithubPageBytes,
    timeoutMs: githubTimeoutMs,
  });
  if (response.status !== 200 && response.status !== 404)
    throw pipelineError("PIPELINE_GITHUB_REFUSED", { checked: new URL(url).origin, got: `status ${response.status}` });
  return response;
}

function readPage({ body }: HttpResponse): readonly Json[] {
  const reader = readObject(parseJson(body, { maxBytes: maxGithubPageBytes }), "attestations", malformed);
  return reader.array("attestations", maxGithubAttestations);
}

function nextPage({ headers }: HttpResponse, api: URL): string | undefined {
  const target = /<([^<>]*)>\s*;(?:[^,<>]*;)?\s*rel="?next"?/i.exec((headers["link"] ?? "").slice(0, 8192))?.[1];
  if (target === undefined) return undefined;
  if (URL.canParse(target, api) && new URL(target, api).origin === api.origin) return new URL(target, api).href;
  throw ociError("OCI_ADDRESS_REFUSED", { checked: "next page", expected: api.origin, got: quote(target) });
}

/** The bundle's bytes, or why they could not be had. */
async function readAttestation(entry: Json, world: GithubWorld): Promise<Uint8Array | TrustError> {
  try {
    const reader = readObject(entry, "attestation", malformed);
    const bundle = reader.optionalJson("bundle");
    if (bundle !== undefined && bundle !== null) return utf8(JSON.stringify(bundle));
    return await fetchBundle(reader.string("bundle_url"), world);
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}

/** What is beyond the memory that evidence may take is a problem, and let go. */
function spend(budget: { bytes: number }, read: Uint8Array | TrustError): Uint8Array | TrustError {
  if (read instanceof TrustError) return read;
  budget.bytes -= read.length;
  return budget.bytes < 0 ? tooMany(`at most ${maxEvidenceTotalBytes} bytes`) : read;
}

/** Bundles that are kept elsewhere are public to who knows the address: the token does not go there. */
async function fetchBundle(address: string, world: GithubWorld): Promise<Uint8Array> {
  if (!URL.canParse(address)) throw malformed({ checked: "bundle_url", got: quote(address.slice(0, 200)) });
  const url = new URL(address);
  checkAddress(url, world.api, "bundle_url");
  const request = { method: "GET", headers: {}, maxBytes: maxGithubBundleBytes, timeoutMs: githubTimeoutMs } as const;
  const { status, headers, body } = await askGithub(world, { ...request, url: url.href });
  if (status !== 200) throw pipelineError("PIPELINE_GITHUB_REFUSED", { checked: url.origin, got: `status ${status}` });
  const isPlain = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() === "application/json";
  return isPlain ? body : decodeSnappy(body, maxGithubBundleBytes);
}

function tooMany(expected: string): TrustError {
  return ociError("OCI_TOO_MANY", { checked: "attestations on GitHub", expected });
}

function malformed(detail: Detail): TrustError {
  return pipelineError("PIPELINE_GITHUB_MALFORMED", detail);
}
