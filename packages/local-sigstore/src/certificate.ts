import { randomBytes } from "node:crypto";
import { bits, booleanTrue, integer, octets, oid, readChildren, readContent, sequence, set, tagged } from "./asn1.ts";
import { taggedPrimitive, utf8String, x509Time } from "./asn1.ts";
import type { Der } from "./asn1.ts";
import { sha256, signatureAlgorithm, signWith } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";

/** One X.509 extension: `value` is the DER inside the OCTET STRING (or any bytes, for a forgery). */
export interface Extension {
  readonly oid: string;
  readonly critical?: boolean;
  readonly value: Uint8Array;
}

/** Who a certificate names in its subject alternative name. */
export interface Identity {
  readonly type: "uri" | "email" | "other-name" | "dns";
  readonly value: string;
}

/** Everything of a certificate but its signature. */
export interface CertificatePlan {
  readonly spki: Uint8Array;
  readonly serial: Uint8Array;
  /** Name, DER. */
  readonly issuer: Uint8Array;
  /** Name, DER. */
  readonly subject: Uint8Array;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly extensions: readonly Extension[];
}

/** Object identifiers that certificates of this package carry. */
export const certificateOids = {
  codeSigning: "1.3.6.1.5.5.7.3.3",
  timeStamping: "1.3.6.1.5.5.7.3.8",
  serverAuth: "1.3.6.1.5.5.7.3.1",
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  sctList: "1.3.6.1.4.1.11129.2.4.2",
  otherName: "1.3.6.1.4.1.57264.1.7",
} as const;

/** Bits of keyUsage (RFC 5280 §4.2.1.3), by name. */
export type KeyUsage = "digitalSignature" | "nonRepudiation" | "keyEncipherment" | "keyCertSign" | "cRLSign";

/** TBSCertificate (RFC 5280 §4.1), for a signature by `signer`. */
export function tbsCertificate(plan: CertificatePlan, signer: KeyPair): Der {
  return sequence(
    tagged(0, integer(2)),
    integer(plan.serial),
    signatureAlgorithm(signer),
    plan.issuer,
    sequence(x509Time(plan.notBefore), x509Time(plan.notAfter)),
    plan.subject,
    plan.spki,
    tagged(3, sequence(...plan.extensions.map(extensionDer))),
  );
}

/** Certificate: the TBS signed by `signer`. */
export function signCertificate(tbs: Uint8Array, signer: KeyPair): Der {
  return sequence(tbs, signatureAlgorithm(signer), bits(signWith(signer, tbs)));
}

/** A positive random serial number of 20 bytes. */
export function randomSerial(): Uint8Array {
  const serial = new Uint8Array(randomBytes(20));
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** Name with an organization and a common name; both empty gives the empty Name of Fulcio leaves. */
export function distinguishedName(organization: string, commonName: string): Der {
  const parts: Der[] = [];
  if (organization !== "") parts.push(set(sequence(oid("2.5.4.10"), utf8String(organization))));
  if (commonName !== "") parts.push(set(sequence(oid("2.5.4.3"), utf8String(commonName))));
  return sequence(...parts);
}

/** basicConstraints, critical. */
export function basicConstraints(o: { readonly isCa: boolean; readonly pathLength?: number }): Extension {
  const parts = o.isCa ? [booleanTrue()] : [];
  if (o.pathLength !== undefined) parts.push(integer(o.pathLength));
  return { oid: certificateOids.basicConstraints, critical: true, value: sequence(...parts) };
}

/** keyUsage, critical. */
export function keyUsage(usages: readonly KeyUsage[]): Extension {
  let mask = 0;
  for (const usage of usages) mask |= 0x80 >> keyUsageBits[usage];
  let unused = 0;
  while (unused < 8 && mask !== 0 && ((mask >> unused) & 1) === 0) unused++;
  const value = mask === 0 ? bits(new Uint8Array(0)) : bits(Uint8Array.of(mask), unused);
  return { oid: certificateOids.keyUsage, critical: true, value };
}

/** extendedKeyUsage with these purposes. */
export function extendedKeyUsage(purposes: readonly string[], o: { readonly critical: boolean }): Extension {
  return { oid: certificateOids.extendedKeyUsage, critical: o.critical, value: sequence(...purposes.map(oid)) };
}

/** subjectAltName of these identities; Fulcio's other-name is a UTF8String under 1.3.6.1.4.1.57264.1.7. */
export function subjectAltName(identities: readonly Identity[], o: { readonly critical: boolean }): Extension {
  return {
    oid: certificateOids.subjectAltName,
    critical: o.critical,
    value: sequence(...identities.map(generalName)),
  };
}

/** subjectKeyIdentifier (RFC 5280 §4.2.1.2): a truncated SHA-256 of the SPKI, which RFC 7093 allows. */
export function subjectKeyId(spki: Uint8Array): Extension {
  return { oid: certificateOids.subjectKeyId, value: octets(keyIdOf(spki)) };
}

/** authorityKeyIdentifier that points at the issuer's subjectKeyIdentifier. */
export function authorityKeyId(issuerSpki: Uint8Array): Extension {
  return { oid: certificateOids.authorityKeyId, value: sequence(taggedPrimitive(0, keyIdOf(issuerSpki))) };
}

/** Issuer Name, serial number (INTEGER content) and SPKI of a certificate, as asn1js reads them. */
export function readCertificate(der: Uint8Array): { issuer: Uint8Array; serial: Uint8Array; spki: Uint8Array } {
  const fields = readChildren(readChildren(der)[0] ?? new Uint8Array(0));
  return {
    serial: readContent(fields[1] ?? new Uint8Array(0)),
    issuer: fields[3] ?? new Uint8Array(0),
    spki: fields[6] ?? new Uint8Array(0),
  };
}

/** PEM with lines of 64 characters. */
export function pem(label: string, der: Uint8Array): string {
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g);
  return `-----BEGIN ${label}-----\n${(lines ?? []).join("\n")}\n-----END ${label}-----\n`;
}

const keyUsageBits: Readonly<Record<KeyUsage, number>> = {
  digitalSignature: 0,
  nonRepudiation: 1,
  keyEncipherment: 2,
  keyCertSign: 5,
  cRLSign: 6,
};

function keyIdOf(spki: Uint8Array): Uint8Array {
  return sha256(spki).subarray(0, 20);
}

function extensionDer(extension: Extension): Der {
  const critical = extension.critical === true ? [booleanTrue()] : [];
  return sequence(oid(extension.oid), ...critical, octets(extension.value));
}

function generalName(identity: Identity): Der {
  switch (identity.type) {
    case "email":
      return taggedPrimitive(1, Buffer.from(identity.value, "utf8"));
    case "dns":
      return taggedPrimitive(2, Buffer.from(identity.value, "utf8"));
    case "uri":
      return taggedPrimitive(6, Buffer.from(identity.value, "utf8"));
    case "other-name":
      return tagged(0, oid(certificateOids.otherName), tagged(0, utf8String(identity.value)));
  }
}
