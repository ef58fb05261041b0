export { defaultMaxThreads } from "./hash-pool.node.ts";
export type { ArtifactHash } from "./file-hash.node.ts";
export type { RecordMemory } from "./file-record.node.ts";
export * from "./record.node.ts";
export { maxCommitBytes, reservedSchemes } from "./resolver.node.ts";
export { maxDirectories, maxRecordedFiles, maxWalkDepth } from "./walk.node.ts";
export type { Skipped } from "./walk.node.ts";
