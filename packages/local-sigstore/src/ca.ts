import {
  authorityKeyId,
  basicConstraints,
  certificateOids,
  distinguishedName,
  extendedKeyUsage,
  keyUsage,
  randomSerial,
  signCertificate,
  subjectAltName,
  subjectKeyId,
  tbsCertificate,
} from "./certificate.ts";
import type { CertificatePlan, Extension, Identity, KeyUsage } from "./certificate.ts";
import { formatSctList } from "./ct-log.ts";
import type { CtLog } from "./ct-log.ts";
import { claimExtensions, issuerExtensions } from "./fulcio-extension.ts";
import type { FulcioClaims } from "./fulcio-extension.ts";
import { makeKeyPair } from "./keyring.ts";
import type { KeyKind, KeyPair } from "./keyring.ts";
import type { TrustedAuthority } from "./trusted-root.ts";

/** Lifetime of a signing certificate, in milliseconds. */
export const leafLifetimeMs: number = 10 * 60 * 1000;
/** Lifetime of authorities, in milliseconds: ten years. */
export const authorityLifetimeMs: number = 10 * 365 * 24 * 60 * 60 * 1000;
/** How long before their making authorities become valid by default, in milliseconds: a day. */
export const authorityLeadMs: number = 24 * 60 * 60 * 1000;

/** What to put into a certificate. All that is left out is as Fulcio would have it. */
export interface IssueOptions {
  /** SubjectPublicKeyInfo of the certified key. */
  readonly spki: Uint8Array;
  /** Subject alternative names; an empty list leaves the extension out. */
  readonly identity?: Identity | readonly Identity[];
  readonly altNameCritical?: boolean;
  /** OIDC issuer. */
  readonly issuer?: string;
  /** Which issuer extensions to write; both by default. */
  readonly issuerForms?: readonly ("v1" | "v2")[];
  readonly claims?: FulcioClaims;
  /** Purposes by OID; an empty list leaves the extension out. Default: codeSigning. */
  readonly extendedKeyUsages?: readonly string[];
  readonly extendedKeyUsageCritical?: boolean;
  /** An empty list leaves the extension out. Default: digitalSignature. */
  readonly keyUsages?: readonly KeyUsage[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Writes basicConstraints; left out by default, as in Fulcio's leaves. */
  readonly isCa?: boolean;
  readonly pathLength?: number;
  /** Organization and common name of the subject; the empty name by default. */
  readonly subject?: { readonly organization: string; readonly commonName: string };
  readonly serial?: Uint8Array;
  readonly extraExtensions?: readonly Extension[];
  /**
   * `good` (default): one SCT of each log in `ctLogs`; `none`: no SCT extension; `wrong-precert`: promises of another
   * certificate; a list: these serialised SCTs; a function: called with what an honest log would sign.
   */
  readonly sct?: "good" | "none" | "wrong-precert" | readonly Uint8Array[] | SctMaker;
  /** Logs that promise this certificate, instead of the authority's own. */
  readonly ctLogs?: readonly CtLog[];
}

/** Makes the SCT list of a certificate from its TBS (without SCTs) and its issuer's SPKI. */
export type SctMaker = (precert: { readonly tbs: Uint8Array; readonly issuerSpki: Uint8Array }) => Uint8Array[];

/** A certificate and the authority certificates above it. */
export interface IssuedCertificate {
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER, issuing certificate first, anchor last. */
  readonly chain: readonly Uint8Array[];
}

/** How to make an authority. */
export interface AuthorityOptions {
  readonly uri: string;
  readonly now: () => Date;
  readonly organization?: string;
  readonly commonName?: string;
  readonly operator?: string;
  readonly ctLogs?: readonly CtLog[];
  /** Kind of the root's and intermediate's keys. Default p384. */
  readonly kind?: KeyKind;
  readonly rootKey?: KeyPair;
  readonly key?: KeyPair;
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** pathLenConstraint of the intermediate; 0 by default. */
  readonly pathLength?: number;
  /** Extended key usages of the intermediate; codeSigning by default. */
  readonly extendedKeyUsages?: readonly string[];
  /** Saved certificates, issuing one first: nothing is minted then. */
  readonly chain?: readonly Uint8Array[];
}

/** A certificate authority: a root and one intermediate that issues. */
export interface Authority {
  readonly key: KeyPair;
  /** DER, issuing certificate first, anchor last. */
  readonly chain: readonly Uint8Array[];
  readonly name: Uint8Array;
  /** This authority as a trust root states it. */
  readonly trusted: TrustedAuthority;
  /** Issues whatever is asked for. */
  readonly issue: (options: IssueOptions) => IssuedCertificate;
  /** A further authority below this one, whatever this one's path length says. */
  readonly subordinate: (options: SubordinateOptions) => Authority;
}

/** How to make an authority below another one. */
export interface SubordinateOptions {
  readonly commonName?: string;
  readonly key?: KeyPair;
  readonly pathLength?: number;
  readonly isCa?: boolean;
  readonly keyUsages?: readonly KeyUsage[];
  readonly extendedKeyUsages?: readonly string[];
  readonly extraExtensions?: readonly Extension[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

interface Issuer {
  readonly name: Uint8Array;
  readonly key: KeyPair;
  readonly chain: readonly Uint8Array[];
}

/** An authority with a new root, known to no trust root until a caller puts it there. */
export function makeAuthority(o: AuthorityOptions): Authority {
  const organization = o.organization ?? "local-sigstore";
  const commonName = o.commonName ?? "local-sigstore intermediate";
  const rootName = distinguishedName(organization, `${commonName} root`);
  const rootKey = o.rootKey ?? makeKeyPair(o.kind ?? "p384");
  const notBefore = o.notBefore ?? new Date(o.now().getTime() - authorityLeadMs);
  const notAfter = o.notAfter ?? new Date(notBefore.getTime() + authorityLifetimeMs);
  const root: Issuer = { name: rootName, key: rootKey, chain: [] };
  const anchor = o.chain?.at(-1) ?? certifyAuthority(root, { name: rootName, key: rootKey, notBefore, notAfter });
  const key = o.key ?? makeKeyPair(o.kind ?? "p384");
  const name = distinguishedName(organization, commonName);
  const below = { name, key, notBefore, notAfter, pathLength: o.pathLength ?? 0 };
  const purposes = o.extendedKeyUsages ?? [certificateOids.codeSigning];
  const issuing = o.chain?.[0] ?? certifyAuthority(root, { ...below, extendedKeyUsages: purposes });
  const description = { uri: o.uri, organization, commonName, validFor: { start: notBefore }, operator: o.operator };
  return authorityOf({ name, key, chain: [issuing, anchor] }, description, { now: o.now, ctLogs: o.ctLogs ?? [] });
}

type Description = Omit<TrustedAuthority, "chain" | "operator"> & { readonly operator: string | undefined };
interface Surroundings {
  readonly now: () => Date;
  readonly ctLogs: readonly CtLog[];
}

function authorityOf(issuer: Issuer, about: Description, around: Surroundings): Authority {
  const { operator, ...rest } = about;
  const trusted: TrustedAuthority = { ...rest, chain: issuer.chain, ...(operator === undefined ? {} : { operator }) };
  const subordinate = (o: SubordinateOptions): Authority => {
    const commonName = o.commonName ?? `${about.commonName} below`;
    const name = distinguishedName(about.organization, commonName);
    const key = o.key ?? makeKeyPair(issuer.key.kind);
    const notBefore = o.notBefore ?? new Date(around.now().getTime() - authorityLeadMs);
    const notAfter = o.notAfter ?? new Date(notBefore.getTime() + authorityLifetimeMs);
    const certificate = certifyAuthority(issuer, { ...o, name, key, notBefore, notAfter });
    return authorityOf({ name, key, chain: [certificate, ...issuer.chain] }, { ...about, commonName }, around);
  };
  return { ...issuer, trusted, subordinate, issue: (options) => issue(issuer, options, around) };
}

function issue(issuer: Issuer, o: IssueOptions, around: Surroundings): IssuedCertificate {
  const notBefore = o.notBefore ?? around.now();
  const plan: CertificatePlan = {
    spki: o.spki,
    serial: o.serial ?? randomSerial(),
    issuer: issuer.name,
    subject: distinguishedName(o.subject?.organization ?? "", o.subject?.commonName ?? ""),
    notBefore,
    notAfter: o.notAfter ?? new Date(notBefore.getTime() + leafLifetimeMs),
    extensions: leafExtensions(issuer, o),
  };
  const scts = sctsOf(issuer, plan, { ...o, ctLogs: o.ctLogs ?? around.ctLogs }, around.now);
  const extensions = scts === undefined ? plan.extensions : [...plan.extensions, sctExtension(scts)];
  const certificate = signCertificate(tbsCertificate({ ...plan, extensions }, issuer.key), issuer.key);
  return { certificate, chain: issuer.chain };
}

function leafExtensions(issuer: Issuer, o: IssueOptions): Extension[] {
  const usages = o.keyUsages ?? ["digitalSignature"];
  const purposes = o.extendedKeyUsages ?? [certificateOids.codeSigning];
  const identities = o.identity === undefined ? [] : [o.identity].flat();
  const list: Extension[] = [];
  if (usages.length > 0) list.push(keyUsage(usages));
  if (purposes.length > 0) list.push(extendedKeyUsage(purposes, { critical: o.extendedKeyUsageCritical ?? false }));
  if (o.isCa !== undefined) list.push(basicConstraints({ isCa: o.isCa, ...lengthOf(o) }));
  list.push(subjectKeyId(o.spki), authorityKeyId(issuer.key.spki));
  if (identities.length > 0) list.push(subjectAltName(identities, { critical: o.altNameCritical ?? true }));
  if (o.issuer !== undefined) list.push(...issuerExtensions(o.issuer, o.issuerForms ?? ["v1", "v2"]));
  list.push(...claimExtensions(o.claims ?? {}), ...(o.extraExtensions ?? []));
  return list;
}

function sctsOf(
  issuer: Issuer,
  plan: CertificatePlan,
  o: IssueOptions & { readonly ctLogs: readonly CtLog[] },
  now: () => Date,
): readonly Uint8Array[] | undefined {
  const sct = o.sct ?? "good";
  if (sct === "none") return undefined;
  if (typeof sct === "object") return sct;
  const signed = sct === "wrong-precert" ? { ...plan, serial: randomSerial() } : plan;
  const precert = { tbs: tbsCertificate(signed, issuer.key), issuerSpki: issuer.key.spki };
  if (typeof sct === "function") return sct(precert);
  if (o.ctLogs.length === 0) return undefined;
  const time = o.notBefore ?? now();
  return o.ctLogs.map((log) => log.promise({ ...precert, time }));
}

function sctExtension(scts: readonly Uint8Array[]): Extension {
  return { oid: certificateOids.sctList, value: formatSctList(scts) };
}

interface AuthorityPlan extends SubordinateOptions {
  readonly name: Uint8Array;
  readonly key: KeyPair;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

function certifyAuthority(issuer: Issuer, plan: AuthorityPlan): Uint8Array {
  const purposes = plan.extendedKeyUsages ?? [];
  const extensions: Extension[] = [
    keyUsage(plan.keyUsages ?? ["keyCertSign", "cRLSign"]),
    ...(purposes.length === 0 ? [] : [extendedKeyUsage(purposes, { critical: false })]),
    basicConstraints({ isCa: plan.isCa ?? true, ...lengthOf(plan) }),
    subjectKeyId(plan.key.spki),
    authorityKeyId(issuer.key.spki),
    ...(plan.extraExtensions ?? []),
  ];
  const { notBefore, notAfter } = plan;
  const common = { serial: randomSerial(), issuer: issuer.name, subject: plan.name, notBefore, notAfter, extensions };
  return signCertificate(tbsCertificate({ spki: plan.key.spki, ...common }, issuer.key), issuer.key);
}

function lengthOf(o: { readonly pathLength?: number }): { pathLength?: number } {
  return o.pathLength === undefined ? {} : { pathLength: o.pathLength };
}
