export * from "./client-credentials.ts";
export * from "./bundle.ts";
export * from "./key-detail.ts";
export * from "./requirement.ts";
export * from "./signing-config.ts";
export * from "./trust-root.ts";
export * from "./trust-root-describe.ts";
export * from "./trust-config.ts";
export * from "./trust-root-lines.ts";
export { countCurrent, endsSoonMs, lintTrustRoots, type TrustLintOptions } from "./trust-root-lint.ts";
export {
  makeTrustRoot,
  type AuthorityPart,
  type LogPart,
  type MadeTrustRoot,
  type TrustRootParts,
} from "./trust-root-make.ts";
export { makeSigningConfig, type SigningConfigParts } from "./signing-config-make.ts";
export { parseTime } from "./window.ts";
export { checkIssued, checkPath, checkSigningUsage, codeSigning, timeStamping, type Issued } from "./certificate.ts";
export { sigstoreError, sigstoreErrors } from "./errors.ts";
export { loginError, loginErrors } from "./login-errors.ts";
export { extensionNames, readIdentity, type CertificateSigner } from "./identity.ts";
export { maxEntryBytes } from "./log-entry.ts";
export { parseSctList, type Sct } from "./sct.ts";
export { inTotoPayload, readingOf, readStatement, type Reading } from "./signature.ts";
export { parseTimestamp, type TimestampToken } from "./timestamp-token.ts";
export {
  examineBundle,
  makeExamine,
  verifyBundle,
  verifyEnvelope,
  type EnvelopeProof,
  type Examination,
  type Examine,
  type VerifyOptions,
} from "./verify.ts";
export type { Http, HttpRequest, HttpResponse } from "./http.ts";
export { parseToken, sigstoreAudience, type Token, type TokenOptions } from "./oidc.ts";
export { fetchAmbient, findAmbient, tokenFile, type AmbientMachine, type AmbientName } from "./ambient.ts";
export { checkIssuerUrl, discoverIssuer, type Issuer } from "./issuer.ts";
export { checkAnswer, redeemCode, sigstoreClient, startLogin, type Login, type LoginOptions } from "./login.ts";
export { awaitDevice, startDevice, type DeviceLogin, type DeviceOptions } from "./device.ts";
export type { Random } from "./proof-key.ts";
export { send, type Caller, type SendOptions } from "./request.ts";
export { signArtifact, signPayload, signStatement, type LogWatch, type SignAs, type SignIo } from "./sign.ts";
export { parseCertificateFile, parseCosignBundle, parseSignatureFile } from "./cosign-bundle.ts";
export { upgradeBundle, type Upgraded } from "./upgrade.ts";
export { completeBundle, type Lookup } from "./services/rekor-lookup.ts";
export { checkDetachable, formatDetached, parseDetached, type Detached, type FormattedDetached } from "./detached.ts";
