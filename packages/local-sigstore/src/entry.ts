import { createHash } from "node:crypto";
import { pem } from "./certificate.ts";

/** The JSON of a TransparencyLogEntry (protobuf-specs sigstore_rekor.proto), as it stands in bundles and answers. */
export interface EntryJson {
  readonly logIndex: string;
  readonly logId: { readonly keyId: string };
  readonly kindVersion: { readonly kind: string; readonly version: string };
  /** Seconds; absent in Rekor v2. */
  readonly integratedTime?: string;
  readonly inclusionPromise?: { readonly signedEntryTimestamp: string };
  readonly inclusionProof: {
    readonly logIndex: string;
    readonly rootHash: string;
    readonly treeSize: string;
    readonly hashes: readonly string[];
    readonly checkpoint: { readonly envelope: string };
  };
  readonly canonicalizedBody: string;
}

/** What verifies a logged signature: a certificate or a public key, DER. */
export interface EntryVerifier {
  readonly type: "certificate" | "public-key";
  readonly der: Uint8Array;
  /** PublicKeyDetails name; Rekor v2 only. */
  readonly keyDetails: string;
}

/** A signature over a digest, to be logged. */
export interface SignedDigest {
  readonly digest: Uint8Array;
  /** HashAlgorithm name (`SHA2_256`, …); by the digest's length when absent. */
  readonly algorithm?: string;
  readonly signature: Uint8Array;
  readonly verifier: EntryVerifier;
}

/** A signed DSSE envelope, to be logged in Rekor v1. */
export interface SignedEnvelope {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyid?: string;
  readonly verifier: Pick<EntryVerifier, "type" | "der">;
}

/** Body of a Rekor v2 hashedrekord 0.0.2 entry. */
export function hashedRekordBody002(entry: SignedDigest): Uint8Array {
  const { verifier } = entry;
  const rawBytes = { rawBytes: base64(verifier.der) };
  const named = verifier.type === "certificate" ? { x509Certificate: rawBytes } : { publicKey: rawBytes };
  const data = { algorithm: entry.algorithm ?? hashNameOf(entry.digest), digest: base64(entry.digest) };
  const signature = { content: base64(entry.signature), verifier: { ...named, keyDetails: verifier.keyDetails } };
  return canonical({ apiVersion: "0.0.2", kind: "hashedrekord", spec: { hashedRekordV002: { data, signature } } });
}

/** Body of the withdrawn Rekor v2 dsse 0.0.2 entry, which old bundles carry. */
export function dsseBody002(entry: SignedEnvelope & { readonly verifier: EntryVerifier }): Uint8Array {
  const rawBytes = { rawBytes: base64(entry.verifier.der) };
  const named = entry.verifier.type === "certificate" ? { x509Certificate: rawBytes } : { publicKey: rawBytes };
  const verifier = { ...named, keyDetails: entry.verifier.keyDetails };
  const payloadHash = { algorithm: "SHA2_256", digest: base64(hash("sha256", entry.payload)) };
  const dsseV002 = { payloadHash, signatures: [{ content: base64(entry.signature), verifier }] };
  return canonical({ apiVersion: "0.0.2", kind: "dsse", spec: { dsseV002 } });
}

/** Body of a Rekor v1 hashedrekord 0.0.1 entry. */
export function hashedRekordBody001(
  entry: Omit<SignedDigest, "verifier"> & Pick<SignedEnvelope, "verifier">,
): Uint8Array {
  const names = new Map([[32, "sha256"], [48, "sha384"], [64, "sha512"]]); // prettier-ignore
  const value = Buffer.from(entry.digest).toString("hex");
  const data = { hash: { algorithm: names.get(entry.digest.length) ?? "sha256", value } };
  const signature = { content: base64(entry.signature), publicKey: { content: pemContent(entry.verifier) } };
  return canonical({ apiVersion: "0.0.1", kind: "hashedrekord", spec: { data, signature } });
}

/** Body of a Rekor v1 dsse 0.0.1 entry. `envelopeHash` covers the envelope's JSON as the client sent it. */
export function dsseBody001(entry: SignedEnvelope & { readonly envelopeJson?: string }): Uint8Array {
  const envelopeJson = entry.envelopeJson ?? JSON.stringify(envelopeOf(entry));
  const spec = {
    envelopeHash: sha256Row(Buffer.from(envelopeJson, "utf8")),
    payloadHash: sha256Row(entry.payload),
    signatures: [{ signature: base64(entry.signature), verifier: pemContent(entry.verifier) }],
  };
  return canonical({ apiVersion: "0.0.1", kind: "dsse", spec });
}

/** Body of a Rekor v1 intoto 0.0.2 entry: signature and payload are base64 of base64 in this format. */
export function intotoBody002(entry: SignedEnvelope & { readonly envelopeHash?: string }): Uint8Array {
  const signature = {
    publicKey: pemContent(entry.verifier),
    sig: base64(Buffer.from(base64(entry.signature), "utf8")),
    ...(entry.keyid === undefined || entry.keyid === "" ? {} : { keyid: entry.keyid }),
  };
  const envelope = { payloadType: entry.payloadType, signatures: [signature] };
  const value = entry.envelopeHash ?? hash("sha256", canonical(envelopeOf(entry))).toString("hex");
  const content = { envelope, hash: { algorithm: "sha256", value }, payloadHash: sha256Row(entry.payload) };
  return canonical({ apiVersion: "0.0.2", kind: "intoto", spec: { content } });
}

/** RFC 8785 for the values of this package (objects, arrays, strings, whole numbers): sorted members, no white space. */
export function canonical(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(canonicalText(value));
}

/** PAE of DSSE v1. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = Buffer.from(payloadType, "utf8");
  return Buffer.concat([Buffer.from(`DSSEv1 ${type.length} `), type, Buffer.from(` ${payload.length} `), payload]);
}

/** Kind and version that a body states. */
export function kindVersionOf(body: Uint8Array): { kind: string; version: string } {
  const parsed = JSON.parse(Buffer.from(body).toString("utf8")) as { kind?: unknown; apiVersion?: unknown };
  return { kind: String(parsed.kind), version: String(parsed.apiVersion) };
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).toSorted((a, b) => (a[0] < b[0] ? -1 : 1));
  return `{${members.map(([name, inner]) => `${JSON.stringify(name)}:${canonicalText(inner)}`).join(",")}}`;
}

function envelopeOf(entry: SignedEnvelope): Record<string, unknown> {
  const signature = { sig: base64(entry.signature), keyid: entry.keyid ?? "" };
  return { payload: base64(entry.payload), payloadType: entry.payloadType, signatures: [signature] };
}

function pemContent(verifier: Pick<EntryVerifier, "type" | "der">): string {
  const label = verifier.type === "certificate" ? "CERTIFICATE" : "PUBLIC KEY";
  return base64(Buffer.from(pem(label, verifier.der), "utf8"));
}

function sha256Row(bytes: Uint8Array): { algorithm: string; value: string } {
  return { algorithm: "sha256", value: hash("sha256", bytes).toString("hex") };
}

function hashNameOf(digest: Uint8Array): string {
  const names = new Map([[32, "SHA2_256"], [48, "SHA2_384"], [64, "SHA2_512"]]); // prettier-ignore
  return names.get(digest.length) ?? "SHA2_256";
}

function hash(name: string, bytes: Uint8Array): Buffer {
  return createHash(name).update(bytes).digest();
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
