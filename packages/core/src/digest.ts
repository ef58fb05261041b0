import { backend } from "#crypto";
import { hashBytes, hashNames } from "./hash.ts";
import { hex, parseHex } from "./bytes.ts";
import { coreError, quote, TrustError } from "./errors.ts";
import type { HashName } from "./hash.ts";
import type { Hasher } from "./crypto.ts";

declare const digestBrand: unique symbol;
/** `sha256:<lower-case hex>`, and the same for sha384 and sha512. Made only in this file. */
export type Digest = string & { readonly [digestBrand]: true };

/** What was asked about: a name for messages, its digests, and its bytes when it is small enough to keep. */
export interface Artifact {
  /** For messages only; never trusted. */
  readonly name: string;
  /** One a hash function asked for, in that order. */
  readonly digests: readonly Digest[];
  /** The whole content, if it was at most `keepBytes` long. */
  readonly bytes?: Uint8Array;
  /** Length in bytes, if the content was read. */
  readonly size?: number;
}

/** Artifacts up to this length keep their bytes unless the caller says otherwise, in bytes. */
export const defaultKeepBytes: number = 1024 * 1024;
/** The most that `keepBytes` may ask for, in bytes: what Ed25519 and ML-DSA, which sign whole messages, accept. */
export const maxKeepBytes: number = 64 * 1024 * 1024;

/** Parses `sha256:<hex>`: a known hash name, lower-case hex of exactly its length. Throws CORE_DIGEST_MALFORMED. */
export function parseDigest(text: string): Digest {
  const colon = text.indexOf(":");
  const name = hashNames.find((known) => known === text.slice(0, colon));
  if (
    name === undefined ||
    text.length !== colon + 1 + 2 * hashBytes[name] ||
    !/^[0-9a-f]+$/.test(text.slice(colon + 1))
  ) {
    throw coreError("CORE_DIGEST_MALFORMED", {
      expected: "sha256:<64 lower-case hex digits>, or sha384, sha512 alike",
      got: quote(text),
    });
  }
  return text as Digest;
}

/** The digest whose raw hash value the caller has. Throws CORE_DIGEST_MALFORMED if the length is not that of the hash. */
export function digestFromBytes(name: HashName, value: Uint8Array): Digest {
  if (value.length !== hashBytes[name]) {
    throw coreError("CORE_DIGEST_MALFORMED", {
      checked: name,
      expected: `${hashBytes[name]} bytes`,
      got: `${value.length}`,
    });
  }
  return `${name}:${hex(value)}` as Digest;
}

/** The digest of these bytes. */
export function digestOf(name: HashName, bytes: Uint8Array): Digest {
  return digestFromBytes(name, hash(name, bytes));
}

/** The raw hash value in a digest. */
export function digestBytes(digest: Digest): Uint8Array {
  return parseHex(digest.slice(digest.indexOf(":") + 1));
}

/** The hash function of a digest. */
export function digestName(digest: Digest): HashName {
  return digest.slice(0, digest.indexOf(":")) as HashName;
}

/** The raw hash of these bytes. */
export function hash(name: HashName, bytes: Uint8Array): Uint8Array {
  return backend.hash(name, bytes);
}

/** A hash of content that comes piece by piece. */
export interface DigestHasher {
  update(chunk: Uint8Array): void;
  /** The digest of all pieces. May be called once. */
  finish(): Digest;
}

/** Starts a hash, for whoever passes content on while it comes; `digestStream` is for those who only want its digest. */
export function makeDigestHasher(name: HashName): DigestHasher {
  const hasher = backend.makeHasher(name);
  return { update: (chunk) => hasher.update(chunk), finish: () => digestFromBytes(name, hasher.finish()) };
}

/** How `digestStream` reads. */
export interface DigestOptions {
  readonly name: string;
  /** At least one. */
  readonly hashes: readonly HashName[];
  /** Longest content accepted, in bytes; no limit unless given. */
  readonly maxBytes?: number;
  /** Longest content whose bytes are kept, in bytes; default 1 MiB, at most 64 MiB. */
  readonly keepBytes?: number;
  /** Called after each chunk with the bytes read so far. */
  readonly onProgress?: (bytes: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Reads a stream once and hashes it with every function asked for, in constant memory. A chunk is not looked at again
 * after the next one was asked for, so the producer may reuse its buffer; large chunks (1 MiB) are fastest.
 * Throws CORE_TOO_LARGE, CORE_STREAM_ABORTED, CORE_STREAM_FAILED (with the stream's own error as cause; a TrustError
 * of the stream passes as it is), CORE_STREAM_CHUNK and CORE_DIGEST_MISSING. The stream is closed in every case.
 */
export async function digestStream(stream: AsyncIterable<Uint8Array>, options: DigestOptions): Promise<Artifact> {
  if (options.hashes.length === 0) throw coreError("CORE_DIGEST_MISSING");
  const hashers = options.hashes.map((name): [HashName, Hasher] => [name, backend.makeHasher(name)]);
  const kept = new Keeper(Math.min(options.keepBytes ?? defaultKeepBytes, maxKeepBytes));
  const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  let size = 0;
  for await (const chunk of abortable(stream, options.signal)) {
    size += chunk.length;
    if (size > maxBytes)
      throw coreError("CORE_TOO_LARGE", { checked: quote(options.name), expected: `at most ${maxBytes} bytes` });
    for (const [, hasher] of hashers) hasher.update(chunk);
    kept.add(chunk);
    options.onProgress?.(size);
  }
  const digests = hashers.map(([name, hasher]) => digestFromBytes(name, hasher.finish()));
  const bytes = kept.take();
  return { name: options.name, digests, size, ...(bytes === undefined ? {} : { bytes }) };
}

/** Chunks copied until there are too many. */
class Keeper {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(chunk: Uint8Array): void {
    this.#size += chunk.length;
    if (this.#size > this.#maxBytes) this.#parts = [];
    else this.#parts.push(new Uint8Array(chunk));
  }

  take(): Uint8Array | undefined {
    if (this.#size > this.#maxBytes) return undefined;
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }
}

/** The stream's chunks; a wait for the next one ends when the signal says so, even if the stream never answers. */
async function* abortable(
  stream: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const iterator = stream[Symbol.asyncIterator]();
  let stop: (error: unknown) => void = () => {};
  const abort = (): void => stop(coreError("CORE_STREAM_ABORTED"));
  signal?.addEventListener("abort", abort, { once: true });
  try {
    for (;;) {
      const step = await new Promise<IteratorResult<Uint8Array, unknown>>((resolve, reject) => {
        stop = reject;
        if (signal?.aborted === true) abort();
        else iterator.next().then(resolve, reject);
      });
      if (step.done === true) return;
      if (!(step.value instanceof Uint8Array)) throw coreError("CORE_STREAM_CHUNK");
      yield step.value;
    }
  } catch (error) {
    throw error instanceof TrustError ? error : coreError("CORE_STREAM_FAILED", "", error);
  } finally {
    signal?.removeEventListener("abort", abort);
    // Not awaited: a stream that hangs in `next` would never answer `return` either.
    iterator.return?.().catch(() => {});
  }
}
