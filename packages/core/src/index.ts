export * from "./algorithm.ts";
export type { Backend, Hasher, OpenKey, SecretKey, SecretKeyForm, SignatureCheck } from "./crypto.ts";
export * from "./digest.ts";
export * from "./hash.ts";
export {
  checkDigestUsable,
  generateSigner,
  makeVerifier,
  maxWholeMessageBytes,
  parsePrivateKey,
  parsePublicKey,
} from "./key.ts";
export type { Signer, SignerInput, Verifier } from "./key.ts";
export { maxRsaBits, maxRsaExponentBits, maxSpkiBytes, minRsaBits, parseSpki } from "./spki.ts";
export type { PublicKey } from "./spki.ts";
export type { RsaKey } from "./rsa.ts";
