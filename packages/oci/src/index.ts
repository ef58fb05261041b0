export { checkAddress, placeOf, type Place } from "./address.ts";
export { maxTokenBytes, tokenTimeoutMs, type Credential, type Credentials } from "./auth.ts";
export type { Expected } from "./body.ts";
export {
  formatDescriptor,
  formatPlatform,
  maxAnnotations,
  readDescriptor,
  type Descriptor,
  type Platform,
} from "./descriptor.ts";
export * from "./errors.ts";
export type { OciHttp, OciRequest, OciResponse } from "./http.ts";
export { defaultConcurrency, makeLimiter, type Limiter } from "./limit.ts";
export * from "./manifest.ts";
export * from "./reference.ts";
export { fallbackTag, listReferrers, maxReferrerPages, maxReferrers, type Referrers } from "./referrers.ts";
export * from "./registry.ts";
export { maxRedirects, maxTries } from "./send.ts";
export {
  attachBundle,
  bundleMediaType,
  descriptorOf,
  maxTagWrites,
  removeReferrer,
  repairTag,
  settleMs,
  type Attached,
  type Attachment,
  type AttachWorld,
} from "./attach.ts";
export * from "./attach-legacy.ts";
export * from "./push.ts";
export * from "./find.ts";
export * from "./platform.ts";
export * from "./simple-signing.ts";
export * from "./dockerfile.ts";
export * from "./kubernetes.ts";
export * from "./copy.ts";
export { registryTarget } from "./copy-registry.ts";
