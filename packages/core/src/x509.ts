import { equalBytes, hex } from "./bytes.ts";
import { parseDer } from "./der.ts";
import { readBitString, readBoolean, readInteger, readOctets, readOid, readTime } from "./der-value.ts";
import { derHead, derSequence } from "./der-writer.ts";
import { coreError, TrustError } from "./errors.ts";
import { readKnownExtensions, sctListOid } from "./x509-extension.ts";
import { child, isContext, malformed, sequence } from "./x509-shape.ts";
import type { AlgorithmIdentifier } from "./algorithm.ts";
import type { DerNode } from "./der.ts";
import type { Extension, KnownExtensions } from "./x509-extension.ts";

/** What an X.509 version 3 certificate says (RFC 5280 §4.1), unverified. Byte fields are views of `raw`. */
export interface Certificate extends KnownExtensions {
  /** The whole certificate, DER. */
  readonly raw: Uint8Array;
  /** The TBSCertificate, DER: what the issuer signed. */
  readonly tbs: Uint8Array;
  /** Content of the INTEGER in hex: positive, at most 20 bytes, with a zero byte in front where DER needs one. */
  readonly serial: string;
  /** DER of the Name, never empty. Compare byte by byte. */
  readonly issuer: Uint8Array;
  /** DER of the Name; an empty one has a critical subject alternative name beside it. */
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** DER of the SubjectPublicKeyInfo; the key in it is not looked at. */
  readonly spki: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
  /** All extensions by dotted OID, in their order. */
  readonly extensions: ReadonlyMap<string, Extension>;
}

/** The largest certificate that is read, in bytes. */
export const maxCertificateBytes: number = 64 * 1024;
/** The most extensions a certificate may have. */
export const maxExtensions: number = 64;
/** The longest serial number, in bytes (RFC 5280 §4.1.2.2). */
export const maxSerialBytes: number = 20;
/** The most relative names in a Name, and the most attributes in one of them. */
export const maxNameParts: number = 64;

/**
 * Parses a version 3 certificate in strict DER, and every extension that `KnownExtensions` lists. Proves form alone:
 * RFC 5280's rules for one certificate that its bytes can break (serial, names, times, extensions once and critical or
 * not as they must be). Checks no signature, no key, no clock and no chain, and does not refuse `unknownCritical`.
 * Versions 1 and 2 and unique identifiers are refused. Throws CORE_CERTIFICATE_MALFORMED.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > maxCertificateBytes)
    throw malformed("certificate", `at most ${maxCertificateBytes} bytes`, String(der.length));
  try {
    return readCertificate(parseDer(der));
  } catch (error) {
    if (error instanceof TrustError && error.code === "CORE_DER_MALFORMED")
      throw coreError("CORE_CERTIFICATE_MALFORMED", error.message, error);
    throw error;
  }
}

/**
 * The TBSCertificate of the precertificate that an SCT was made for (RFC 6962 §3.2): the same without the SCT list,
 * every other byte as it was. Without any extension left the extensions' own wrapper goes too.
 */
export function formatPrecertTbs({ tbs, spki, extensions }: Certificate): Uint8Array {
  const list = extensions.get(sctListOid);
  if (list === undefined) return tbs;
  // Nothing stands between the key and the extensions, which are the last field; each ends where its value does.
  const fieldsEnd = endOf(spki) - tbs.byteOffset;
  const all = contentOf(contentOf(tbs.subarray(fieldsEnd)));
  let from = 0;
  for (const each of extensions.values()) {
    if (each === list) break;
    from = endOf(each.value) - all.byteOffset;
  }
  const [before, after] = [all.subarray(0, from), all.subarray(endOf(list.value) - all.byteOffset)];
  const fields = tbs.subarray(tbs.length - contentOf(tbs).length, fieldsEnd);
  const kept = before.length + after.length;
  if (kept === 0) return derSequence(fields);
  const inner = derHead(0x30, kept);
  return derSequence(fields, derHead(0xa3, inner.length + kept), inner, before, after);
}

/** Where a view ends in its buffer. */
function endOf({ byteOffset, length }: Uint8Array): number {
  return byteOffset + length;
}

/** What is in an element whose tag has one byte. */
function contentOf(element: Uint8Array): Uint8Array {
  const length = element[1] as number;
  return element.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f));
}

function readCertificate(node: DerNode): Certificate {
  const parts = sequence(node, "certificate", [3, 3]);
  const [tbs, algorithm] = [child(parts, 0), child(parts, 1)];
  checkVersion(tbs.children[0]);
  const fields = sequence(tbs, "TBSCertificate", [7, 8]);
  checkAlgorithms(child(fields, 2), algorithm);
  const [notBeforeMs, notAfterMs] = readValidity(child(fields, 4));
  const extensions = readExtensions(fields[7]);
  const certificate = {
    raw: node.raw,
    tbs: tbs.raw,
    serial: readSerial(child(fields, 1)),
    issuer: readName(child(fields, 3), "issuer", 1),
    subject: readName(child(fields, 5), "subject", 0),
    notBeforeMs,
    notAfterMs,
    spki: readSpki(child(fields, 6)),
    signatureAlgorithm: readAlgorithm(algorithm, "signature algorithm"),
    signature: readBitString(child(parts, 2)),
    extensions,
  };
  checkNamed(certificate.subject, extensions);
  return Object.assign(certificate, readKnownExtensions(extensions));
}

function checkVersion(node: DerNode | undefined): void {
  if (node === undefined || !isContext(node, 0) || node.children.length !== 1) throw malformed("version", "3", "1");
  const version = readInteger(child(node.children, 0));
  if (version !== 2n) throw malformed("version", "3", String(version + 1n));
}

/** RFC 5280 §4.1.1.2: an attacker who may choose one of the two must not get a choice. */
function checkAlgorithms(inner: DerNode, outer: DerNode): void {
  if (!equalBytes(inner.raw, outer.raw)) throw malformed("signature algorithm", "the same inside and outside", "two");
}

/** RFC 5280 §4.1.2.6: who has no name in the subject has one in a critical extension. */
function checkNamed(subject: Uint8Array, extensions: ReadonlyMap<string, Extension>): void {
  if (subject.length > 2 || extensions.get("2.5.29.17")?.critical === true) return;
  throw malformed("subject", "a name, or a critical subject alternative name", "neither");
}

function readSerial(node: DerNode): string {
  const serial = readInteger(node);
  if (serial <= 0n || node.content.length > maxSerialBytes)
    throw malformed("serial number", `positive and at most ${maxSerialBytes} bytes`, hex(node.content.subarray(0, 32)));
  return hex(node.content);
}

function readValidity(node: DerNode): [notBeforeMs: number, notAfterMs: number] {
  const parts = sequence(node, "validity", [2, 2]);
  return [readInstant(child(parts, 0)), readInstant(child(parts, 1))];
}

const firstLongYearMs = Date.UTC(2050, 0);

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from then on and without a fraction. */
function readInstant(node: DerNode): number {
  const timeMs = readTime(node);
  const isLong = node.tag === 24;
  if (isLong !== timeMs >= firstLongYearMs || (isLong && node.content.length !== 15))
    throw malformed("validity", "UTCTime through 2049, GeneralizedTime to the second from then on", "the other");
  return timeMs;
}

/** Name ::= SEQUENCE OF SET OF SEQUENCE { type OID, value ANY }. The values are not looked at. */
function readName(node: DerNode, what: string, minParts: number): Uint8Array {
  for (const relative of sequence(node, what, [minParts, maxNameParts])) {
    const attributes = relative.children;
    if (
      relative.tagClass !== "universal" ||
      relative.tag !== 17 ||
      attributes.length === 0 ||
      attributes.length > maxNameParts
    )
      throw malformed(what, `SETs of 1 to ${maxNameParts} attributes`, "another part");
    for (const attribute of attributes) readOid(child(sequence(attribute, what, [2, 2]), 0));
  }
  return node.raw;
}

function readSpki(node: DerNode): Uint8Array {
  const parts = sequence(node, "public key", [2, 2]);
  readAlgorithm(child(parts, 0), "public key");
  readBitString(child(parts, 1));
  return node.raw;
}

function readAlgorithm(node: DerNode, what: string): AlgorithmIdentifier {
  const [oid, params] = sequence(node, what, [1, 2]) as [DerNode, DerNode?];
  return params === undefined ? { oid: readOid(oid) } : { oid: readOid(oid), params: params.raw };
}

function readExtensions(node: DerNode | undefined): ReadonlyMap<string, Extension> {
  const extensions = new Map<string, Extension>();
  if (node === undefined) return extensions;
  if (!isContext(node, 3) || node.children.length !== 1)
    throw malformed("TBSCertificate", "extensions [3] and nothing else after the key", "another part");
  for (const each of sequence(child(node.children, 0), "extensions", [1, maxExtensions])) {
    const [oid, extension] = readExtension(each);
    if (extensions.has(oid)) throw malformed("extension", "once", oid);
    extensions.set(oid, extension);
  }
  return extensions;
}

function readExtension(node: DerNode): [oid: string, extension: Extension] {
  const parts = sequence(node, "extension", [2, 3]);
  const oid = readOid(child(parts, 0));
  const critical = parts.length === 3;
  // DER leaves a default value out (X.690 §11.5): a FALSE that is written is not canonical.
  if (critical && !readBoolean(child(parts, 1))) throw malformed(`extension ${oid}`, "no explicit FALSE", "one");
  return [oid, { critical, value: readOctets(child(parts, parts.length - 1)) }];
}
