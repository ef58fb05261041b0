import {
  parseDer,
  readInteger,
  readOctets,
  readOid,
  readTime,
  TrustError,
  type DerNode,
  type HashName,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/** The longest timestamp response that is read, in bytes. */
export const maxTimestampBytes: number = 64 * 1024;

/** An RFC 3161 TimeStampResp, unverified: what it says and the bytes that were signed. */
export interface TimestampToken {
  /** The signer as the token names it: issuer (DER Name) and serial (hex), or subject key id. */
  readonly signer: { readonly issuer: Uint8Array; readonly serial: bigint } | { readonly keyId: Uint8Array };
  /** DER of the TSTInfo, whose hash the signed attributes carry. */
  readonly info: Uint8Array;
  readonly imprint: { readonly hash: HashName; readonly value: Uint8Array };
  readonly timeMs: number;
  /** DER of the signed attributes, tagged as the SET that was signed (RFC 5652 §5.4). */
  readonly signedAttributes: Uint8Array;
  readonly messageDigest: Uint8Array;
  readonly digestHash: HashName;
  /** ESSCertIDv2 with SHA-2, if there is one (RFC 5035): the hash of the signer's certificate. */
  readonly certificateHash?: { readonly hash: HashName; readonly value: Uint8Array };
  readonly signatureAlgorithm: { readonly oid: string; readonly params?: Uint8Array };
  readonly signature: Uint8Array;
}

const signedData = "1.2.840.113549.1.7.2";
const tstInfo = "1.2.840.113549.1.9.16.1.4";
const contentType = "1.2.840.113549.1.9.3";
const messageDigest = "1.2.840.113549.1.9.4";
const signingCertificateV2 = "1.2.840.113549.1.9.16.2.47";
const hashes: ReadonlyMap<string, HashName> = new Map([
  ["2.16.840.1.101.3.4.2.1", "sha256"],
  ["2.16.840.1.101.3.4.2.2", "sha384"],
  ["2.16.840.1.101.3.4.2.3", "sha512"],
]);

/**
 * Parses a TimeStampResp (RFC 3161 §2.4.2) with status granted, one signer and SHA-2 only.
 * Checks form and the agreement of the content types; proves nothing about who signed.
 */
export function parseTimestamp(bytes: Uint8Array): TimestampToken {
  if (bytes.length > maxTimestampBytes)
    throw malformed("length", `at most ${maxTimestampBytes} bytes`, String(bytes.length));
  try {
    return readResponse(parseDer(bytes));
  } catch (error) {
    if (error instanceof TrustError && error.code.startsWith("SIGSTORE_")) throw error;
    if (error instanceof TrustError) throw sigstoreError("SIGSTORE_TIMESTAMP_MALFORMED", { got: error.message }, error);
    throw error;
  }
}

function malformed(checked: string, expected: string, got: string): TrustError {
  return sigstoreError("SIGSTORE_TIMESTAMP_MALFORMED", { checked, expected, got });
}

function readResponse(response: DerNode): TimestampToken {
  const [status, token] = sequence(response, "TimeStampResp");
  const granted = readInteger(child(sequence(status, "PKIStatusInfo"), 0, "status"));
  if (granted !== 0n && granted !== 1n) throw malformed("status", "granted", String(granted));
  const [type, content] = sequence(token, "ContentInfo");
  expectOid(type, signedData, "content type");
  return readSignedData(child(explicit(content, 0, "SignedData"), 0, "SignedData"));
}

function readSignedData(node: DerNode): TimestampToken {
  const parts = sequence(node, "SignedData");
  const [contentTypeNode, content] = sequence(child(parts, 2, "encapsulated content"), "encapsulated content");
  expectOid(contentTypeNode, tstInfo, "encapsulated content type");
  const info = readOctets(child(explicit(content, 0, "TSTInfo"), 0, "TSTInfo"));
  const signers = child(parts, parts.length - 1, "signer infos");
  if (!isUniversal(signers, 17) || signers.children.length !== 1)
    throw malformed("signer infos", "one", String(signers.children.length));
  return { info, ...readInfo(parseDer(info)), ...readSigner(signers.children[0] as DerNode) };
}

function readInfo(node: DerNode): Pick<TimestampToken, "imprint" | "timeMs"> {
  const parts = sequence(node, "TSTInfo");
  const version = readInteger(child(parts, 0, "version"));
  if (version !== 1n) throw malformed("TSTInfo version", "1", String(version));
  const [algorithm, value] = sequence(child(parts, 2, "message imprint"), "message imprint");
  const imprint = { hash: readHash(algorithm), value: readOctets(present(value, "imprint")) };
  const time = child(parts, 4, "genTime");
  if (!isUniversal(time, 24)) throw malformed("genTime", "a GeneralizedTime", `tag ${time.tag}`);
  checkInfoExtensions(parts.slice(5));
  return { imprint, timeMs: readTime(time) };
}

// No extension of a TSTInfo is known here, so a critical one cannot be judged (RFC 5280 §4.2, to which RFC 3161 refers).
function checkInfoExtensions(parts: readonly DerNode[]): void {
  const extensions = parts.find((part) => part.tagClass === "context" && part.tag === 1)?.children ?? [];
  const critical = extensions.find((each) => each.children.some((part) => isUniversal(part, 1)));
  if (critical !== undefined)
    throw malformed("TSTInfo extensions", "none that is critical", readOid(child(critical.children, 0, "extension")));
}

function readSigner(node: DerNode): Omit<TimestampToken, "info" | "imprint" | "timeMs"> {
  const parts = sequence(node, "SignerInfo");
  const attributesNode = child(parts, 3, "signed attributes");
  const attributes = readAttributes(attributesNode);
  expectOid(attribute(attributes, contentType), tstInfo, "signed content type");
  const signedAttributes = attributesNode.raw.slice();
  signedAttributes[0] = 0x31;
  const certificateHash = readCertificateHash(attributes.get(signingCertificateV2));
  return {
    signer: readSignerId(child(parts, 1, "signer")),
    digestHash: readHash(parts[2]),
    signedAttributes,
    messageDigest: readOctets(attribute(attributes, messageDigest)),
    ...(certificateHash === undefined ? {} : { certificateHash }),
    signatureAlgorithm: readAlgorithm(child(parts, 4, "signature algorithm")),
    signature: readOctets(child(parts, 5, "signature")),
  };
}

function readSignerId(node: DerNode): TimestampToken["signer"] {
  if (node.tagClass === "context" && node.tag === 0) return { keyId: node.content };
  const [issuer, serial] = sequence(node, "issuer and serial");
  return { issuer: present(issuer, "issuer").raw, serial: readInteger(present(serial, "serial")) };
}

function readAttributes(node: DerNode): Map<string, DerNode> {
  if (node.tagClass !== "context" || node.tag !== 0) throw malformed("signed attributes", "[0]", `tag ${node.tag}`);
  const attributes = new Map<string, DerNode>();
  for (const each of node.children) {
    const [type, values] = sequence(each, "attribute");
    const oid = readOid(present(type, "attribute type"));
    const set = present(values, "attribute values");
    if (attributes.has(oid) || !isUniversal(set, 17) || set.children.length !== 1)
      throw malformed("signed attribute", "one value, once", oid);
    attributes.set(oid, set.children[0] as DerNode);
  }
  return attributes;
}

function attribute(attributes: Map<string, DerNode>, oid: string): DerNode {
  const value = attributes.get(oid);
  if (value === undefined) throw malformed("signed attributes", oid, "none");
  return value;
}

// SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2 }, whose hash algorithm defaults to SHA-256.
function readCertificateHash(node: DerNode | undefined): TimestampToken["certificateHash"] {
  if (node === undefined) return undefined;
  const certificates = sequence(child(sequence(node, "signing certificate"), 0, "certificates"), "certificates");
  const parts = sequence(child(certificates, 0, "certificate id"), "certificate id");
  const first = child(parts, 0, "certificate hash");
  if (isUniversal(first, 4)) return { hash: "sha256", value: readOctets(first) };
  return { hash: readHash(first), value: readOctets(child(parts, 1, "certificate hash")) };
}

function readHash(node: DerNode | undefined): HashName {
  const oid = readOid(child(sequence(node, "hash algorithm"), 0, "hash algorithm"));
  const name = hashes.get(oid);
  if (name === undefined) throw malformed("hash algorithm", "SHA-256, SHA-384 or SHA-512", oid);
  return name;
}

function readAlgorithm(node: DerNode): TimestampToken["signatureAlgorithm"] {
  const [oid, params] = sequence(node, "algorithm");
  return { oid: readOid(present(oid, "algorithm")), ...(params === undefined ? {} : { params: params.raw }) };
}

function sequence(node: DerNode | undefined, what: string): readonly DerNode[] {
  if (node === undefined || !isUniversal(node, 16))
    throw malformed(what, "a SEQUENCE", node === undefined ? "nothing" : `tag ${node.tag}`);
  return node.children;
}

function explicit(node: DerNode | undefined, tag: number, what: string): readonly DerNode[] {
  if (node === undefined || node.tagClass !== "context" || node.tag !== tag || node.children.length !== 1)
    throw malformed(what, `[${tag}]`, "another element");
  return node.children;
}

function child(nodes: readonly DerNode[], index: number, what: string): DerNode {
  return present(nodes[index], what);
}

function present(node: DerNode | undefined, what: string): DerNode {
  if (node === undefined) throw malformed(what, "present", "nothing");
  return node;
}

function isUniversal(node: DerNode, tag: number): boolean {
  return node.tagClass === "universal" && node.tag === tag;
}

function expectOid(node: DerNode | undefined, oid: string, what: string): void {
  const got = readOid(present(node, what));
  if (got !== oid) throw malformed(what, oid, got);
}
