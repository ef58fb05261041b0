export { policyErrors, policyError } from "./errors.ts";
export { evaluate, type Decision } from "./evaluate.ts";
export { formatMatch, isMatch, loadPattern, maxPatternChars, type Match, type Pattern } from "./match.ts";
export {
  checkPolicy,
  maxRequired,
  type CertificateRule,
  type DenyList,
  type KeyRule,
  type Policy,
  type SignerRule,
} from "./policy.ts";
export { maxPolicyBytes, parsePolicy, type PolicyFile, type PolicyKey } from "./policy-file.ts";
export { formatRule, formatSigner, signerKey } from "./require.ts";
