import { equalBytes, hash, TrustError, x509Algorithm, type Certificate } from "@countersign/core";
import { checkExtensions, checkPath, checkTimes, timeStamping } from "./certificate.ts";
import { sigstoreError } from "./errors.ts";
import { parseTimestamp, type TimestampToken } from "./timestamp-token.ts";
import type { Authority } from "./trust-root.ts";
import { isWithin } from "./window.ts";

/** A time that an authority of the trust root signed. */
export interface Timestamp {
  readonly authority: Authority;
  readonly timeMs: number;
}

/**
 * Proves that an authority of the trust root saw `signature` (the raw signature bytes) at the time returned (RFC 3161).
 * Certificates inside the token are never trusted; the authority's chain must stand at the token's own time.
 * Does not check the token's accuracy, policy, serial or nonce.
 */
export function checkTimestamp(bytes: Uint8Array, signature: Uint8Array, authorities: readonly Authority[]): Timestamp {
  const token = parseTimestamp(bytes);
  const candidates = authorities.filter((authority) => isSigner(token, authority.chain[0]));
  if (candidates.length === 0)
    throw sigstoreError("SIGSTORE_TIMESTAMP_UNTRUSTED", { checked: "the signer the token names" });
  checkImprint(token, signature);
  let problem: TrustError | undefined;
  for (const authority of candidates) {
    try {
      checkAuthority(token, authority);
      return { authority, timeMs: token.timeMs };
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      problem ??= error;
    }
  }
  throw problem as TrustError;
}

function checkImprint(token: TimestampToken, signature: Uint8Array): void {
  if (!equalBytes(hash(token.imprint.hash, signature), token.imprint.value)) {
    throw sigstoreError("SIGSTORE_TIMESTAMP_MISMATCH", { checked: "the message imprint" });
  }
  if (!equalBytes(hash(token.digestHash, token.info), token.messageDigest)) {
    throw sigstoreError("SIGSTORE_TIMESTAMP_INVALID", { checked: "the signed digest of the time" });
  }
}

function checkAuthority(token: TimestampToken, authority: Authority): void {
  const leaf = authority.chain[0] as Certificate;
  if (!isWithin(authority.validFor, token.timeMs)) {
    throw sigstoreError("SIGSTORE_TIMESTAMP_WINDOW", {
      checked: "the authority's window in the trust root",
      got: new Date(token.timeMs).toISOString(),
    });
  }
  checkTimestampingUsage(leaf);
  if (
    token.certificateHash !== undefined &&
    !equalBytes(hash(token.certificateHash.hash, leaf.raw), token.certificateHash.value)
  ) {
    throw sigstoreError("SIGSTORE_TIMESTAMP_UNTRUSTED", { checked: "the hash of the signer's certificate" });
  }
  checkSignature(token, authority);
  authority.checkChainSignatures();
  checkPath(authority.chain.slice(1), timeStamping);
  checkStands(leaf, authority, token.timeMs);
}

function checkSignature(token: TimestampToken, authority: Authority): void {
  const leaf = authority.chain[0] as Certificate;
  const algorithm = x509Algorithm(cmsAlgorithm(token), leaf.spki);
  if (!authority.verifier(algorithm).verify(token.signedAttributes, token.signature)) {
    throw sigstoreError("SIGSTORE_TIMESTAMP_INVALID", { checked: "the authority's signature" });
  }
}

function checkStands(leaf: Certificate, authority: Authority, timeMs: number): void {
  try {
    checkTimes(leaf, authority, timeMs);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw sigstoreError("SIGSTORE_TIMESTAMP_WINDOW", cause.detail, cause);
  }
}

/** Proves that a certificate may sign timestamps and nothing else (RFC 3161 §2.3: a critical extended key usage of timeStamping alone). */
export function checkTimestampingUsage(leaf: Certificate): void {
  checkExtensions(leaf);
  const usage = leaf.extendedKeyUsage;
  const wrong = (got: string): TrustError => sigstoreError("SIGSTORE_TIMESTAMP_AUTHORITY", { got });
  if (usage === undefined || usage.oids.length !== 1 || usage.oids[0] !== timeStamping)
    throw wrong("extended key usage is not timeStamping alone");
  if (!usage.critical) throw wrong("extended key usage is not critical");
  if (leaf.basicConstraints?.ca === true || leaf.keyUsage?.has("keyCertSign") === true) throw wrong("a CA certificate");
  if (leaf.keyUsage !== undefined && !leaf.keyUsage.has("digitalSignature"))
    throw wrong("key usage without digitalSignature");
}

function isSigner(token: TimestampToken, leaf: Certificate | undefined): boolean {
  if (leaf === undefined) return false;
  if ("keyId" in token.signer)
    return leaf.subjectKeyId !== undefined && equalBytes(leaf.subjectKeyId, token.signer.keyId);
  return equalBytes(leaf.issuer, token.signer.issuer) && BigInt(`0x${leaf.serial}`) === token.signer.serial;
}

const rsaEncryption = "1.2.840.113549.1.1.1";
const ecPublicKey = "1.2.840.10045.2.1";
const withHash: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [rsaEncryption]: {
    sha256: "1.2.840.113549.1.1.11",
    sha384: "1.2.840.113549.1.1.12",
    sha512: "1.2.840.113549.1.1.13",
  },
  [ecPublicKey]: { sha256: "1.2.840.10045.4.3.2", sha384: "1.2.840.10045.4.3.3", sha512: "1.2.840.10045.4.3.4" },
};

// CMS may name the bare key algorithm and leave the hash to digestAlgorithm (RFC 3370 §3.2, RFC 5754 §3.2).
function cmsAlgorithm(token: TimestampToken): TimestampToken["signatureAlgorithm"] {
  const oid = withHash[token.signatureAlgorithm.oid]?.[token.digestHash];
  if (oid === undefined) return token.signatureAlgorithm;
  return token.signatureAlgorithm.oid === ecPublicKey ? { oid } : { ...token.signatureAlgorithm, oid };
}
