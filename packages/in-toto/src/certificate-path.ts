import {
  equalBytes,
  hash,
  hex,
  makeVerifier,
  parseDer,
  quote,
  readOid,
  TrustError,
  utf8,
  x509Algorithm,
  type Certificate,
  type GeneralName,
} from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { publicKeyOf } from "./key-file.ts";
import { checkSignature, type MetadataSignature, type SignedBytes } from "./signature.ts";
import type { Authorities, CertificateConstraint } from "./certificate.ts";
import type { LayoutKey } from "./key.ts";

/** A functionary whom a step knows by its certificate. */
export interface CertifiedFunctionary {
  readonly signature: MetadataSignature;
  /** The certificate's key, under the id that the signature names. */
  readonly key: LayoutKey;
  readonly certificate: Certificate;
  /** The layout's id of the authority that the chain ends at. */
  readonly root: string;
  /** What the certificate calls its holder, who may have several: SHA-256, hex. */
  readonly person: string;
}

/** What a step and its layout say of certificates. */
export interface CertificateRules {
  readonly authorities: Authorities;
  readonly constraints: readonly CertificateConstraint[];
  /** When it is checked; links carry no proof of their time. */
  readonly nowMs: number;
}

/** The longest chain, leaf and root included. */
export const maxChainCertificates: number = 8;
/** How many signatures are checked in search of a chain. */
export const maxChainChecks: number = 64;

/**
 * Proves that a signature's certificate leads to an authority of the layout, is one that a constraint allows, and that
 * its key made the signature (ITE-7, as in-toto-golang does; but the root must be one that the constraint names).
 * All certificates must be valid now. Does not look at revocation, nor at what extended key usages say.
 * Throws INTOTO_CERTIFICATE_UNTRUSTED, INTOTO_CERTIFICATE_CONSTRAINT, INTOTO_SIGNATURE_BAD and core's key errors.
 */
export function checkCertificateSignature(
  signed: SignedBytes,
  signature: MetadataSignature,
  rules: CertificateRules,
): CertifiedFunctionary {
  const { certificate } = signature;
  if (certificate === undefined) throw inTotoError("INTOTO_CERTIFICATE_UNTRUSTED", { got: "no certificate" });
  const roots = findRoots(certificate, rules);
  if (roots.length === 0)
    throw inTotoError("INTOTO_CERTIFICATE_UNTRUSTED", { checked: `certificate ${certificate.serial}` });
  const root = checkConstraints(certificate, roots, rules.constraints);
  const key = { ...publicKeyOf(certificate.spki), keyid: signature.keyid, ids: [signature.keyid] };
  checkSignature({ ...signed, signatures: [signature], signedBytes: () => signed.signedBytes() }, key, rules.nowMs);
  return { signature, key, certificate, root, person: personOf(certificate) };
}

function personOf({ subject, subjectAltNames }: Certificate): string {
  const names = subjectAltNames.map(({ type, value }) => `${type}:${value}`).toSorted();
  return hex(hash("sha256", utf8(JSON.stringify([hex(subject), names]))));
}

/** Ids of the roots that some chain leads to. */
function findRoots(leaf: Certificate, { authorities, nowMs }: CertificateRules): readonly string[] {
  checkCertificate(leaf, nowMs);
  const found = new Set<string>();
  const search: Search = { authorities, nowMs, checks: 0, found };
  climb(search, [leaf]);
  return [...found];
}

interface Search {
  readonly authorities: Authorities;
  readonly nowMs: number;
  readonly found: Set<string>;
  checks: number;
}

function climb(search: Search, chain: readonly Certificate[]): void {
  const child = chain.at(-1) as Certificate;
  for (const [id, roots] of search.authorities.roots) {
    // A functionary may be listed as a root itself.
    const isFound = roots.some((root) => equalBytes(root.raw, child.raw) || isIssuer(search, chain, root));
    if (isFound) search.found.add(id);
  }
  if (chain.length >= maxChainCertificates) return;
  for (const authority of [...search.authorities.intermediates.values()].flat()) {
    const isRepeated = chain.some(({ raw }) => equalBytes(raw, authority.raw));
    if (!isRepeated && isIssuer(search, chain, authority)) climb(search, [...chain, authority]);
  }
}

/** Whether the authority is valid now, may issue certificates this far up, and issued the last one of the chain. */
function isIssuer(search: Search, chain: readonly Certificate[], authority: Certificate): boolean {
  const child = chain.at(-1) as Certificate;
  if (!equalBytes(child.issuer, authority.subject) || !isKeyIdLinked(child, authority)) return false;
  if (!isAuthority(authority, chain.length - 1)) return false;
  if (++search.checks > maxChainChecks)
    throw inTotoError("INTOTO_CERTIFICATE_UNTRUSTED", { expected: `a chain within ${maxChainChecks} steps` });
  try {
    checkCertificate(authority, search.nowMs);
    const verifier = makeVerifier(authority.spki, x509Algorithm(child.signatureAlgorithm, authority.spki));
    return verifier.verify(child.tbs, child.signature);
  } catch (error) {
    if (error instanceof TrustError) return false;
    throw error;
  }
}

function isKeyIdLinked({ authorityKeyId }: Certificate, { subjectKeyId }: Certificate): boolean {
  return authorityKeyId === undefined || subjectKeyId === undefined || equalBytes(authorityKeyId, subjectKeyId);
}

/** `below` counts the authorities between it and the leaf. */
function isAuthority({ basicConstraints, keyUsage }: Certificate, below: number): boolean {
  if (basicConstraints?.ca !== true || (keyUsage !== undefined && !keyUsage.has("keyCertSign"))) return false;
  return basicConstraints.pathLength === undefined || below <= basicConstraints.pathLength;
}

const nameConstraints = "2.5.29.30";

function checkCertificate(certificate: Certificate, nowMs: number): void {
  const isNow = certificate.notBeforeMs <= nowMs && Math.floor(nowMs / 1000) * 1000 <= certificate.notAfterMs;
  const checked = `certificate ${certificate.serial}`;
  if (!isNow) throw inTotoError("INTOTO_CERTIFICATE_UNTRUSTED", { checked, got: "not valid now" });
  const [unknown] = certificate.extensions.has(nameConstraints) ? ["name constraints"] : certificate.unknownCritical;
  if (unknown !== undefined) throw inTotoError("INTOTO_CERTIFICATE_UNTRUSTED", { checked, got: unknown });
}

/** The root under which a constraint allows the certificate. */
function checkConstraints(
  certificate: Certificate,
  roots: readonly string[],
  constraints: readonly CertificateConstraint[],
): string {
  const names = readSubject(certificate);
  for (const constraint of constraints) {
    const root = roots.find((id) => isAny(constraint.roots) || constraint.roots.includes(id));
    if (root !== undefined && isAllowed(certificate, names, constraint)) return root;
  }
  const got = quote([...names.commonNames, ...certificate.subjectAltNames.map(({ value }) => value)].join(", "));
  throw inTotoError("INTOTO_CERTIFICATE_CONSTRAINT", { checked: `certificate ${certificate.serial}`, got });
}

function isAllowed(certificate: Certificate, names: Subject, constraint: CertificateConstraint): boolean {
  const alternatives = (type: GeneralName["type"]): readonly string[] =>
    certificate.subjectAltNames.filter((each) => each.type === type).map(({ value }) => value);
  return (
    isMet([constraint.commonName], names.commonNames) &&
    isMet(constraint.organizations, names.organizations) &&
    isMet(constraint.dnsNames, alternatives("dns")) &&
    isMet(constraint.emails, alternatives("email")) &&
    isMet(constraint.uris, alternatives("uri"))
  );
}

function isAny(allowed: readonly string[]): boolean {
  return allowed.length === 1 && allowed[0] === "*";
}

/** Exactly the same values, in any order; an empty one on either side is none. */
function isMet(allowed: readonly string[], values: readonly string[]): boolean {
  if (isAny(allowed)) return true;
  const [left, right] = [allowed, values].map((list) => JSON.stringify(list.filter((each) => each !== "").toSorted()));
  return left === right;
}

interface Subject {
  readonly commonNames: readonly string[];
  readonly organizations: readonly string[];
}

/** The parts of the subject's Name (RFC 5280 §4.1.2.4) that constraints speak of. */
function readSubject({ subject }: Certificate): Subject {
  const parts = parseDer(subject).children.flatMap((set) => set.children);
  const texts = (oid: string): readonly string[] =>
    parts.flatMap(({ children: [type, value] }) =>
      type !== undefined && value !== undefined && readOid(type) === oid
        ? [new TextDecoder().decode(value.content)]
        : [],
    );
  return { commonNames: texts("2.5.4.3"), organizations: texts("2.5.4.10") };
}
