export * from "./errors.ts";
export { maxStoreNameChars } from "./store.ts";
export type { Store, StoreSession } from "./store.ts";
export { makeMemoryStore } from "./memory-store.ts";
export { lockName, makeDirectoryStore } from "./directory-store.ts";
export type { DirectoryStoreOptions } from "./directory-store.ts";
export { firstLockPauseMs, maxLockPauseMs, waitForLock } from "./lock.ts";
export type { Lock, Locks, LockWait } from "./lock.ts";
export { replaceFile, replaceFileQuickly } from "./disk.ts";
export type { Disk, DiskEntry, DiskFile, Replacement } from "./disk.ts";
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
export type { RowTable } from "./row-table.ts";
export type { MetaFile } from "./file-info.ts";
export { checkThreshold, judgeSignatures } from "./threshold.ts";
export type { IdentityCheck, IdentityClaim, RoleTrust, SignatureResult } from "./threshold.ts";
export { makeHttpFetcher } from "./http-fetch.ts";
export type { HttpFetcherOptions } from "./http-fetch.ts";
export type { Mirror } from "./http-address.ts";
export type { HttpResponse, HttpWorld } from "./http-request.ts";
export { defaultFetchLimits, firstRetryMs, maxRedirects, maxRetryMs } from "./http-limit.ts";
export type { FetchLimits } from "./http-limit.ts";
export { saveTarget, partLocks } from "./target-save.ts";
export type { PartOwner, SavedTarget, TargetFolder } from "./target-save.ts";
export { streamTarget } from "./target-stream.ts";
export type { WantedTarget } from "./target-check.ts";
export { openTarget } from "./target-fetch.ts";
export type { TransferOptions } from "./target-fetch.ts";
export { maxSegmentBytes, partPrefix, targetSegments } from "./target-name.ts";
export type { Naming } from "./target-name.ts";
export {
  acceptAnchor,
  acceptNextRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  checkRootFresh,
  isFastForwardRecovery,
  isSnapshotCurrent,
  keepSnapshot,
  metaOfRole,
  recallSnapshot,
  recallTimestamp,
  trustInTargets,
} from "./trusted-set.ts";
export type { RootSet, SnapshotSet, TimestampSet, TrustedTargets } from "./trusted-set.ts";
export { binName, defaultMaxRoles, delegationsOf, searchTarget } from "./delegation.ts";
export type { Delegation, Found, Search, SearchOptions } from "./delegation.ts";
export { isPathMatch } from "./path-pattern.ts";
export { maxNewRoots } from "./refresh.ts";
export type { Trust } from "./refresh.ts";
export type { RunReport, RunStep } from "./run-log.ts";
export { clockFile, roleFile, rootHistoryFile } from "./store-file.ts";
export { createUpdater, maxSearches, needTarget } from "./updater.ts";
export type { CallOptions, Updater, UpdaterOptions } from "./updater.ts";
export type { ClockOptions } from "./clock.ts";
export type { TrustedTarget } from "./trusted-target.ts";
export { verifyTarget } from "./verify.ts";
export { targetAddresses } from "./target.ts";
export * from "./author-index.ts";
export { findByMap, maxMapItems, maxMapRows, parseMap } from "./map.ts";
export type { MapFinding, Mapping, RepositoryMap } from "./map.ts";
export { readRelease, rolloutPlace, selectRelease } from "./custom.ts";
export type { Device, Release, ReleaseVerdict, Selection } from "./custom.ts";
