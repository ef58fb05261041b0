export * from "./bytes.ts";
export * from "./claims.ts";
export * from "./errors.ts";
export * from "./algorithm.ts";
export type { Backend, Hasher, OpenKey, SecretKey, SecretKeyForm, SignatureCheck } from "./crypto.ts";
export * from "./digest.ts";
export { curveOrders } from "./ecdsa.ts";
export * from "./hash.ts";
export {
  checkDigestUsable,
  generateSigner,
  makeVerifier,
  maxWholeMessageBytes,
  parsePrivateKey,
  parsePublicKey,
} from "./key.ts";
export type { RsaBits, Signer, SignerInput, Verifier } from "./key.ts";
export { formatRsaSpki, maxRsaBits, maxRsaExponentBits, maxRsaSpkiBytes, minRsaBits, parseSpki } from "./spki.ts";
export type { PublicKey } from "./spki.ts";
export type { RsaKey } from "./rsa.ts";
export * from "./json.ts";
export * from "./canonical-json.ts";
export * from "./canonical-scan.ts";
export * from "./canonical-text.ts";
export * from "./decode.ts";
export * from "./der.ts";
export * from "./der-value.ts";
export * from "./der-writer.ts";
export * from "./pem.ts";
export * from "./x509.ts";
export { maxAltNames, maxPathLength, maxPurposes, sctListOid } from "./x509-extension.ts";
export type { Extension, KeyUsage, KnownExtensions } from "./x509-extension.ts";
export type { GeneralName } from "./general-name.ts";
export * from "./glob.ts";
export type { CharacterTest } from "./glob-set.ts";
export * from "./envelope.ts";
export * from "./statement.ts";
export * from "./statement-format.ts";
export * from "./predicates/index.ts";
