import { digestOf, quote, type Digest } from "@countersign/core";
import { ociError } from "./errors.ts";
import { discard, refusalOf, resolveUrl } from "./send.ts";
import type { Expected } from "./body.ts";
import type { OciRequest, OciResponse } from "./http.ts";
import type { Registry, Repository } from "./registry.ts";

/** Content to be stored: in memory, or given anew for each try. */
export type Content = NonNullable<OciRequest["body"]>;

/** What a registry said of a manifest that it took. */
export interface PutManifest {
  readonly digest: Digest;
  /** Whether it says that it entered the manifest into the list of its subject's referrers (`OCI-Subject`). */
  readonly isSubjectListed: boolean;
}

const rights = "pull,push";
/** How much one chunk of a chunked upload holds, in bytes, unless the registry asks for more at least. */
export const defaultChunkBytes: number = 8 * 1024 * 1024;

/** Whether the registry has a blob of that digest. */
export async function hasBlob(registry: Registry, repository: Repository, digest: Digest): Promise<boolean> {
  const response = await registry.ask({ method: "HEAD", repository, path: `/blobs/${digest}` });
  if (response.status !== 200 && response.status !== 404) throw await refusalOf(response, `blob ${digest}`);
  await discard(response);
  return response.status === 200;
}

/**
 * Stores a blob unless the registry has it, in one piece (distribution-spec "POST then PUT"). The registry checks the
 * digest; a mistake here is its refusal. Returns whether anything was sent.
 */
export async function pushBlob(
  registry: Registry,
  repository: Repository,
  expected: Expected,
  content: Content,
): Promise<boolean> {
  if (await hasBlob(registry, repository, expected.digest)) return false;
  const target = await startUpload(registry, repository, expected.digest);
  const response = await registry.ask({
    method: "PUT",
    repository,
    path: withDigest(target, expected.digest),
    headers: { "content-type": "application/octet-stream", "content-length": `${expected.size}` },
    body: content,
    rights,
  });
  await checkCreated(response, `blob ${expected.digest}`);
  return true;
}

/**
 * Stores a blob in chunks (distribution-spec "Pushing a blob in chunks"), for proxies that refuse large bodies. The
 * content is read once; a chunk that fails ends the upload.
 */
export async function pushBlobInChunks(
  registry: Registry,
  repository: Repository,
  expected: Expected,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const started = await beginUpload(registry, repository);
  const least = Number(started.headers["oci-chunk-min-length"] ?? 0);
  const chunkBytes = Number.isSafeInteger(least) && least > defaultChunkBytes ? least : defaultChunkBytes;
  let target = uploadTarget(registry, repository, started);
  let at = 0;
  for await (const chunk of inPieces(content, chunkBytes)) {
    const range = `${at}-${at + chunk.length - 1}`;
    const headers = { "content-type": "application/octet-stream", "content-range": range };
    const response = await registry.ask({ method: "PATCH", repository, path: target, headers, body: chunk, rights });
    if (response.status !== 202) throw await refusalOf(response, `upload of ${expected.digest}`);
    await discard(response);
    target = uploadTarget(registry, repository, response);
    at += chunk.length;
  }
  const path = withDigest(target, expected.digest);
  const response = await registry.ask({ method: "PUT", repository, path, headers: { "content-length": "0" }, rights });
  await checkCreated(response, `blob ${expected.digest}`);
}

/** Asks the registry to take a blob over from another of its repositories. False if it wants the content instead. */
export async function mountBlob(
  registry: Registry,
  repository: Repository,
  { digest }: Pick<Expected, "digest">,
  from: string,
): Promise<boolean> {
  const response = await registry.ask({
    method: "POST",
    repository,
    path: `/blobs/uploads/?mount=${digest}&from=${encodeURIComponent(from)}`,
    headers: { "content-length": "0" },
    rights,
    scopes: [`repository:${from}:pull`],
  });
  if (response.status === 201) {
    await discard(response);
    return true;
  }
  if (response.status !== 202) throw await refusalOf(response, `mount of ${digest}`);
  await cancelUpload(registry, repository, response);
  return false;
}

/** Where to put a manifest. */
export interface PutOptions {
  readonly mediaType: string;
  /** The tag to move to it; by digest alone unless given. */
  readonly tag?: string;
  /** Only if the tag still has this ETag, on registries that heed If-Match. */
  readonly etag?: string;
}

/** Stores a manifest. Throws OCI_UPLOAD_MISMATCH if the registry answers with another digest. */
export async function putManifest(
  registry: Registry,
  repository: Repository,
  bytes: Uint8Array,
  { mediaType, tag, etag }: PutOptions,
): Promise<PutManifest> {
  const digest = digestOf("sha256", bytes);
  const response = await registry.ask({
    method: "PUT",
    repository,
    path: `/manifests/${tag ?? digest}`,
    headers: { "content-type": mediaType, ...(etag !== undefined && { "if-match": etag }) },
    body: bytes,
    rights,
  });
  await checkCreated(response, `manifest ${tag ?? digest}`);
  const said = response.headers["docker-content-digest"];
  if (said !== undefined && said !== digest)
    throw ociError("OCI_UPLOAD_MISMATCH", { checked: "manifest", expected: digest, got: quote(said) });
  return { digest, isSubjectListed: response.headers["oci-subject"] !== undefined };
}

/** Removes a manifest by its digest; false if there was none. Tags that pointed to it go with it. */
export async function deleteManifest(registry: Registry, repository: Repository, digest: Digest): Promise<boolean> {
  const response = await registry.ask({
    method: "DELETE",
    repository,
    path: `/manifests/${digest}`,
    rights: "pull,delete",
  });
  if (![200, 202, 204, 404].includes(response.status)) throw await refusalOf(response, `deletion of ${digest}`);
  await discard(response);
  return response.status !== 404;
}

async function startUpload(registry: Registry, repository: Repository, digest: Digest): Promise<URL> {
  const response = await beginUpload(registry, repository);
  try {
    return uploadTarget(registry, repository, response);
  } catch (cause) {
    throw ociError("OCI_ANSWER_MALFORMED", { checked: `upload of ${digest}` }, cause);
  }
}

async function beginUpload(registry: Registry, repository: Repository): Promise<OciResponse> {
  const headers = { "content-length": "0" };
  const response = await registry.ask({ method: "POST", repository, path: "/blobs/uploads/", headers, rights });
  if (response.status !== 202) throw await refusalOf(response, `upload to ${repository.repository}`);
  await discard(response);
  return response;
}

/** `send` holds the address to the rules of every other one, and keeps credentials from it if it is elsewhere. */
function uploadTarget(registry: Registry, repository: Repository, { headers }: OciResponse): URL {
  const location = headers["location"];
  if (location === undefined) throw ociError("OCI_ANSWER_MALFORMED", { checked: "Location", got: "none" });
  return resolveUrl(location, registry.addressOf(repository));
}

function withDigest(target: URL, digest: Digest): URL {
  const url = new URL(target);
  url.searchParams.set("digest", digest);
  return url;
}

async function cancelUpload(registry: Registry, repository: Repository, response: OciResponse): Promise<void> {
  await discard(response);
  await discard(
    await registry.ask({ method: "DELETE", repository, path: uploadTarget(registry, repository, response), rights }),
  );
}

async function checkCreated(response: OciResponse, what: string): Promise<void> {
  if (response.status !== 201) throw await refusalOf(response, what);
  await discard(response);
}

async function* inPieces(content: AsyncIterable<Uint8Array>, pieceBytes: number): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(pieceBytes);
  let filled = 0;
  for await (const chunk of content) {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + pieceBytes - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < pieceBytes) continue;
      yield piece;
      piece = new Uint8Array(pieceBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
