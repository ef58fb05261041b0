import {
  base64,
  digestBytes,
  digestName,
  formatEnvelope,
  formatPem,
  hex,
  parseHex,
  parseJson,
  readObject,
  TrustError,
  utf8,
  type Algorithm,
  type Detail,
  type Digest,
  type Envelope,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { HttpRequest } from "../http.ts";
import type { Expected } from "../log-entry.ts";
import { apiUrl, jsonBody } from "../request.ts";
import { parseLogEntry, type LogEntry } from "../transparency-entry.ts";

/** How long Rekor v1 may take to answer, in milliseconds. */
export const rekorTimeoutMs = 20_000;
/** The largest answer of Rekor, in bytes. */
export const maxRekorBytes: number = 16 * 1024 * 1024;

/** The signature to log. */
export interface Loggable {
  readonly signature: Uint8Array;
  /** Whose signature: DER of the certificate or of the SubjectPublicKeyInfo. */
  readonly verifier: Expected["verifier"];
  readonly algorithm: Algorithm;
  /** What was signed: an artifact's digest under the algorithm's hash, or an envelope. */
  readonly content:
    | { readonly kind: "message"; readonly digest: Digest }
    | { readonly kind: "envelope"; readonly envelope: Envelope };
}

/** What an entry about this signature must say. */
export function expectedOf({ signature, verifier, content }: Omit<Loggable, "algorithm">): Expected {
  if (content.kind === "message")
    return { signature, verifier, content: { kind: "message", digests: [content.digest] } };
  const { payloadType, payload, signatures } = content.envelope;
  const keyid = signatures[0]?.keyid ?? "";
  return { signature, verifier, content: { kind: "envelope", payloadType, payload, keyid } };
}

/** The entry that is proposed: a hashedrekord 0.0.1, or a dsse 0.0.1 for an envelope. */
export function formatV1({ signature, verifier, content }: Omit<Loggable, "algorithm">): JsonObject {
  const label = verifier.kind === "certificate" ? "CERTIFICATE" : "PUBLIC KEY";
  const pem = base64(utf8(formatPem(label, verifier.der)));
  if (content.kind === "envelope") {
    const envelope = JSON.stringify(formatEnvelope(content.envelope));
    return { kind: "dsse", apiVersion: "0.0.1", spec: { proposedContent: { envelope, verifiers: [pem] } } };
  }
  const hash = { algorithm: digestName(content.digest), value: hex(digestBytes(content.digest)) };
  const spec = { data: { hash }, signature: { content: base64(signature), publicKey: { content: pem } } };
  return { kind: "hashedrekord", apiVersion: "0.0.1", spec };
}

/** A request with a JSON body, which is answered in JSON. */
export function postJson(url: string, value: JsonObject, timeoutMs: number): HttpRequest {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return { method: "POST", url, headers, body: jsonBody(value), timeoutMs, maxBytes: maxRekorBytes };
}

/** Asks for an entry by its UUID, hex. */
export function getV1(logUrl: string, uuid: string): HttpRequest {
  const url = apiUrl(logUrl, `/api/v1/log/entries/${uuid}`);
  const headers = { accept: "application/json" };
  return { method: "GET", url, headers, timeoutMs: rekorTimeoutMs, maxBytes: maxRekorBytes };
}

/** The entry in an answer `{ <uuid>: … }`, of this kind and version. Throws SIGSTORE_REKOR_RESPONSE and the errors of `parseLogEntry`. */
export function parseV1(json: Json, kind: string): LogEntry {
  return parseLogEntry(convertV1(json, kind), "0.3", refusedAnswer);
}

/** Rekor v1 answers `{ <uuid>: { body, integratedTime, logID, logIndex, verification } }`: the same facts in another shape. */
function convertV1(json: Json, kind: string): JsonObject {
  const [only, ...others] = typeof json === "object" && json !== null ? Object.values(json as JsonObject) : [];
  if (only === undefined || others.length > 0) throw refusedAnswer({ expected: "one entry" });
  const entry = readObject(only, "entry", refusedAnswer);
  const verification = entry.object("verification");
  const proof = verification.object("inclusionProof");
  const [name, version] = kind.split(" ") as [string, string];
  const hashes = proof.array("hashes", 63).map((each) => base64(parseHex(typeof each === "string" ? each : "?")));
  return {
    logIndex: `${entry.integer("logIndex")}`,
    logId: { keyId: base64(parseHex(entry.string("logID"))) },
    kindVersion: { kind: name, version },
    integratedTime: `${entry.integer("integratedTime")}`,
    inclusionPromise: { signedEntryTimestamp: verification.string("signedEntryTimestamp") },
    inclusionProof: {
      logIndex: `${proof.integer("logIndex")}`,
      rootHash: base64(parseHex(proof.string("rootHash"))),
      treeSize: `${proof.integer("treeSize")}`,
      hashes,
      checkpoint: { envelope: proof.string("checkpoint") },
    },
    canonicalizedBody: entry.string("body"),
  };
}

/** The JSON of an answer. Throws core's errors. */
export function parseAnswer(body: Uint8Array): Json {
  return parseJson(body, { maxDepth: 32, maxBytes: maxRekorBytes });
}

/** SIGSTORE_REKOR_RESPONSE with this detail. */
export function refusedAnswer(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_REKOR_RESPONSE", detail);
}

/** Any error of ours about an answer as SIGSTORE_REKOR_RESPONSE. */
export function asRefusedAnswer(error: unknown): unknown {
  if (!(error instanceof TrustError) || error.code === "SIGSTORE_REKOR_RESPONSE") return error;
  return sigstoreError("SIGSTORE_REKOR_RESPONSE", { got: error.message }, error);
}
