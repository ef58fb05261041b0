import { parseDer } from "./der.ts";
import { readBoolean, readInteger, readNamedBits, readOctets, readOid } from "./der-value.ts";
import { readGeneralName } from "./general-name.ts";
import { isContext, malformed, sequence } from "./x509-shape.ts";
import type { DerNode } from "./der.ts";
import type { GeneralName } from "./general-name.ts";

/** One extension; `value` is the content of its OCTET STRING. */
export interface Extension {
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** The extensions that are read here (RFC 5280 §4.2.1, RFC 6962 §3.3). Absent where the certificate has none. */
export interface KnownExtensions {
  /** In their order; empty if there is no such extension. */
  readonly subjectAltNames: readonly GeneralName[];
  readonly keyUsage?: ReadonlySet<KeyUsage>;
  readonly extendedKeyUsage?: { readonly critical: boolean; readonly oids: readonly string[] };
  readonly basicConstraints?: { readonly ca: boolean; readonly pathLength?: number };
  /** The keyIdentifier of the AuthorityKeyIdentifier. */
  readonly authorityKeyId?: Uint8Array;
  readonly subjectKeyId?: Uint8Array;
  /** The SignedCertificateTimestampList (RFC 6962 §3.3), without its OCTET STRING; not parsed. */
  readonly sctList?: Uint8Array;
  /** Dotted OIDs of critical extensions that are not read here: whoever relies on the certificate must refuse it. */
  readonly unknownCritical: readonly string[];
}

/** RFC 5280 §4.2.1.3, in the order of the bits. */
export type KeyUsage = (typeof keyUsages)[number];
const keyUsages = [
  "digitalSignature",
  "nonRepudiation",
  "keyEncipherment",
  "dataEncipherment",
  "keyAgreement",
  "keyCertSign",
  "cRLSign",
  "encipherOnly",
  "decipherOnly",
] as const;

/** The most subject alternative names a certificate may have. */
export const maxAltNames: number = 256;
/** The most purposes in an extended key usage. */
export const maxPurposes: number = 64;
/** The longest path length that is read. */
export const maxPathLength: number = 255;

/** The SCT list of RFC 6962 §3.3. */
export const sctListOid = "1.3.6.1.4.1.11129.2.4.2";

type Found = { -readonly [Name in keyof KnownExtensions]: KnownExtensions[Name] };
type ReadExtension = (into: Found, node: DerNode, critical: boolean) => void;

const readers: ReadonlyMap<string, ReadExtension> = new Map<string, ReadExtension>([
  ["2.5.29.14", readSubjectKeyId],
  ["2.5.29.15", readKeyUsage],
  ["2.5.29.17", readAltNames],
  ["2.5.29.19", readBasicConstraints],
  ["2.5.29.35", readAuthorityKeyId],
  ["2.5.29.37", readExtendedKeyUsage],
  [sctListOid, readSctList],
]);

/** Reads the extensions that are known here and lists the critical ones that are not. */
export function readKnownExtensions(extensions: ReadonlyMap<string, Extension>): KnownExtensions {
  const unknownCritical: string[] = [];
  const found: Found = { subjectAltNames: [], unknownCritical };
  for (const [oid, { critical, value }] of extensions) {
    const read = readers.get(oid);
    if (read !== undefined) read(found, parseDer(value), critical);
    else if (critical) unknownCritical.push(oid);
  }
  return found;
}

function readSubjectKeyId(into: Found, node: DerNode, critical: boolean): void {
  if (critical) throw malformed("subject key identifier", "not critical", "critical");
  into.subjectKeyId = readOctets(node);
}

function readKeyUsage(into: Found, node: DerNode): void {
  const bits = readNamedBits(node);
  if (bits.length === 0 || bits.some((bit) => bit >= keyUsages.length))
    throw malformed("key usage", "at least one of nine bits", String(bits));
  into.keyUsage = new Set(bits.map((bit) => keyUsages[bit] as KeyUsage));
}

function readAltNames(into: Found, node: DerNode): void {
  into.subjectAltNames = sequence(node, "subject alternative names", [1, maxAltNames]).map(readGeneralName);
}

function readExtendedKeyUsage(into: Found, node: DerNode, critical: boolean): void {
  const oids = sequence(node, "extended key usage", [1, maxPurposes]).map(readOid);
  into.extendedKeyUsage = { critical, oids };
}

function readBasicConstraints(into: Found, node: DerNode): void {
  const [ca, length] = sequence(node, "basic constraints", [0, 2]);
  if (ca === undefined) {
    into.basicConstraints = { ca: false };
    return;
  }
  // DER leaves a default value out, and a path length without a CA has no meaning (RFC 5280 §4.2.1.9).
  if (!readBoolean(ca)) throw malformed("basic constraints", "no explicit FALSE", "one");
  into.basicConstraints = length === undefined ? { ca: true } : { ca: true, pathLength: readPathLength(length) };
}

function readPathLength(node: DerNode): number {
  const length = readInteger(node);
  if (length < 0n || length > maxPathLength) throw malformed("path length", `0 to ${maxPathLength}`, "another");
  return Number(length);
}

/** AuthorityKeyIdentifier ::= SEQUENCE { [0] key, [1] issuer, [2] serial }, all optional, the last two together. */
function readAuthorityKeyId(into: Found, node: DerNode, critical: boolean): void {
  if (critical) throw malformed("authority key identifier", "not critical", "critical");
  const parts = sequence(node, "authority key identifier", [0, 3]);
  const tags = parts.map((part) => (part.tagClass === "context" ? part.tag : -1)).join();
  if (tags !== "0" && tags !== "" && tags !== "0,1,2" && tags !== "1,2")
    throw malformed("authority key identifier", "key, issuer and serial in order", "other parts");
  const [first] = parts;
  if (first === undefined || !isContext(first, 0)) return;
  if (first.constructed) throw malformed("authority key identifier", "a primitive key identifier", "another");
  into.authorityKeyId = first.content;
}

function readSctList(into: Found, node: DerNode): void {
  into.sctList = readOctets(node);
}
