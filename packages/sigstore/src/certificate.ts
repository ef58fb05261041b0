import {
  equalBytes,
  makeVerifier,
  quote,
  TrustError,
  x509Algorithm,
  type Certificate,
  type Verifier,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import type { Authority } from "./trust-root.ts";
import { isWithin } from "./window.ts";

/** id-kp-codeSigning, RFC 5280 §4.2.1.12. */
export const codeSigning = "1.3.6.1.5.5.7.3.3";
/** id-kp-timeStamping, RFC 3161 §2.3. */
export const timeStamping = "1.3.6.1.5.5.7.3.8";
const anyExtendedKeyUsage = "2.5.29.37.0";

/** What a leaf of the bundle was proved to be: issued by this authority, at these times. */
export interface Issued {
  readonly authority: Authority;
  readonly issuer: Certificate;
}

/**
 * Proves that `leaf` was issued by one of `authorities` and that the whole path stood at every one of `timesMs`
 * (RFC 5280 §6.1 without revocation and name constraints, which are refused where present).
 * The leaf's own signature is checked here, the signatures inside the authority's chain once per trust root.
 * Does not check what the leaf may be used for (`checkSigningUsage`) nor whom it names.
 */
export function checkIssued(leaf: Certificate, authorities: readonly Authority[], timesMs: readonly number[]): Issued {
  let problem: TrustError | undefined;
  for (const authority of authorities) {
    const issuer = authority.chain[0];
    if (issuer === undefined || !equalBytes(issuer.subject, leaf.issuer)) continue;
    const found = issuedProblem(leaf, authority, timesMs);
    if (found === undefined) return { authority, issuer };
    problem ??= found;
  }
  throw problem ?? sigstoreError("SIGSTORE_CERTIFICATE_UNTRUSTED", { got: `serial ${leaf.serial}` });
}

function issuedProblem(leaf: Certificate, authority: Authority, timesMs: readonly number[]): TrustError | undefined {
  const issuer = authority.chain[0] as Certificate;
  return attemptProblem(() => {
    if (!isKeyIdLinked(leaf, issuer) || !isSignedBy(leaf, authority)) {
      throw sigstoreError("SIGSTORE_CERTIFICATE_UNTRUSTED", {
        checked: "the authority's signature",
        got: `serial ${leaf.serial}`,
      });
    }
    authority.checkChainSignatures();
    checkPath(authority.chain, codeSigning);
    for (const timeMs of timesMs) checkTimes(leaf, authority, timeMs);
  });
}

/** Proves that the leaf may sign code: no CA, digitalSignature, codeSigning, nothing critical left unread. */
export function checkSigningUsage(leaf: Certificate): void {
  checkExtensions(leaf);
  const wrong = (got: string): TrustError => sigstoreError("SIGSTORE_CERTIFICATE_USAGE", { got });
  if (leaf.basicConstraints?.ca === true || leaf.keyUsage?.has("keyCertSign") === true) throw wrong("a CA certificate");
  if (leaf.keyUsage?.has("digitalSignature") !== true) throw wrong("no digitalSignature key usage");
  if (leaf.extendedKeyUsage?.oids.includes(codeSigning) !== true) throw wrong("no codeSigning extended key usage");
}

/**
 * Proves that a chain of a trust root (issuer of the leaf first, anchor last) keeps the rules of RFC 5280 §6.1
 * for `purpose`: names and key ids link, every one is a CA that may sign certificates, path lengths hold.
 * Does not check signatures or times.
 */
export function checkPath(chain: readonly Certificate[], purpose: string): void {
  // Certificates between this one and the leaf that are not self-issued (RFC 5280 §4.2.1.9).
  let below = 0;
  for (const [index, ca] of chain.entries()) {
    checkExtensions(ca);
    const wrong = (got: string): TrustError =>
      sigstoreError("SIGSTORE_CERTIFICATE_CHAIN", { checked: `certificate ${index} above the leaf`, got });
    if (ca.basicConstraints?.ca !== true) throw wrong("not a CA");
    if (ca.keyUsage !== undefined && !ca.keyUsage.has("keyCertSign")) throw wrong("key usage without keyCertSign");
    if (ca.extendedKeyUsage !== undefined && !isPurpose(ca.extendedKeyUsage.oids, purpose))
      throw wrong("another extended key usage");
    if (ca.basicConstraints.pathLength !== undefined && below > ca.basicConstraints.pathLength)
      throw wrong("path length exceeded");
    const parent = chain[index + 1];
    if (parent !== undefined && !isLinked(ca, parent)) throw wrong("not issued by the next one");
    if (!equalBytes(ca.issuer, ca.subject)) below++;
  }
}

/** Proves that each certificate of a trust root's chain was named and signed by the next; the anchor's own signature is not looked at. */
export function checkChainSignatures(chain: readonly Certificate[]): void {
  for (let index = 0; index + 1 < chain.length; index++) {
    const child = chain[index] as Certificate;
    const parent = chain[index + 1] as Certificate;
    if (!isLinked(child, parent))
      throw sigstoreError("SIGSTORE_CERTIFICATE_CHAIN", {
        checked: `certificate ${index} of the trust root's chain`,
        got: "another issuer than the next one",
      });
    const verifier = makeVerifier(parent.spki, x509Algorithm(child.signatureAlgorithm, parent.spki));
    if (verifier.verify(child.tbs, child.signature)) continue;
    throw sigstoreError("SIGSTORE_CERTIFICATE_CHAIN", {
      checked: `the signature on certificate ${index} of the trust root's chain`,
    });
  }
}

/** Proves that leaf, chain and the authority's window all stood at `timeMs`; both ends count (RFC 5280 §4.1.2.5). */
export function checkTimes(leaf: Certificate, authority: Authority, timeMs: number): void {
  const at = new Date(timeMs).toISOString();
  if (!isWithin(authority.validFor, timeMs)) {
    throw sigstoreError("SIGSTORE_CERTIFICATE_TIME", { checked: "the authority's window in the trust root", got: at });
  }
  // X.509 counts in whole seconds: notAfter holds to the end of its second, whatever fraction a timestamp carries.
  const secondMs = Math.floor(timeMs / 1000) * 1000;
  for (const certificate of [leaf, ...authority.chain]) {
    if (timeMs >= certificate.notBeforeMs && secondMs <= certificate.notAfterMs) continue;
    const expected = `${new Date(certificate.notBeforeMs).toISOString()} to ${new Date(certificate.notAfterMs).toISOString()}`;
    throw sigstoreError("SIGSTORE_CERTIFICATE_TIME", {
      checked: `certificate ${certificate.serial}`,
      expected,
      got: at,
    });
  }
}

/** Refuses critical extensions that are not known here, and name constraints, which nobody here evaluates. */
export function checkExtensions(certificate: Certificate): void {
  const [unknown] = certificate.unknownCritical;
  if (unknown !== undefined) throw sigstoreError("SIGSTORE_CERTIFICATE_EXTENSION", { got: quote(unknown) });
  if (certificate.extensions.has(nameConstraints))
    throw sigstoreError("SIGSTORE_CERTIFICATE_EXTENSION", { got: "name constraints" });
}
const nameConstraints = "2.5.29.30";

function isSignedBy(leaf: Certificate, authority: Authority): boolean {
  const issuer = authority.chain[0] as Certificate;
  const verifier: Verifier = authority.verifier(x509Algorithm(leaf.signatureAlgorithm, issuer.spki));
  return verifier.verify(leaf.tbs, leaf.signature);
}

function isLinked(child: Certificate, parent: Certificate): boolean {
  return equalBytes(child.issuer, parent.subject) && isKeyIdLinked(child, parent);
}

function isKeyIdLinked(child: Certificate, parent: Certificate): boolean {
  if (child.authorityKeyId === undefined || parent.subjectKeyId === undefined) return true;
  return equalBytes(child.authorityKeyId, parent.subjectKeyId);
}

function isPurpose(oids: readonly string[], purpose: string): boolean {
  return oids.includes(purpose) || oids.includes(anyExtendedKeyUsage);
}

function attemptProblem(check: () => void): TrustError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}
