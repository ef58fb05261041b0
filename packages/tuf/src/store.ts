/**
 * Where a client keeps what it verified. Names are chosen by this package, never taken from metadata: a role's file name is
 * escaped first. `store.node.ts` has the one on disk.
 */
export interface Store {
  /** Runs `work` while no other process has a session of this store. Rejects with TUF_STORE_BUSY if the owner stays too long. */
  open<T>(work: (session: StoreSession) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>;
}

/** What can be done while the store is ours. */
export interface StoreSession {
  /** The bytes under that name; undefined if there are none. What was read is hearsay: verify it as if it came from the network. */
  read(name: string, maxBytes: number): Promise<Uint8Array | undefined>;
  /** Puts the bytes there so that a crash at any moment leaves the old ones or the new ones, and once it resolved, the new ones. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  remove(name: string): Promise<void>;
  /** All names, sorted. */
  list(): Promise<readonly string[]>;
}
