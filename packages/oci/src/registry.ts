import { digestName, digestOf, parseDigest, quote, type Digest } from "@countersign/core";
import { placeOf } from "./address.ts";
import { authorize, type Credential, type Credentials } from "./auth.ts";
import { readBody, readVerified, verifiedStream, type Expected } from "./body.ts";
import { ociError } from "./errors.ts";
import { makeLimiter, defaultConcurrency, type Limiter } from "./limit.ts";
import { acceptedManifestTypes, maxManifestBytes, parseManifest, type Manifest } from "./manifest.ts";
import { hostnameOf, type Reference } from "./reference.ts";
import { discard, refusalOf, send, type Caller, type Sent } from "./send.ts";
import type { OciHttp, OciRequest, OciResponse } from "./http.ts";

/** A repository of one registry. */
export type Repository = Pick<Reference, "registry" | "repository">;

/** How registries are reached. */
export interface RegistryOptions {
  readonly http: OciHttp;
  readonly sleep: Caller["sleep"];
  /** Everybody is a stranger unless given. */
  readonly credentials?: Credentials;
  /** Whether a host is spoken to over http; only those on this machine unless told otherwise. */
  readonly isPlain?: (host: string) => boolean;
  /** How many requests are under way at once; 8 unless given. */
  readonly concurrency?: number;
  /** How long a registry may be silent, in milliseconds; 30 s unless given. */
  readonly timeoutMs?: number;
  /** How long a whole answer that is kept in memory may take, in milliseconds; 2 minutes unless given. */
  readonly wholeMs?: number;
  readonly signal?: AbortSignal;
}

/** A manifest whose bytes were hashed: `digest` is theirs. */
export interface FetchedManifest {
  readonly digest: Digest;
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
}

/** A request to a repository, by the path below `/v2/NAME`. */
export interface Ask {
  readonly method: OciRequest["method"];
  readonly repository: Repository;
  /** Begins with a slash; or a whole URL that the registry itself gave. */
  readonly path: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: OciRequest["body"];
  /** Whether the answer is a stream that may take any time, or kept in memory. */
  readonly answer?: "stream" | "memory";
  /** The rights asked for: `pull`, or `pull,push`. */
  readonly rights?: string;
  /** Further scopes, for mounting from another repository. */
  readonly scopes?: readonly string[];
}

/** How long a registry may be silent unless told otherwise, in milliseconds. */
export const defaultTimeoutMs: number = 30_000;
/** How long a whole answer that is kept in memory may take unless told otherwise, in milliseconds. */
export const defaultWholeMs: number = 120_000;
/** The largest blob that is read into memory, in bytes; larger ones are streamed. */
export const maxBlobBytes: number = 128 * 1024 * 1024;

/**
 * Reads from registries (distribution-spec 1.1). Whatever it gives was hashed: a manifest or blob is that of its digest.
 * It lives as long as a run: it remembers logins, and which registries have no list of referrers.
 */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #limit: Limiter;
  readonly #callers = new Map<string, Caller>();
  readonly #logins = new Map<string, Promise<string>>();
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Repositories, as `HOST/NAME`, for which the referrers API was answered 404: for one that does not exist, others are not. */
  readonly withoutReferrers: Set<string> = new Set();

  constructor(options: RegistryOptions) {
    this.#options = options;
    this.#limit = makeLimiter(options.concurrency ?? defaultConcurrency);
  }

  /** Waits, as the caller's `sleep` does. */
  async sleep(ms: number): Promise<void> {
    await this.#options.sleep(ms, this.#options.signal);
  }

  /**
   * The manifest that a reference names now. By digest if it has one; else the tag is resolved, once, and the digest is
   * that of the bytes that came. Throws OCI_NOT_FOUND, OCI_DIGEST_MISMATCH, the errors of `parseManifest` and of the network.
   */
  async manifest(reference: Reference): Promise<FetchedManifest> {
    const response = await this.#askManifest(reference);
    if (response.status !== 200) throw await refusalOf(response, manifestName(reference));
    return await readManifest(reference, response);
  }

  /** The manifest if there is one; undefined where the registry says that there is none. */
  async findManifest(reference: Reference): Promise<FetchedManifest | undefined> {
    const response = await this.#askManifest(reference);
    if (response.status === 200) return await readManifest(reference, response);
    if (response.status !== 404) throw await refusalOf(response, manifestName(reference));
    await discard(response);
    return undefined;
  }

  async #askManifest(reference: Reference): Promise<OciResponse> {
    // Names in layouts may hold what would end a path.
    const path = `/manifests/${reference.digest ?? encodeURIComponent(nameIn(reference))}`;
    return await this.ask({ method: "GET", repository: reference, path, headers: { accept: acceptedTypes } });
  }

  /** A blob as it comes; the last chunk only once length and digest are right (see `verifiedStream`). */
  async blobStream(repository: Repository, expected: Expected): Promise<AsyncGenerator<Uint8Array>> {
    const response = await this.#askBlob(repository, expected, "stream");
    return verifiedStream(response.body, expected, `blob ${expected.digest}`);
  }

  /** A whole blob of at most `maxBytes`. Throws OCI_TOO_LARGE before anything is fetched where the descriptor says more. */
  async blob(repository: Repository, expected: Expected, maxBytes: number = maxBlobBytes): Promise<Uint8Array> {
    if (expected.size > maxBytes)
      throw ociError("OCI_TOO_LARGE", { checked: `blob ${expected.digest}`, expected: `at most ${maxBytes} bytes` });
    const response = await this.#askBlob(repository, expected, "memory");
    return await readVerified(response.body, expected, `blob ${expected.digest}`);
  }

  /** One request, logged in if the registry asks for it; any status is an answer. */
  async ask(ask: Ask): Promise<OciResponse> {
    return await this.#limit(async () => {
      const caller = this.#callerOf(ask.repository);
      const key = loginKey(ask);
      const known = this.#logins.has(key) ? await this.#logins.get(key)?.catch(() => undefined) : undefined;
      const response = await send(caller, this.#requestOf(ask, caller, known));
      if (response.status !== 401) return response;
      // A login that had served before may have run out: one new one, and no more.
      const login = this.#login(ask, caller, response);
      this.#logins.set(key, login);
      login.catch(() => this.#logins.delete(key));
      return await send(caller, this.#requestOf(ask, caller, await login));
    });
  }

  /** Runs `work` once all earlier work of this key is done: within one process nobody writes between another's read and write. */
  async inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#turns.set(
      key,
      turn.catch(() => {}),
    );
    return await turn;
  }

  /** Where a repository's registry is. */
  addressOf(repository: Pick<Repository, "registry">): URL {
    return this.#callerOf(repository).registry;
  }

  async #askBlob(repository: Repository, { digest }: Expected, answer: "stream" | "memory"): Promise<OciResponse> {
    const response = await this.ask({ method: "GET", repository, path: `/blobs/${digest}`, answer });
    if (response.status !== 200) throw await refusalOf(response, `blob ${digest}`);
    return response;
  }

  #callerOf({ registry }: Pick<Repository, "registry">): Caller {
    const known = this.#callers.get(registry);
    if (known !== undefined) return known;
    const isPlain = this.#options.isPlain ?? isThisMachine;
    const host = registry === "docker.io" ? "registry-1.docker.io" : registry;
    const address = new URL(`${isPlain(registry) ? "http" : "https"}://${host}/`);
    const caller: Caller = { http: this.#options.http, sleep: this.#options.sleep, registry: address };
    this.#callers.set(registry, caller);
    return caller;
  }

  #requestOf(ask: Ask, { registry }: Caller, authorization: string | undefined): Sent {
    const { signal, timeoutMs = defaultTimeoutMs, wholeMs = defaultWholeMs } = this.#options;
    const url = ask.path instanceof URL ? ask.path : new URL(`/v2/${ask.repository.repository}${ask.path}`, registry);
    return {
      method: ask.method,
      url,
      headers: { ...ask.headers, ...(authorization !== undefined && { authorization }) },
      timeoutMs,
      ...(ask.answer !== "stream" && { wholeMs }),
      ...(ask.body !== undefined && { body: ask.body }),
      ...(signal !== undefined && { signal }),
    };
  }

  async #login(ask: Ask, caller: Caller, response: OciResponse): Promise<string> {
    const credential = await this.#credentialOf(ask.repository);
    const { signal } = this.#options;
    await discard(response);
    return await authorize(response, { caller, credential, scopes: scopesOf(ask), ...(signal && { signal }) });
  }

  #credentialOf({ registry, repository }: Repository): Promise<Credential | undefined> {
    const key = `${registry}/${repository}`;
    const known = this.#credentials.get(key);
    if (known !== undefined) return known;
    const found = this.#options.credentials?.(registry, repository) ?? Promise.resolve(undefined);
    this.#credentials.set(key, found);
    return found;
  }
}

const acceptedTypes = acceptedManifestTypes.join(", ");

function nameIn({ digest, tag }: Reference): string {
  return digest ?? tag ?? "latest";
}

function manifestName(reference: Reference): string {
  return `manifest ${quote(nameIn(reference))} of ${reference.repository}`;
}

async function readManifest(reference: Reference, response: OciResponse): Promise<FetchedManifest> {
  const bytes = await readBody(response.body, maxManifestBytes, "manifest");
  const said = reference.digest ?? headerDigest(response);
  const digest = digestOf(said === undefined ? "sha256" : digestName(said), bytes);
  if (said !== undefined && digest !== said)
    throw ociError("OCI_DIGEST_MISMATCH", {
      checked: `manifest ${quote(nameIn(reference))}`,
      expected: said,
      got: digest,
    });
  return { digest, bytes, manifest: parseManifest(bytes, response.headers["content-type"]) };
}

function isThisMachine(host: string): boolean {
  return placeOf(new URL(`http://${hostnameOf(host)}/`).hostname) === "loopback";
}

function scopesOf({ repository, rights = "pull", scopes = [] }: Ask): readonly string[] {
  return [`repository:${repository.repository}:${rights}`, ...scopes];
}

function loginKey(ask: Ask): string {
  return [ask.repository.registry, ...scopesOf(ask)].join(" ");
}

/** What the registry says the digest is: not believed, but a registry that contradicts itself is refused. */
function headerDigest({ headers }: OciResponse): Digest | undefined {
  const text = headers["docker-content-digest"];
  if (text === undefined) return undefined;
  const digest = parseDigest(text);
  return digestName(digest) === "sha256" ? digest : undefined;
}
