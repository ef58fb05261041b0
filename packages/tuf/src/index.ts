export * from "./errors.ts";
export { maxStoreNameChars } from "./store.ts";
export type { Store, StoreSession } from "./store.ts";
export { makeMemoryStore } from "./memory-store.ts";
export type { Fetcher, FetchedTarget, FetchOptions, MetadataFetchOptions, TargetFetchOptions } from "./fetch.ts";
export {
  maxMetadataBytes,
  maxMetaFiles,
  maxRootBytes,
  maxSignatures,
  maxTimestampBytes,
  parseMetadata,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
} from "./metadata.ts";
export type { Metadata, MetadataSignature, Root, Snapshot, Targets, Timestamp } from "./metadata.ts";
export { computeKeyId } from "./key.ts";
export type { Key, KeyUse } from "./key.ts";
export { maxKeys, maxPatterns, maxRoleKeys, maxRoles, topRoles } from "./role.ts";
export type { Coverage, DelegatedRole, Delegations, Role, SuccinctRoles, TopRole } from "./role.ts";
export { maxTargets } from "./target-table.ts";
export type { TargetFile, TargetTable } from "./target-table.ts";
export type { MetaFile } from "./file-info.ts";
export { checkThreshold, judgeSignatures } from "./threshold.ts";
export type { IdentityCheck, IdentityClaim, RoleTrust, SignatureResult } from "./threshold.ts";
