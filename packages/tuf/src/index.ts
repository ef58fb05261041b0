export * from "./errors.ts";
export type { Store, StoreSession } from "./store.ts";
export type { Fetcher, FetchedTarget, FetchOptions } from "./fetch.ts";
