import { equalBytes, hex } from "./bytes.ts";
import { parseDer, derExplicit, derSequence, readBitString, readBoolean, readIa5, readInteger, readNamedBits, readOctets, readOid, readTime, readUtf8String, type DerNode } from "./der.ts";
import { coreError, TrustError } from "./errors.ts";

/** What an X.509 v3 certificate says (RFC 5280 §4.1), unverified. Byte fields are views of `raw`. */
export interface Certificate {
  readonly raw: Uint8Array;
  readonly tbs: Uint8Array;
  /** Hex without sign, even length. */
  readonly serial: string;
  /** DER of the Names: compared byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  readonly signatureAlgorithm: { readonly oid: string; readonly params?: Uint8Array };
  readonly signature: Uint8Array;
  readonly extensions: ReadonlyMap<string, Extension>;
  readonly subjectAltNames: readonly GeneralName[];
  readonly keyUsage?: ReadonlySet<KeyUsage>;
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly oids: readonly string[] };
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  readonly authorityKeyId?: Uint8Array;
  readonly subjectKeyId?: Uint8Array;
  /** The SignedCertificateTimestampList (RFC 6962 §3.3), without its OCTET STRING. */
  readonly sctList?: Uint8Array;
  /** Critical extensions that nothing here reads: whoever relies on the certificate must refuse it. */
  readonly unknownCritical: readonly string[];
}

/** One extension; `value` is the content of its OCTET STRING. */
export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** One subject alternative name. `oid` only for other names, whose value is the text of a UTF8String. */
export interface GeneralName {
  readonly type: "uri" | "email" | "dns" | "ip" | "directory" | "other-name" | "other";
  readonly oid?: string;
  readonly value: string;
}

/** RFC 5280 §4.2.1.3, in the order of the bits. */
export type KeyUsage = (typeof keyUsages)[number];
const keyUsages = ["digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement", "keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"] as const;

/** The largest certificate that is read, in bytes. */
export const maxCertificateBytes: number = 64 * 1024;
/** The most extensions a certificate may have. */
export const maxExtensions: number = 64;
/** The most subject alternative names a certificate may have. */
export const maxAltNames: number = 256;

const oids = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
  sctList: "1.3.6.1.4.1.11129.2.4.2",
} as const;
const read: ReadonlySet<string> = new Set([oids.subjectKeyId, oids.keyUsage, oids.subjectAltName, oids.basicConstraints, oids.authorityKeyId, oids.extendedKeyUsage, oids.sctList]);

/**
 * Parses a version 3 certificate in strict DER. Checks form alone: no signature, no time, no chain.
 * Throws CORE_CERTIFICATE_MALFORMED.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificateBytes) throw malformed("certificate", `at most ${maxCertificateBytes} bytes`, String(der.length));
  try {
    return readCertificate(parseDer(der));
  } catch (error) {
    if (error instanceof TrustError && error.code === "CORE_DER_MALFORMED") throw coreError("CORE_CERTIFICATE_MALFORMED", { got: error.message }, error);
    throw error;
  }
}

/**
 * The TBSCertificate of the precertificate that an SCT was made for (RFC 6962 §3.2): the same without the SCT list.
 * Every other byte is kept as it is.
 */
export function formatPrecertTbs(certificate: Certificate): Uint8Array {
  const parts = parseDer(certificate.tbs).children;
  const last = parts.at(-1) as DerNode;
  const extensions = (last.children[0] as DerNode).children.filter((each) => readOid(each.children[0] as DerNode) !== oids.sctList);
  const kept = extensions.length === 0 ? [] : [derExplicit(3, derSequence(...extensions.map((each) => each.raw)))];
  return derSequence(...parts.slice(0, -1).map((part) => part.raw), ...kept);
}

function malformed(checked: string, expected: string, got: string): TrustError {
  return coreError("CORE_CERTIFICATE_MALFORMED", { checked, expected, got });
}

function readCertificate(node: DerNode): Certificate {
  const [tbs, algorithm, signature] = sequence(node, "certificate", 3, 3);
  const parts = sequence(tbs as DerNode, "TBSCertificate", 7, 10);
  checkVersion(parts[0] as DerNode);
  const [, serial, inner, issuer, validity, subject, spki, ...rest] = parts as [DerNode, DerNode, DerNode, DerNode, DerNode, DerNode, DerNode, ...DerNode[]];
  if (!equalBytes(inner.raw, (algorithm as DerNode).raw)) throw malformed("signature algorithm", "the same inside and outside", "two");
  const [notBefore, notAfter] = sequence(validity, "validity", 2, 2);
  const extensions = readExtensions(rest);
  return {
    raw: node.raw,
    tbs: (tbs as DerNode).raw,
    serial: readSerial(serial),
    issuer: readName(issuer),
    subject: readName(subject),
    notBeforeMs: readTime(notBefore as DerNode),
    notAfterMs: readTime(notAfter as DerNode),
    spki: readSpki(spki),
    signatureAlgorithm: readAlgorithm(algorithm as DerNode),
    signature: readBitString(signature as DerNode),
    extensions,
    ...readKnown(extensions),
  };
}

function checkVersion(node: DerNode): void {
  if (node.tagClass !== "context" || node.tag !== 0 || node.children.length !== 1) throw malformed("version", "3", "1");
  const version = readInteger(node.children[0] as DerNode);
  if (version !== 2n) throw malformed("version", "3", String(version + 1n));
}

// RFC 5280 §4.1.2.2: positive, at most 20 octets.
function readSerial(node: DerNode): string {
  const serial = readInteger(node);
  if (serial < 0n || node.content.length > 20) throw malformed("serial number", "a positive number of at most 20 bytes", `${node.content.length} bytes`);
  return hex(node.content);
}

function readName(node: DerNode): Uint8Array {
  sequence(node, "name", 0, 64);
  return node.raw;
}

function readSpki(node: DerNode): Uint8Array {
  sequence(node, "public key", 2, 2);
  return node.raw;
}

function readAlgorithm(node: DerNode): Certificate["signatureAlgorithm"] {
  const [oid, params] = sequence(node, "signature algorithm", 1, 2);
  return { oid: readOid(oid as DerNode), ...(params === undefined ? {} : { params: params.raw }) };
}

// Unique identifiers [1] and [2] are for version 2; the last part is the extensions [3].
function readExtensions(rest: readonly DerNode[]): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  if (rest.length === 0) return extensions;
  const [only] = rest;
  if (rest.length !== 1 || only?.tagClass !== "context" || only.tag !== 3 || only.children.length !== 1) throw malformed("TBSCertificate", "extensions [3] and nothing else", "another part");
  for (const each of sequence(only.children[0] as DerNode, "extensions", 1, maxExtensions)) {
    const [oid, extension] = readExtension(each);
    if (extensions.has(oid)) throw malformed("extension", "once", oid);
    extensions.set(oid, extension);
  }
  return extensions;
}

function readExtension(node: DerNode): [oid: string, extension: Extension] {
  const parts = sequence(node, "extension", 2, 3);
  const oid = readOid(parts[0] as DerNode);
  // DER leaves a default value out (X.690 §11.5): a FALSE that is written is not canonical.
  if (parts.length === 3 && !readBoolean(parts[1] as DerNode)) throw malformed(`extension ${oid}`, "no explicit FALSE", "one");
  return [oid, { critical: parts.length === 3, value: readOctets(parts.at(-1) as DerNode) }];
}

type Known = Omit<Certificate, "raw" | "tbs" | "serial" | "issuer" | "subject" | "notBeforeMs" | "notAfterMs" | "spki" | "signatureAlgorithm" | "signature" | "extensions">;

function readKnown(extensions: ReadonlyMap<string, Extension>): Known {
  const valueOf = (oid: string): DerNode | undefined => {
    const extension = extensions.get(oid);
    return extension === undefined ? undefined : parseDer(extension.value);
  };
  const basicConstraints = readBasicConstraints(valueOf(oids.basicConstraints));
  const keyUsage = readKeyUsage(valueOf(oids.keyUsage));
  const extendedKeyUsage = readExtendedKeyUsage(valueOf(oids.extendedKeyUsage), extensions.get(oids.extendedKeyUsage)?.critical === true);
  const authorityKeyId = readAuthorityKeyId(valueOf(oids.authorityKeyId));
  const subjectKeyId = valueOf(oids.subjectKeyId);
  const scts = valueOf(oids.sctList);
  return {
    subjectAltNames: readAltNames(valueOf(oids.subjectAltName)),
    unknownCritical: [...extensions].filter(([oid, { critical }]) => critical && !read.has(oid)).map(([oid]) => oid),
    ...(basicConstraints && { basicConstraints }),
    ...(keyUsage && { keyUsage }),
    ...(extendedKeyUsage && { extendedKeyUsage }),
    ...(authorityKeyId && { authorityKeyId }),
    ...(subjectKeyId && { subjectKeyId: readOctets(subjectKeyId) }),
    ...(scts && { sctList: readOctets(scts) }),
  };
}

function readBasicConstraints(node: DerNode | undefined): Certificate["basicConstraints"] {
  if (node === undefined) return undefined;
  const parts = sequence(node, "basic constraints", 0, 2);
  const isFlagged = parts[0]?.tag === 1;
  if (isFlagged && !readBoolean(parts[0] as DerNode)) throw malformed("basic constraints", "no explicit FALSE", "one");
  const length = parts[isFlagged ? 1 : 0];
  if (length === undefined) return { ca: isFlagged };
  const pathLength = readInteger(length);
  if (!isFlagged || pathLength < 0n || pathLength > 255n || parts.length !== 2) throw malformed("path length", "0 to 255 on a CA", String(pathLength));
  return { ca: true, pathLength: Number(pathLength) };
}

function readKeyUsage(node: DerNode | undefined): ReadonlySet<KeyUsage> | undefined {
  if (node === undefined) return undefined;
  const bits = readNamedBits(node);
  if (bits.length === 0 || bits.some((bit) => bit >= keyUsages.length)) throw malformed("key usage", "some of nine bits", String(bits));
  return new Set(bits.map((bit) => keyUsages[bit] as KeyUsage));
}

function readExtendedKeyUsage(node: DerNode | undefined, critical: boolean): Certificate["extendedKeyUsage"] {
  return node === undefined ? undefined : { critical, oids: sequence(node, "extended key usage", 1, 64).map(readOid) };
}

function readAuthorityKeyId(node: DerNode | undefined): Uint8Array | undefined {
  const first = node === undefined ? undefined : sequence(node, "authority key id", 0, 3)[0];
  return first?.tagClass === "context" && first.tag === 0 ? first.content : undefined;
}

function readAltNames(node: DerNode | undefined): readonly GeneralName[] {
  return node === undefined ? [] : sequence(node, "subject alternative names", 1, maxAltNames).map(readGeneralName);
}

// GeneralName is a CHOICE by context tag (RFC 5280 §4.2.1.6).
function readGeneralName(node: DerNode): GeneralName {
  if (node.tagClass !== "context") throw malformed("general name", "a context tag", `tag ${node.tag}`);
  if (node.tag === 0) return readOtherName(node);
  if (node.tag === 1) return { type: "email", value: readIa5(node.content) };
  if (node.tag === 2) return { type: "dns", value: readIa5(node.content) };
  if (node.tag === 4) return { type: "directory", value: hex(node.content) };
  if (node.tag === 6) return { type: "uri", value: readIa5(node.content) };
  return { type: node.tag === 7 ? "ip" : "other", value: hex(node.content) };
}

function readOtherName(node: DerNode): GeneralName {
  const [id, wrapped] = node.children;
  const inner = wrapped?.children[0];
  if (id === undefined || inner === undefined || node.children.length !== 2 || wrapped?.tagClass !== "context" || wrapped.tag !== 0) throw malformed("other name", "type and value", "another form");
  const isText = inner.tagClass === "universal" && inner.tag === 12;
  return { type: isText ? "other-name" : "other", oid: readOid(id), value: isText ? readUtf8String(inner) : hex(inner.raw) };
}

function sequence(node: DerNode, what: string, min: number, max: number): readonly DerNode[] {
  if (node.tagClass !== "universal" || node.tag !== 16) throw malformed(what, "a SEQUENCE", `${node.tagClass} tag ${node.tag}`);
  const { length } = node.children;
  if (length < min || length > max) throw malformed(what, `${min} to ${max} parts`, String(length));
  return node.children;
}
