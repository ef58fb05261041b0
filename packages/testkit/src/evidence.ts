import { createHash, sign } from "node:crypto";
import { base64, digestOf, type Artifact } from "@countersign/core";
import { parseBundle, type Bundle } from "@countersign/sigstore";
import {
  dsseBody001,
  dsseBody002,
  hashedRekordBody001,
  hashedRekordBody002,
  intotoBody002,
  makeKeyPair,
  preAuthEncoding,
  publicKeyDetails,
  signWith,
  type Authority,
  type EntryJson,
  type IssueOptions,
  type KeyPair,
  type StampOptions,
  type V1Options,
} from "@countersign/local-sigstore";
import type { Instance } from "./instance.ts";
import { bytesOfJson, type Loose, type LooseObject } from "./json.ts";

/** What kind of log entry a bundle gets. */
export type EntryKind =
  | "hashedrekord 0.0.1"
  | "dsse 0.0.1"
  | "intoto 0.0.2"
  | "hashedrekord 0.0.2"
  | "dsse 0.0.2"
  | "none";

/** A bundle to make. What is left out is as an honest signer would have it. */
export interface Plan {
  /** The artifact's bytes. */
  readonly artifact?: Uint8Array;
  readonly content?: "message" | "envelope";
  readonly version?: "0.1" | "0.2" | "0.3";
  /** Signs with this key and without a certificate. */
  readonly managed?: KeyPair;
  readonly hint?: string;
  /** The ephemeral key; P-256 by default. */
  readonly key?: KeyPair;
  readonly authority?: Authority;
  /** Deviations of the certificate. */
  readonly leaf?: Partial<IssueOptions>;
  readonly entry?: EntryKind;
  /** Deviations of the entry's time, promise, proof and checkpoint. */
  readonly proof?: V1Options;
  /** Changes what the log is told, as if somebody else had signed. */
  readonly logged?: (signed: Signed) => Signed;
  /** One timestamp for each; a list of one for Rekor v2 or no entry, none for Rekor v1. */
  readonly stamps?: readonly StampOptions[];
  readonly payloadType?: string;
  /** Replaces the Statement about the artifact. */
  readonly payload?: Uint8Array;
  /** Replaces the signature. */
  readonly signature?: Uint8Array;
}

/** What was signed, and what verifies it. */
export interface Signed {
  readonly signature: Uint8Array;
  readonly verifier: {
    readonly type: "certificate" | "public-key";
    readonly der: Uint8Array;
    readonly keyDetails: string;
  };
  readonly payloadType: string;
  readonly payload: Uint8Array;
  /** Digest of the artifact, or of the envelope's encoding. */
  readonly digest: Uint8Array;
}

/** A bundle and all that went into it. */
export interface Evidence {
  readonly json: LooseObject;
  readonly artifact: Artifact;
  readonly key: KeyPair;
  /** Only keyless. */
  readonly leaf?: Uint8Array;
  readonly signed: Signed;
}

/** Who signs in `makeEvidence` unless told otherwise. */
export const signer = {
  identity: "https://ci.test/org/repo/release.yml@refs/heads/main",
  issuer: "https://token.test",
} as const;
/** The bytes that are signed unless told otherwise. */
export const artifactBytes: Uint8Array = new TextEncoder().encode("the release tarball\n");

/** The artifact of these bytes with every digest, as if read from a file. */
export function artifactOf(bytes: Uint8Array, name = "release.tar"): Artifact {
  return {
    name,
    bytes,
    size: bytes.length,
    digests: [digestOf("sha256", bytes), digestOf("sha384", bytes), digestOf("sha512", bytes)],
  };
}

/** The same artifact when only its SHA-256 is known. */
export function digestOnly(artifact: Artifact): Artifact {
  const [sha256] = artifact.digests;
  return { name: String(sha256), digests: sha256 === undefined ? [] : [sha256] };
}

/** The bundle of a JSON value. */
export function bundleOf(json: Loose): Bundle {
  return parseBundle(bytesOfJson(json));
}

/** Signs, certifies, logs and stamps as planned. */
export function makeEvidence(instance: Instance, plan: Plan = {}): Evidence {
  const key = plan.managed ?? plan.key ?? makeKeyPair("p256");
  const bytes = plan.artifact ?? artifactBytes;
  const isEnvelope = plan.content === "envelope";
  const payloadType = plan.payloadType ?? "application/vnd.in-toto+json";
  const payload = plan.payload ?? statementOf(bytes);
  const message = isEnvelope ? preAuthEncoding(payloadType, payload) : bytes;
  const signature = plan.signature ?? signMessage(key, message, plan.entry ?? "hashedrekord 0.0.2");
  const leaf = plan.managed === undefined ? issue(instance, key, plan) : undefined;
  const verifier = {
    type: leaf === undefined ? "public-key" : "certificate",
    der: leaf ?? key.spki,
    keyDetails: detailsOf(key),
  } as const;
  const signed: Signed = { signature, verifier, payloadType, payload, digest: hashFor(key, message) };
  const parts = { key, leaf, signed, bytes, isEnvelope };
  return {
    json: bundleJson(instance, plan, parts),
    artifact: artifactOf(bytes),
    key,
    signed,
    ...(leaf === undefined ? {} : { leaf }),
  };
}

/** An in-toto Statement about these bytes. */
export function statementOf(
  bytes: Uint8Array,
  digest: Record<string, string> = { sha256: sha("sha256", bytes) },
): Uint8Array<ArrayBuffer> {
  return bytesOfJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ name: "release.tar", digest }],
    predicateType: "https://slsa.dev/provenance/v1",
    predicate: { builder: "test" },
  });
}

function issue(instance: Instance, key: KeyPair, plan: Plan): Uint8Array {
  const authority = plan.authority ?? instance.ca;
  const identity = { type: "uri", value: signer.identity } as const;
  return authority.issue({ spki: key.spki, identity, issuer: signer.issuer, ctLogs: [instance.ctLog], ...plan.leaf })
    .certificate;
}

interface Parts {
  readonly key: KeyPair;
  readonly leaf: Uint8Array | undefined;
  readonly signed: Signed;
  readonly bytes: Uint8Array;
  readonly isEnvelope: boolean;
}

const mediaTypes = {
  "0.1": "application/vnd.dev.sigstore.bundle+json;version=0.1",
  "0.2": "application/vnd.dev.sigstore.bundle+json;version=0.2",
  "0.3": "application/vnd.dev.sigstore.bundle.v0.3+json",
} as const;

function bundleJson(instance: Instance, plan: Plan, parts: Parts): LooseObject {
  const { signed, leaf, isEnvelope } = parts;
  const version = plan.version ?? "0.3";
  const kind = plan.entry ?? "hashedrekord 0.0.2";
  const logged = kind === "none" ? undefined : logEntry(instance, kind, plan.logged?.(signed) ?? signed, plan.proof);
  const isV1 = kind === "hashedrekord 0.0.1" || kind === "dsse 0.0.1" || kind === "intoto 0.0.2";
  const stamps = plan.stamps ?? (isV1 || plan.managed !== undefined ? [] : [{}]);
  const tokens = stamps.map((how) => ({
    signedTimestamp: base64(instance.tsa.stamp({ message: signed.signature, ...how })),
  }));
  const material: LooseObject = {
    ...materialJson(leaf, version, plan.hint ?? ""),
    tlogEntries: logged === undefined ? [] : [structuredClone(logged) as unknown as Loose],
    ...(tokens.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps: tokens } }),
  };
  return {
    mediaType: mediaTypes[version],
    verificationMaterial: material,
    ...(isEnvelope ? envelopeJson(signed) : messageJson(parts)),
  };
}

function materialJson(leaf: Uint8Array | undefined, version: "0.1" | "0.2" | "0.3", hint: string): LooseObject {
  if (leaf === undefined) return { publicKey: { hint } };
  const certificate = { rawBytes: base64(leaf) };
  return version === "0.3" ? { certificate } : { x509CertificateChain: { certificates: [certificate] } };
}

function envelopeJson({ payload, payloadType, signature }: Signed): LooseObject {
  return { dsseEnvelope: { payload: base64(payload), payloadType, signatures: [{ sig: base64(signature) }] } };
}

function messageJson({ bytes, signed }: Parts): LooseObject {
  const digest = createHash("sha256").update(bytes).digest("base64");
  const isSha256 = signed.digest.length === 32;
  return {
    messageSignature: {
      ...(isSha256 ? { messageDigest: { algorithm: "SHA2_256", digest } } : {}),
      signature: base64(signed.signature),
    },
  };
}

function logEntry(
  instance: Instance,
  kind: Exclude<EntryKind, "none">,
  signed: Signed,
  how: V1Options = {},
): EntryJson {
  if (kind === "hashedrekord 0.0.2") return instance.rekor.append(hashedRekordBody002(signed), how);
  if (kind === "dsse 0.0.2") return instance.rekor.append(dsseBody002(signed), how);
  const makeBody = {
    "hashedrekord 0.0.1": hashedRekordBody001,
    "dsse 0.0.1": dsseBody001,
    "intoto 0.0.2": intotoBody002,
  }[kind];
  return instance.rekorV1.append(makeBody(signed), how);
}

// Ed25519 can only be logged prehashed; the tests that need it sign themselves.
function signMessage(key: KeyPair, message: Uint8Array, entry: EntryKind): Uint8Array {
  if (key.kind === "ed25519" && entry === "none") return new Uint8Array(sign(null, message, key.privateKey));
  return signWith(key, message);
}

function hashFor(key: KeyPair, message: Uint8Array): Uint8Array {
  const name = {
    p256: "sha256",
    p384: "sha384",
    p521: "sha512",
    rsa2048: "sha256",
    ed25519: "sha512",
    "ml-dsa-44": "sha256",
  }[key.kind];
  return createHash(name).update(message).digest();
}

function detailsOf(key: KeyPair): string {
  return key.kind === "ed25519" ? "PKIX_ED25519_PH" : publicKeyDetails(key.kind);
}

function sha(name: string, bytes: Uint8Array): string {
  return createHash(name).update(bytes).digest("hex");
}
