export {
  delegate,
  delegatorOf,
  editRole,
  editTargets,
  initRepository,
  makeBins,
  mergeStaged,
  rotateKeys,
  signStaged,
  undelegate,
} from "./author.ts";
export type { BinPlan, InitPlan, Rotation, SignedRole, Signing, TargetChanges } from "./author.ts";
export { binNames, binOf, binPrefixes, maxBinBits, type Bins } from "./author-bins.ts";
export { delegatedBy, type Delegated, type Delegation as AuthoredDelegation } from "./author-delegation.ts";
export { describeChanges, describeDraft, formatChange, type Change } from "./author-diff.ts";
export {
  formatDraft,
  isSameContent,
  maxDraftBytes,
  parseDraft,
  signedBytesOf,
  specVersion,
  typeOf,
  versionOf,
  type Draft,
} from "./author-draft.ts";
export { findDelegators, findSignatories, type Delegator, type Signatories } from "./author-graph.ts";
export type { Generations } from "./author-generation.ts";
export { makeRoot, makeTargets, type RootPlan } from "./author-init.ts";
export { formatKey, formatSignerKey, tufAlgorithm, type ListedKey } from "./author-key.ts";
export { renewRoles, saveSettings, withValidDays, type Renewal } from "./author-renew.ts";
export { refreshOnlineRoles } from "./author-refresh.ts";
export { lintRepository } from "./author-lint.ts";
export type { LintCode, LintFinding } from "./author-lint-finding.ts";
export { publish, stageSnapshot, stageTimestamp, type Publication, type PublishOptions } from "./author-publish.ts";
export { isTopRole, type RoleKeys, type RoleRow } from "./author-role.ts";
export { defaultValidDays, maxValidDays, type Settings } from "./author-settings.ts";
export {
  authorityOfDelegator,
  authorityOfRoot,
  mergeSignatures,
  signDraft,
  signingStateOf,
  type Authority,
  type AuthorityKey,
  type SignedDraft,
  type SigningState,
} from "./author-sign.ts";
export { makeSnapshot, makeTimestamp, type FileVersion, type Making } from "./author-snapshot.ts";
export { statusOf, type RoleStatus, type StagedStatus, type VersionStatus } from "./author-status.ts";
export { checkTargetPath, withTargets, type TargetEntry } from "./author-target.ts";
export { createWorkspace, currentDraft, openWorkspace, type Published, type Workspace } from "./author-workspace.ts";
export { cloneRepository, maxCloneRoles, type Clone, type ClonePlan } from "./clone.ts";
