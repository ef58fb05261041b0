export { makeAuthority } from "./ca.ts";
export type {
  Authority,
  AuthorityOptions,
  IssuedCertificate,
  IssueOptions,
  SctMaker,
  SubordinateOptions,
} from "./ca.ts";
export { certificateOids, pem } from "./certificate.ts";
export type { Extension, Identity, KeyUsage } from "./certificate.ts";
export { formatSctList, makeCtLog } from "./ct-log.ts";
export type { CtLog, SctRequest } from "./ct-log.ts";
export * from "./entry.ts";
export { localSigstoreError, localSigstoreErrors } from "./errors.ts";
export { contentFaultKinds, makeFaults, serviceNames, wireFaultKinds } from "./faults.ts";
export type { ContentFaultKind, Fault, Faults, ServiceName, WireFault } from "./faults.ts";
export { claimExtension, fulcioClaimArcs } from "./fulcio-extension.ts";
export type { FulcioClaim, FulcioClaims } from "./fulcio-extension.ts";
export { makeKeyPair, signWith } from "./keyring.ts";
export type { KeyKind, KeyPair } from "./keyring.ts";
export { checkpointText, formatSignedNote, noteKeyId, signNoteText } from "./note.ts";
export type { SignatureLine } from "./note.ts";
export { githubActionsClaims, gitlabCiClaims, sigstoreAudience } from "./oidc.ts";
export type { Oidc, TokenRequest } from "./oidc.ts";
export { makeV1Log } from "./rekor-v1.ts";
export type { RekorV1Log, SetRequest, StoredEntry, V1LogOptions, V1Options, V1Signed } from "./rekor-v1.ts";
export { makeLog } from "./rekor.ts";
export type { CheckpointOptions, EntryStore, LogOptions, ProofOptions, RekorLog } from "./rekor.ts";
export { defaultNames, startLocalSigstore } from "./stack.ts";
export type { LocalSigstore, LocalSigstoreOptions } from "./stack.ts";
export { makeTree } from "./tree.ts";
export type { Tree } from "./tree.ts";
export { buildSigningConfig, buildTrustedRoot, jsonBytes, publicKeyDetails } from "./trusted-root.ts";
export type {
  ConfiguredService,
  TrustedAuthority,
  TrustedLog,
  TrustedRootParts,
  TrustedWindow,
} from "./trusted-root.ts";
export { makeTsa } from "./tsa.ts";
export type { StampOptions, Tsa, TsaOptions } from "./tsa.ts";
export { makeTufRepository } from "./tuf.ts";
export type { TufOptions, TufRepository } from "./tuf.ts";
export { makeWitness } from "./witness.ts";
export type { Witness } from "./witness.ts";
