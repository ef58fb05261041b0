export * from "./errors.ts";
export { maxStoreNameChars } from "./store.ts";
export type { Store, StoreSession } from "./store.ts";
export { makeMemoryStore } from "./memory-store.ts";
export type { Fetcher, FetchedTarget, FetchOptions, MetadataFetchOptions, TargetFetchOptions } from "./fetch.ts";
