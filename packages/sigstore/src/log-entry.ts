import {
  algorithmOf,
  base64,
  defaultAlgorithm,
  digestBytes,
  digestName,
  digestOf,
  equalBytes,
  hex,
  pae,
  parseBase64,
  parseHex,
  parseJson,
  parsePem,
  parseUtf8,
  readObject,
  TrustError,
  type Digest,
  type HashName,
  type ObjectReader,
} from "@countersign/core";
import type { LogEntry } from "./bundle.ts";
import { sigstoreError } from "./errors.ts";
import { isKeyDetailOf } from "./key-detail.ts";

/** The largest log entry body that is read, in bytes. */
export const maxEntryBytes: number = 4 * 1024 * 1024;

/** What the entry must be about: the very signature, key and content of the bundle. */
export interface Expected {
  readonly signature: Uint8Array;
  /** Where a certificate signed: its DER. Where a key signed: its SubjectPublicKeyInfo. */
  readonly verifier: { readonly kind: "certificate" | "key"; readonly der: Uint8Array; readonly spki: Uint8Array };
  readonly content:
    | { readonly kind: "message"; readonly digests: readonly Digest[] }
    | { readonly kind: "envelope"; readonly payloadType: string; readonly payload: Uint8Array; readonly keyid: string };
}

/** Which generation of Rekor writes entries of this kind; undefined if the kind is not known. */
export function generationOf(entry: LogEntry): 1 | 2 | undefined {
  return kinds.get(`${entry.kind} ${entry.version}`)?.generation;
}

/**
 * Proves that the logged entry is about this bundle: same content, same signature, same certificate or key
 * (client-spec §4.4, rekor-v2-spec §6.1.4). Every member of the body must be known and is compared,
 * except hashes over the signer's own JSON text of an envelope, which cannot be rebuilt from a bundle.
 */
export function checkEntry(entry: LogEntry, expected: Expected): void {
  const kind = kinds.get(`${entry.kind} ${entry.version}`);
  if (kind === undefined)
    throw sigstoreError("SIGSTORE_ENTRY_KIND", { got: `${entry.kind} ${entry.version}`.slice(0, 80) });
  if (entry.body.length > maxEntryBytes) throw malformedEntry({ expected: `at most ${maxEntryBytes} bytes` });
  try {
    const body = readObject(parseJson(entry.body), "entry", malformedEntry);
    if (body.string("apiVersion") !== entry.version) throw differs("version");
    if (body.string("kind") !== entry.kind) throw differs("kind");
    kind.check(body.object("spec"), expected);
    body.refuseUnknown();
  } catch (error) {
    if (error instanceof TrustError && !error.code.startsWith("SIGSTORE_"))
      throw malformedEntry({ got: error.message });
    throw error;
  }
}

interface Kind {
  readonly generation: 1 | 2;
  check(spec: ObjectReader, expected: Expected): void;
}

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ["hashedrekord 0.0.1", { generation: 1, check: checkHashedRekordV1 }],
  ["dsse 0.0.1", { generation: 1, check: checkDsseV1 }],
  ["intoto 0.0.2", { generation: 1, check: checkIntotoV2 }],
  ["hashedrekord 0.0.2", { generation: 2, check: checkHashedRekordV2 }],
  ["dsse 0.0.2", { generation: 2, check: checkDsseV2 }],
]);

// {data:{hash:{algorithm,value}}, signature:{content, publicKey:{content: base64(PEM)}}}; for an envelope the hash is over the PAE.
function checkHashedRekordV1(spec: ObjectReader, expected: Expected): void {
  const data = spec.object("data");
  checkHexHash(data.object("hash"), expected);
  data.refuseUnknown();
  const signature = spec.object("signature");
  checkSame("signature", signature.bytes("content"), expected.signature);
  const publicKey = signature.object("publicKey");
  checkPemVerifier(publicKey.bytes("content"), expected);
  publicKey.refuseUnknown();
  signature.refuseUnknown();
  spec.refuseUnknown();
}

// {envelopeHash, payloadHash, signatures:[{signature, verifier: base64(PEM)}]}
function checkDsseV1(spec: ObjectReader, expected: Expected): void {
  const envelope = envelopeOf(expected);
  readHexHash(spec.object("envelopeHash"));
  checkPayloadHash(readHexHash(spec.object("payloadHash")), envelope.payload);
  const signature = onlyOne(spec, "signatures");
  checkSame("signature", signature.bytes("signature"), expected.signature);
  checkPemVerifier(signature.bytes("verifier"), expected);
  signature.refuseUnknown();
  spec.refuseUnknown();
}

// {content:{envelope:{payloadType, signatures:[{publicKey: base64(PEM), sig: base64 of base64}]}, hash, payloadHash}}
function checkIntotoV2(spec: ObjectReader, expected: Expected): void {
  const want = envelopeOf(expected);
  const content = spec.object("content");
  const envelope = content.object("envelope");
  if (envelope.string("payloadType") !== want.payloadType) throw differs("payload type");
  const signature = onlyOne(envelope, "signatures");
  checkSame("signature", unwrapTwice(signature.bytes("sig"), expected.signature), expected.signature);
  checkPemVerifier(signature.bytes("publicKey"), expected);
  // The log drops the payload from what it keeps; a few old entries and mock logs have it.
  const payload = envelope.optionalBytes("payload");
  if (payload !== undefined) checkSame("payload", unwrapTwice(payload, want.payload), want.payload);
  if ((signature.optionalString("keyid") ?? "") !== want.keyid) throw differs("key id");
  signature.refuseUnknown();
  envelope.refuseUnknown();
  readHexHash(content.object("hash"));
  checkPayloadHash(readHexHash(content.object("payloadHash")), want.payload);
  content.refuseUnknown();
  spec.refuseUnknown();
}

// {hashedRekordV002:{data:{algorithm, digest}, signature:{content, verifier}}}; for an envelope the digest is over the PAE.
function checkHashedRekordV2(spec: ObjectReader, expected: Expected): void {
  const record = spec.object("hashedRekordV002");
  const data = record.object("data");
  checkHash(readHash(data), expected);
  data.refuseUnknown();
  const signature = record.object("signature");
  checkSame("signature", signature.bytes("content"), expected.signature);
  checkVerifier(signature.object("verifier"), expected);
  signature.refuseUnknown();
  record.refuseUnknown();
  spec.refuseUnknown();
}

// {dsseV002:{payloadHash:{algorithm, digest}, signatures:[{content, verifier}]}}
function checkDsseV2(spec: ObjectReader, expected: Expected): void {
  const record = spec.object("dsseV002");
  const payloadHash = record.object("payloadHash");
  checkPayloadHash(readHash(payloadHash), envelopeOf(expected).payload);
  payloadHash.refuseUnknown();
  const signature = onlyOne(record, "signatures");
  checkSame("signature", signature.bytes("content"), expected.signature);
  checkVerifier(signature.object("verifier"), expected);
  signature.refuseUnknown();
  record.refuseUnknown();
  spec.refuseUnknown();
}

interface Hash {
  readonly name: HashName;
  readonly value: Uint8Array;
}

const hexHashes: ReadonlyMap<string, HashName> = new Map([
  ["sha256", "sha256"],
  ["sha384", "sha384"],
  ["sha512", "sha512"],
]);
const protoHashes: ReadonlyMap<string, HashName> = new Map([
  ["SHA2_256", "sha256"],
  ["SHA2_384", "sha384"],
  ["SHA2_512", "sha512"],
]);

function readHexHash(reader: ObjectReader): Hash & { hex: string } {
  const name = hexHashes.get(reader.string("algorithm"));
  if (name === undefined) throw malformedEntry({ checked: "hash algorithm", expected: "sha256, sha384 or sha512" });
  const text = reader.string("value");
  reader.refuseUnknown();
  return { name, hex: text, value: parseHexHash(text) };
}

function parseHexHash(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2}){32,64}$/.test(text))
    throw malformedEntry({ checked: "hash value", expected: "lower-case hex" });
  return parseHex(text);
}

function readHash(reader: ObjectReader): Hash {
  const name = protoHashes.get(reader.string("algorithm"));
  if (name === undefined)
    throw malformedEntry({ checked: "hash algorithm", expected: "SHA2_256, SHA2_384 or SHA2_512" });
  return { name, value: reader.bytes("digest") };
}

function checkHexHash(reader: ObjectReader, expected: Expected): void {
  checkHash(readHexHash(reader), expected);
}

function checkHash(logged: Hash, expected: Expected): void {
  const ours = contentDigest(logged.name, expected);
  if (ours === undefined) throw unknownDigest(logged, expected);
  if (!equalBytes(digestBytes(ours), logged.value))
    throw differs("digest", ours, `${logged.name}:${hex(logged.value)}`);
}

// The log checked the signature against this digest: a hash that the signer's key does not go with is a forgery,
// one that it goes with was only not asked of the artifact.
function unknownDigest({ name }: Hash, { verifier, content }: Expected): TrustError {
  const usual = usualHash(verifier.spki);
  if (usual === name && content.kind === "message")
    return sigstoreError("SIGSTORE_DIGEST_MISSING", { checked: "log entry", expected: name });
  return differs("digest algorithm", usual, name);
}

/** Ed25519 is logged in its prehashed form. */
function usualHash(spki: Uint8Array): HashName {
  return algorithmOf(defaultAlgorithm(spki)).hash ?? "sha512";
}

// Of an artifact only what was asked for is known. An envelope has every digest: those that its signature may be over
// are the usual one of the key, and SHA-256, with which some sign whatever the curve.
function contentDigest(name: HashName, { content, verifier }: Expected): Digest | undefined {
  if (content.kind === "envelope") {
    if (name !== "sha256" && name !== usualHash(verifier.spki)) return undefined;
    return digestOf(name, pae(content.payloadType, content.payload));
  }
  return content.digests.find((digest) => digestName(digest) === name);
}

function checkPayloadHash(logged: Hash, payload: Uint8Array): void {
  const ours = digestOf(logged.name, payload);
  if (!equalBytes(digestBytes(ours), logged.value))
    throw differs("payload hash", ours, `${logged.name}:${hex(logged.value)}`);
}

function envelopeOf(expected: Expected): Extract<Expected["content"], { kind: "envelope" }> {
  if (expected.content.kind !== "envelope") throw differs("content", "a message signature", "an envelope");
  return expected.content;
}

function onlyOne(reader: ObjectReader, name: string): ObjectReader {
  const [only, ...others] = reader.array(name, 32);
  if (only === undefined || others.length > 0) throw malformedEntry({ checked: name, expected: "one" });
  return readObject(only, name, malformedEntry);
}

// The log stores base64 of what the client sent, which was base64 already; a few old entries hold it once.
function unwrapTwice(once: Uint8Array, signature: Uint8Array): Uint8Array {
  if (equalBytes(once, signature)) return once;
  return parseBase64(parseUtf8(once));
}

function checkPemVerifier(pem: Uint8Array, expected: Expected): void {
  const [block, ...others] = parsePem(parseUtf8(pem));
  if (block === undefined || others.length > 0)
    throw malformedEntry({ checked: "public key", expected: "one PEM block" });
  const label = expected.verifier.kind === "certificate" ? "CERTIFICATE" : "PUBLIC KEY";
  if (block.label !== label) throw differs("kind of key", label, block.label.slice(0, 40));
  checkSame(expected.verifier.kind, block.bytes, expected.verifier.der);
}

function checkVerifier(reader: ObjectReader, expected: Expected): void {
  const member = expected.verifier.kind === "certificate" ? "x509Certificate" : "publicKey";
  if (!reader.has(member)) throw differs("kind of key", member, "another");
  const material = reader.object(member);
  checkSame(expected.verifier.kind, material.bytes("rawBytes"), expected.verifier.der);
  material.refuseUnknown();
  const keyDetails = reader.string("keyDetails");
  if (!isKeyDetailOf(keyDetails, expected.verifier.spki))
    throw differs("key details", "those of the signer's key", keyDetails);
  reader.refuseUnknown();
}

function checkSame(what: string, logged: Uint8Array, ours: Uint8Array): void {
  if (!equalBytes(logged, ours)) throw differs(what, base64(ours).slice(0, 24), base64(logged).slice(0, 24));
}

function differs(what: string, expected?: string, got?: string): TrustError {
  return sigstoreError("SIGSTORE_ENTRY_MISMATCH", {
    checked: what,
    ...(expected === undefined ? {} : { expected }),
    ...(got === undefined ? {} : { got }),
  });
}

function malformedEntry(detail: { checked?: string; expected?: string; got?: string }): TrustError {
  return sigstoreError("SIGSTORE_ENTRY_MALFORMED", detail);
}
