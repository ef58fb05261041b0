/** What the updater asks of the network (or of a folder). Nothing that comes back is trusted. */
export interface Fetcher {
  /**
   * The file at that path below the metadata address. Undefined if the repository says that there is none (404, 403, 410).
   * Rejects with an `unavailable` error if no mirror could tell, and with TUF_FETCH_TOO_LARGE past `maxBytes`.
   */
  metadata(path: string, options: FetchOptions): Promise<Uint8Array | undefined>;
  /** The bytes at that path below the targets address, from byte `start` on, as they come. Rejects as `metadata` does. */
  target(path: string, options: FetchOptions & { readonly start?: number }): Promise<FetchedTarget | undefined>;
}

export interface FetchOptions {
  readonly maxBytes: number;
  readonly signal?: AbortSignal;
}

/** A body under way. */
export interface FetchedTarget {
  /** Where the body begins: 0 where the server does not know ranges. */
  readonly start: number;
  readonly body: AsyncIterable<Uint8Array>;
}
