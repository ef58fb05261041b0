/** What the updater asks of the network (or of a folder). Nothing that comes back is trusted. */
export interface Fetcher {
  /**
   * The file of that name below the metadata address. The name is one file name, such as `2.root.json` or `3.a/b.json`: it is
   * not escaped yet, the fetcher does that, and a slash in it leads nowhere. Undefined if the repository says that there is
   * none (404, 403, 410). Rejects with an `unavailable` error if no mirror could tell, and with TUF_FETCH_TOO_LARGE past
   * `maxBytes`.
   */
  metadata(name: string, options: MetadataFetchOptions): Promise<Uint8Array | undefined>;
  /**
   * The bytes at that path below the targets address, from byte `start` on, as they come. The path is not escaped yet; its
   * slashes are folders. Rejects as `metadata` does; so does the iteration of the body.
   */
  target(path: string, options: TargetFetchOptions): Promise<FetchedTarget | undefined>;
}

export interface FetchOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

export interface MetadataFetchOptions extends FetchOptions {
  /** Throws a TrustError if these bytes will not do; then the next mirror is asked, and the first such error is what rejects if none does. */
  readonly accept?: (bytes: Uint8Array) => void;
}

export interface TargetFetchOptions extends FetchOptions {
  /** First byte wanted; 0 unless given. */
  readonly start?: number;
  /** What an earlier answer gave as `validator`: the rest is wanted only of that same file. */
  readonly validator?: string;
  /** First mirror to ask, counted from 0: those before it gave wrong bytes. Undefined comes back past the last one. */
  readonly fromMirror?: number;
}

/** A body under way. Whoever got it reads it to its end, or ends the iteration early. */
export interface FetchedTarget {
  /** Where the body begins: 0 where the server does not know ranges. */
  readonly start: number;
  /** The mirror that it comes from, counted from 0. */
  readonly mirror: number;
  /** Names this very state of the file, for another request: a strong entity tag. */
  readonly validator?: string;
  /** A piece is good until the next but one is asked for: its memory may be used again. */
  readonly body: AsyncIterable<Uint8Array>;
}
