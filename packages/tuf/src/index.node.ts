export { defaultStoreWaitMs, openStore, slashed, sleep } from "./store.node.ts";
export type { OpenStoreOptions } from "./store.node.ts";
export * from "./disk.node.ts";
export { nodeLocks } from "./lock.node.ts";
export * from "./fetch-directory.node.ts";
export * from "./target.node.ts";
export {
  findSources,
  nodeGenerations,
  takeFiles,
  withWorkspace,
  workspaceWaitMs,
  type Source,
  type TakeOptions,
} from "./author.node.ts";
export { serveRepository, type RepositoryServer } from "./serve.node.ts";
export { httpFetch } from "./http.node.ts";
