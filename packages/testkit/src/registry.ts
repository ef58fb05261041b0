import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";

/** How a registry of ours misbehaves, or which real one it resembles. All off unless set; may be changed while it runs. */
export interface RegistryFaults {
  /** What the referrers API answers instead of a list. */
  referrers?: 400 | 404 | 405 | 406 | 500 | "page";
  /** Referrers on one page. */
  pageSize?: number;
  /** Lists referrers of every type, whatever type is asked for. */
  ignoresFilter?: boolean;
  /** Every page names the first as the next one. */
  pageLoop?: boolean;
  /** As GitLab: the fallback tag resolves to the image itself. */
  fallbackIsImage?: boolean;
  /** As ECR: says OCI-Subject although there is no list. */
  subjectHeaderOnly?: boolean;
  /** Adds these digests to every list of referrers, whatever they speak about. */
  foreignReferrers?: readonly string[];
  /** Content other than what was asked for, by digest. */
  replaced?: ReadonlyMap<string, Uint8Array>;
  /** Says this in Docker-Content-Digest. */
  digestHeader?: string;
  /** Ends every body after so many bytes. */
  cutBodyAt?: number;
  /** Answers so many requests with this status first. */
  failFirst?: { count: number; status: number; retryAfter?: string };
  /** Says 403 to these requests. */
  refused?: (method: string, url: string) => boolean;
  /** Never answers. */
  silent?: boolean;
  /** WWW-Authenticate of a 401 to whoever sends no Authorization, and what it must be. */
  auth?: { challenge: string; accepts: (authorization: string) => boolean };
  /** Sends readers of blobs elsewhere. */
  blobRedirect?: string;
  /** Names this address for uploads. */
  uploadLocation?: string;
  /** As go-containerregistry's: takes manifests before the blobs that they name. */
  takesIncomplete?: boolean;
  /** Accepts manifests, and says another digest. */
  putDigest?: string;
}

/** One request that came in. */
export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** An OCI 1.1 registry in memory (distribution-spec 1.1), on loopback. */
export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly faults: RegistryFaults;
  readonly requests: SeenRequest[];
  readonly blobs: Map<string, Uint8Array>;
  close(): Promise<void>;
}

interface StoredManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
}

interface State {
  readonly faults: RegistryFaults;
  readonly requests: SeenRequest[];
  readonly blobs: Map<string, Uint8Array>;
  readonly uploads: Map<string, Uint8Array[]>;
  /** By `NAME digest`. */
  readonly manifests: Map<string, StoredManifest>;
  /** By `NAME tag`: a digest. */
  readonly tags: Map<string, string>;
}

/** Starts one; over TLS with the given PEM key and certificate. */
export async function startRegistry(
  faults: RegistryFaults = {},
  tls?: { readonly key: string; readonly cert: string },
): Promise<TestRegistry> {
  const state: State = {
    faults,
    requests: [],
    blobs: new Map(),
    uploads: new Map(),
    manifests: new Map(),
    tags: new Map(),
  };
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    serve(state, request, response).catch((error: unknown) => response.destroy(error as Error));
  };
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    faults,
    requests: state.requests,
    blobs: state.blobs,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function serve(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { faults } = state;
  const { method = "", url = "", headers } = request;
  state.requests.push({ method, url, headers });
  const body = await readAll(request);
  if (faults.silent === true) return;
  if (faults.failFirst !== undefined && faults.failFirst.count > 0) {
    faults.failFirst.count--;
    const { status, retryAfter } = faults.failFirst;
    return end(state, response, status, retryAfter === undefined ? {} : { "retry-after": retryAfter });
  }
  if (faults.auth !== undefined && !faults.auth.accepts(headers.authorization ?? ""))
    return end(state, response, 401, { "www-authenticate": faults.auth.challenge });
  if (faults.refused?.(method, url) === true) return end(state, response, 403);
  const path = new URL(url, "http://registry.invalid");
  const match = /^\/v2\/(.+?)\/(manifests|blobs|referrers)\/(.+)$/.exec(path.pathname);
  if (match === null) return end(state, response, path.pathname === "/v2/" ? 200 : 404);
  const [, name = "", kind = "", reference = ""] = match;
  const asked: Asked = { state, method, name, reference: decodeURIComponent(reference), path, body, headers, response };
  if (kind === "referrers") return serveReferrers(asked);
  if (kind === "manifests") return serveManifest(asked);
  return reference.startsWith("uploads") ? serveUpload(asked) : serveBlob(asked);
}

interface Asked {
  readonly state: State;
  readonly method: string;
  readonly name: string;
  readonly reference: string;
  readonly path: URL;
  readonly body: Uint8Array;
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
}

async function readAll(request: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

function end(
  { faults }: State,
  response: ServerResponse,
  ...[status, headers = {}, body = ""]: [
    status: number,
    headers?: Readonly<Record<string, string>>,
    body?: Uint8Array | string,
  ]
): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  if (faults.cutBodyAt !== undefined && bytes.length > faults.cutBodyAt) {
    response.writeHead(status, { ...headers, "content-length": bytes.length });
    response.write(bytes.subarray(0, faults.cutBodyAt), () => response.destroy());
    return;
  }
  response.writeHead(status, { ...headers, "content-length": bytes.length });
  response.end(bytes);
}

function serveManifest(asked: Asked): void {
  const { state, method, name, reference, response } = asked;
  if (method === "PUT") return putManifest(asked);
  const digest = reference.includes(":") ? reference : tagDigest(asked);
  const stored = digest === undefined ? undefined : state.manifests.get(`${name} ${digest}`);
  if (digest === undefined || stored === undefined)
    return end(state, response, 404, {}, '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
  if (method === "DELETE") {
    state.manifests.delete(`${name} ${digest}`);
    for (const [tag, target] of state.tags) if (tag.startsWith(`${name} `) && target === digest) state.tags.delete(tag);
    return end(state, response, 202);
  }
  const accepts = String(asked.headers.accept ?? "");
  if (!accepts.includes(stored.mediaType) && !accepts.includes("*/*")) return end(state, response, 404);
  const bytes = state.faults.replaced?.get(digest) ?? stored.bytes;
  const headers = { "content-type": stored.mediaType, "docker-content-digest": state.faults.digestHeader ?? digest };
  end(state, response, 200, headers, method === "HEAD" ? "" : bytes);
}

function tagDigest({ state, name, reference }: Asked): string | undefined {
  const known = state.tags.get(`${name} ${reference}`);
  if (known !== undefined || state.faults.fallbackIsImage !== true) return known;
  return /^sha256-[0-9a-f]{64}$/.test(reference) ? reference.replace("-", ":") : undefined;
}

function putManifest({ state, name, reference, body, headers, response }: Asked): void {
  const digest = sha256(body);
  if (reference.includes(":") && reference !== digest)
    return end(state, response, 400, {}, '{"errors":[{"code":"DIGEST_INVALID"}]}');
  const json = JSON.parse(Buffer.from(body).toString()) as ManifestJson;
  const missing = [...(json.layers ?? []), ...(json.config === undefined ? [] : [json.config])].some(
    (each) => !state.blobs.has(each.digest),
  );
  const lost = (json.manifests ?? []).some((each) => !state.manifests.has(`${name} ${each.digest}`));
  if ((missing || lost) && state.faults.takesIncomplete !== true)
    return end(state, response, 400, {}, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}');
  state.manifests.set(`${name} ${digest}`, { bytes: body, mediaType: String(headers["content-type"]) });
  if (!reference.includes(":")) state.tags.set(`${name} ${reference}`, digest);
  const hasList = state.faults.referrers === undefined || state.faults.subjectHeaderOnly === true;
  const subject = json.subject !== undefined && hasList ? { "oci-subject": json.subject.digest } : {};
  end(state, response, 201, { "docker-content-digest": state.faults.putDigest ?? digest, ...subject });
}

interface ManifestJson {
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config?: { readonly digest: string; readonly mediaType: string };
  readonly layers?: readonly { readonly digest: string }[];
  readonly manifests?: readonly { readonly digest: string }[];
  readonly subject?: { readonly digest: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function serveReferrers(asked: Asked): void {
  const { state, reference, path, response } = asked;
  const { faults } = state;
  if (faults.referrers === "page") return end(state, response, 200, { "content-type": "text/html" }, "<html></html>");
  if (faults.referrers !== undefined) return end(state, response, faults.referrers);
  const wanted = faults.ignoresFilter === true ? null : path.searchParams.get("artifactType");
  const all = referrersOf(asked, reference).filter(({ artifactType }) => wanted === null || artifactType === wanted);
  const from = Number(path.searchParams.get("from") ?? 0);
  const size = faults.pageSize ?? all.length;
  const next = new URL(path);
  next.searchParams.set("from", faults.pageLoop === true ? "0" : `${from + size}`);
  const isMore = faults.pageLoop === true || from + size < all.length;
  const link = isMore ? { link: `<${next.pathname}${next.search}>; rel="next"` } : {};
  const index = { schemaVersion: 2, mediaType: ociIndex, manifests: all.slice(from, from + size) };
  const filtered = wanted === null ? {} : { "oci-filters-applied": "artifactType" };
  end(state, response, 200, { "content-type": ociIndex, ...link, ...filtered }, JSON.stringify(index));
}

const ociIndex = "application/vnd.oci.image.index.v1+json";

function referrersOf({ state, name }: Asked, digest: string): readonly { readonly artifactType: string | undefined }[] {
  const listed: { readonly artifactType: string | undefined }[] = [];
  for (const [key, { bytes, mediaType }] of state.manifests) {
    const own = key.slice(name.length + 1);
    if (!key.startsWith(`${name} `)) continue;
    const json = JSON.parse(Buffer.from(bytes).toString()) as ManifestJson;
    if (json.subject?.digest !== digest && state.faults.foreignReferrers?.includes(own) !== true) continue;
    const artifactType = json.artifactType ?? json.config?.mediaType;
    const entry = { mediaType, digest: own, size: bytes.length, artifactType, annotations: json.annotations };
    listed.push(entry);
  }
  return listed;
}

function serveBlob({ state, method, reference, response }: Asked): void {
  const bytes = state.faults.replaced?.get(reference) ?? state.blobs.get(reference);
  if (bytes === undefined) return end(state, response, 404, {}, '{"errors":[{"code":"BLOB_UNKNOWN"}]}');
  if (method === "HEAD") {
    response.writeHead(200, { "content-length": bytes.length });
    response.end();
    return;
  }
  const { blobRedirect } = state.faults;
  if (blobRedirect !== undefined)
    return end(state, response, 307, { location: blobRedirect.replace("DIGEST", reference) });
  end(state, response, 200, { "content-type": "application/octet-stream" }, bytes);
}

function serveUpload({ state, method, name, reference, path, body, response }: Asked): void {
  if (method === "POST") {
    const mount = path.searchParams.get("mount");
    if (mount !== null && state.blobs.has(mount))
      return end(state, response, 201, { location: `/v2/${name}/blobs/${mount}` });
    const id = `${state.uploads.size + 1}`;
    state.uploads.set(id, []);
    return end(state, response, 202, { location: state.faults.uploadLocation ?? `/v2/${name}/blobs/uploads/${id}` });
  }
  const parts = state.uploads.get(reference.replace("uploads/", ""));
  if (parts === undefined) return end(state, response, 404);
  if (method === "DELETE") return end(state, response, 204);
  parts.push(body);
  if (method === "PATCH") return end(state, response, 202, { location: `/v2/${name}/blobs/${reference}` });
  const whole = Buffer.concat(parts);
  const digest = path.searchParams.get("digest") ?? "";
  if (sha256(whole) !== digest) return end(state, response, 400, {}, '{"errors":[{"code":"DIGEST_INVALID"}]}');
  state.blobs.set(digest, whole);
  end(state, response, 201, { location: `/v2/${name}/blobs/${digest}`, "docker-content-digest": digest });
}
