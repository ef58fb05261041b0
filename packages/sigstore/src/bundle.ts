import {
  base64,
  digestBytes,
  digestFromBytes,
  digestName,
  equalBytes,
  formatEnvelope,
  hashBytes,
  maxEnvelopeSignatures,
  parseCertificate,
  parseEnvelope,
  parseJson,
  quote,
  readObject,
  type Certificate,
  type Detail,
  type Digest,
  type Envelope,
  type HashName,
  type Json,
  type JsonObject,
  type ObjectReader,
  type TrustError,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import { readLines } from "./lenient.ts";
import { formatLogEntry, maxLogEntries, parseLogEntry, type LogEntry } from "./transparency-entry.ts";

export { maxLogEntries, maxProofHashes, type InclusionProof, type LogEntry } from "./transparency-entry.ts";

/** The largest bundle that is read, in bytes. */
export const maxBundleBytes: number = 16 * 1024 * 1024;
/** The most RFC 3161 timestamps in a bundle. */
export const maxTimestamps: number = 32;
/** The most certificates in a bundle of version 0.1 or 0.2. */
export const maxChain: number = 10;

/** Bundle versions that are read. */
export type BundleVersion = "0.1" | "0.2" | "0.3";

/** What is said to verify the signature: the signer's certificate (first) and what came with it, or the hint of a key. */
export type Material =
  | { readonly kind: "certificate"; readonly chain: readonly Certificate[] }
  | { readonly kind: "key"; readonly hint: string };

/** What was signed: an artifact known elsewhere (the digest is an unsigned hint), or a DSSE envelope with one signature. */
export type Content =
  | { readonly kind: "message"; readonly signature: Uint8Array; readonly digest?: Digest }
  | { readonly kind: "envelope"; readonly envelope: Envelope };

/** A Sigstore bundle (protobuf-specs sigstore_bundle.proto): its form is right, nothing in it is verified. */
export interface Bundle {
  readonly mediaType: string;
  readonly version: BundleVersion;
  readonly material: Material;
  readonly content: Content;
  readonly entries: readonly LogEntry[];
  /** RFC 3161 TimeStampResp, DER, unparsed. */
  readonly timestamps: readonly Uint8Array[];
  /** What the timestamps may be over instead of the signature; only cosign's older attestations, see `Detached`. */
  readonly timestamped?: Uint8Array;
}

const versions: ReadonlyMap<string, BundleVersion> = new Map([
  ["application/vnd.dev.sigstore.bundle+json;version=0.1", "0.1"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.2", "0.2"],
  ["application/vnd.dev.sigstore.bundle+json;version=0.3", "0.3"],
  ["application/vnd.dev.sigstore.bundle.v0.3+json", "0.3"],
]);
/** The media type that new bundles get. */
export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";

/**
 * Parses a bundle of version 0.1, 0.2 or 0.3 (client-spec §5) and proves its form: members known and of their type,
 * strict base64, caps held, one certificate in 0.3, no root in a chain, a promise in every 0.1 entry, a proof with
 * checkpoint in every later one, one DSSE signature, key hint and key id alike. Verifies no signature and no proof.
 * Throws SIGSTORE_BUNDLE_*, and core's errors of JSON, envelope and certificate.
 */
export function parseBundle(bytes: Uint8Array): Bundle {
  if (isDetached(bytes)) throw sigstoreError("SIGSTORE_BUNDLE_OLDER");
  const reader = readObject(parseJson(bytes, { maxBytes: maxBundleBytes, maxDepth: 32 }), "bundle", malformed);
  if (!reader.has("mediaType") && reader.has("base64Signature")) throw sigstoreError("SIGSTORE_BUNDLE_OLDER");
  const mediaType = reader.string("mediaType");
  const version = versions.get(mediaType);
  if (version === undefined)
    throw sigstoreError("SIGSTORE_BUNDLE_VERSION", { checked: "mediaType", got: quote(mediaType) });
  const verification = reader.object("verificationMaterial");
  const material = readMaterial(verification, version);
  const entries = (verification.optionalArray("tlogEntries", maxLogEntries) ?? []).map((entry) =>
    parseLogEntry(entry, version, malformed),
  );
  const timestamps = readTimestamps(verification.optionalObject("timestampVerificationData"));
  verification.refuseUnknown();
  const content = readContent(reader);
  reader.refuseUnknown();
  checkHint(material, content);
  return { mediaType, version, material, content, entries, timestamps };
}

/** Whether it is what a `.sig` or `.pem` file holds: base64 alone, or PEM. */
function isDetached(bytes: Uint8Array): boolean {
  return (
    bytes[0] !== 0x7b &&
    /^(?:-----BEGIN |[0-9A-Za-z+/]{40,}={0,2}\s*$)/.test(String.fromCharCode(...bytes.subarray(0, 9999)))
  );
}

/** The bundle as JSON text (protobuf JSON), for a file. `parseBundle` gives back an equal value, but for `timestamped`. */
export function formatBundle(bundle: Bundle): string {
  const verification: Record<string, Json> = formatMaterial(bundle);
  if (bundle.entries.length > 0) verification["tlogEntries"] = bundle.entries.map(formatLogEntry);
  if (bundle.timestamps.length > 0) {
    const rfc3161Timestamps = bundle.timestamps.map((each) => ({ signedTimestamp: base64(each) }));
    verification["timestampVerificationData"] = { rfc3161Timestamps };
  }
  return JSON.stringify({
    mediaType: bundle.mediaType,
    verificationMaterial: verification,
    ...formatContent(bundle.content),
  });
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_BUNDLE_MALFORMED", detail);
}

function readMaterial(reader: ObjectReader, version: BundleVersion): Material {
  const key = reader.optionalObject("publicKey");
  const single = reader.optionalObject("certificate");
  const chain = reader.optionalObject("x509CertificateChain");
  const count = [key, single, chain].filter((each) => each !== undefined).length;
  if (count !== 1)
    throw malformed({
      checked: "verificationMaterial",
      expected: "one of publicKey, certificate and x509CertificateChain",
      got: `${count}`,
    });
  if (key !== undefined) return readKey(key);
  if (single !== undefined) return readSingle(single, version);
  return readChain(chain as ObjectReader, version);
}

function readKey(reader: ObjectReader): Material {
  const hint = reader.optionalString("hint") ?? "";
  reader.refuseUnknown();
  return { kind: "key", hint };
}

function readSingle(reader: ObjectReader, version: BundleVersion): Material {
  if (version !== "0.3")
    throw sigstoreError("SIGSTORE_BUNDLE_CHAIN", { expected: "a chain", got: `one certificate in version ${version}` });
  return { kind: "certificate", chain: [readCertificate(reader)] };
}

function readChain(reader: ObjectReader, version: BundleVersion): Material {
  if (version === "0.3")
    throw sigstoreError("SIGSTORE_BUNDLE_CHAIN", { expected: "one certificate", got: "a chain in version 0.3" });
  const chain = (reader.optionalArray("certificates", maxChain) ?? []).map((each, index) =>
    readCertificate(readObject(each, `certificates[${index}]`, malformed)),
  );
  reader.refuseUnknown();
  if (chain.length === 0)
    throw sigstoreError("SIGSTORE_BUNDLE_CHAIN", { expected: "at least one certificate", got: "none" });
  // Signers must leave the root out (sigstore_bundle.proto); to read past one would let a bundle bring its own anchor.
  const root = chain.findIndex((each, index) => index > 0 && equalBytes(each.issuer, each.subject));
  if (root !== -1)
    throw sigstoreError("SIGSTORE_BUNDLE_CHAIN", { checked: `certificates[${root}]`, got: "a root certificate" });
  return { kind: "certificate", chain };
}

function readCertificate(reader: ObjectReader): Certificate {
  const certificate = parseCertificate(reader.bytes("rawBytes"));
  reader.refuseUnknown();
  return certificate;
}

function readTimestamps(reader: ObjectReader | undefined): Uint8Array[] {
  if (reader === undefined) return [];
  const timestamps = (reader.optionalArray("rfc3161Timestamps", maxTimestamps) ?? []).map((each, index) => {
    const at = `rfc3161Timestamps[${index}]`;
    const timestamp = readObject(each, at, malformed);
    const bytes = readLines(timestamp, "signedTimestamp", { at, error: malformed });
    timestamp.refuseUnknown();
    return bytes;
  });
  reader.refuseUnknown();
  return timestamps;
}

function readContent(reader: ObjectReader): Content {
  const message = reader.optionalObject("messageSignature");
  const envelope = reader.optionalJson("dsseEnvelope");
  if ((message === undefined) === (envelope === undefined)) {
    throw malformed({ checked: "content", expected: "one of messageSignature and dsseEnvelope" });
  }
  return message === undefined ? readEnvelope(envelope as Json) : readMessage(message);
}

function readEnvelope(value: Json): Content {
  checkEnvelopeMembers(value);
  const envelope = parseEnvelope(value);
  if (envelope.signatures.length !== 1) {
    throw sigstoreError("SIGSTORE_BUNDLE_SIGNATURES", { got: `${envelope.signatures.length}` });
  }
  return { kind: "envelope", envelope };
}

/** An envelope elsewhere may carry members of others; inside a bundle it is a protobuf message, whose members are known. */
function checkEnvelopeMembers(value: Json): void {
  const reader = readObject(value, "dsseEnvelope", malformed);
  for (const name of ["payload", "payloadType"]) reader.optionalJson(name);
  for (const each of reader.optionalArray("signatures", maxEnvelopeSignatures) ?? []) {
    const signature = readObject(each, "dsseEnvelope.signatures[]", malformed);
    for (const name of ["sig", "keyid"]) signature.optionalJson(name);
    signature.refuseUnknown();
  }
  reader.refuseUnknown();
}

const hashes: ReadonlyMap<string, HashName> = new Map([
  ["SHA2_256", "sha256"],
  ["SHA2_384", "sha384"],
  ["SHA2_512", "sha512"],
]);
const hashLabels: Readonly<Record<HashName, string>> = { sha256: "SHA2_256", sha384: "SHA2_384", sha512: "SHA2_512" };

function readMessage(reader: ObjectReader): Content {
  const digest = readDigest(reader.optionalObject("messageDigest"));
  const signature = reader.bytes("signature");
  if (signature.length === 0) throw malformed({ checked: "messageSignature.signature", got: "nothing" });
  reader.refuseUnknown();
  return { kind: "message", signature, ...(digest === undefined ? {} : { digest }) };
}

function readDigest(reader: ObjectReader | undefined): Digest | undefined {
  if (reader === undefined) return undefined;
  const label = reader.string("algorithm");
  const name = hashes.get(label);
  if (name === undefined)
    throw malformed({ checked: "messageDigest.algorithm", expected: [...hashes.keys()].join(", "), got: quote(label) });
  const value = reader.bytes("digest");
  reader.refuseUnknown();
  if (value.length !== hashBytes[name]) {
    throw malformed({ checked: "messageDigest.digest", expected: `${hashBytes[name]} bytes`, got: `${value.length}` });
  }
  return digestFromBytes(name, value);
}

function checkHint(material: Material, content: Content): void {
  if (material.kind !== "key" || content.kind !== "envelope") return;
  const keyid = content.envelope.signatures[0]?.keyid ?? "";
  if (material.hint === "" || keyid === "" || material.hint === keyid) return;
  throw sigstoreError("SIGSTORE_BUNDLE_HINT", { expected: quote(material.hint), got: quote(keyid) });
}

function formatMaterial({ material, version }: Bundle): Record<string, Json> {
  if (material.kind === "key") return { publicKey: { hint: material.hint } };
  const certificates = material.chain.map((each) => ({ rawBytes: base64(each.raw) }));
  return version === "0.3"
    ? { certificate: certificates[0] as JsonObject }
    : { x509CertificateChain: { certificates } };
}

function formatContent(content: Content): JsonObject {
  if (content.kind === "envelope") return { dsseEnvelope: formatEnvelope(content.envelope) };
  const { digest } = content;
  const messageDigest = digest === undefined ? {} : { messageDigest: formatDigest(digest) };
  return { messageSignature: { ...messageDigest, signature: base64(content.signature) } };
}

function formatDigest(digest: Digest): JsonObject {
  return { algorithm: hashLabels[digestName(digest)], digest: base64(digestBytes(digest)) };
}
