import {
  base64,
  digestBytes,
  digestName,
  digestOf,
  formatEnvelope,
  formatPem,
  hex,
  pae,
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
import type { HttpRequest, HttpResponse } from "../http.ts";
import { keyDetailsOf } from "../key-detail.ts";
import { checkEntry, type Expected } from "../log-entry.ts";
import { apiUrl, jsonBody, send, type Caller } from "../request.ts";
import { parseLogEntry, type LogEntry } from "../transparency-entry.ts";
import type { Log } from "../trust-root.ts";
import { fetchEntry } from "./rekor-tiles.ts";

/** How long Rekor v1 may take to answer, in milliseconds. */
export const rekorTimeoutMs = 20_000;
/** How long Rekor v2 may take: it answers only when the entry is in a checkpoint (rekor-tiles, at least 20 s). */
export const rekorV2TimeoutMs = 30_000;
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

/** A log to write to. */
export interface LogService {
  /** Base URL. */
  readonly url: string;
  readonly majorApiVersion: number;
  /** The logs that it may be, to read an entry that is there already. */
  readonly known?: readonly Log[];
}

/**
 * Writes the signature to a log, which is public and for ever if the log is. Rekor v2 gets a hashedrekord 0.0.2 (over
 * the PAE for an envelope); Rekor v1 a hashedrekord 0.0.1, or a dsse 0.0.1 for an envelope. Returns the entry with its
 * proof; if a log of version 2 has it already, the entry that is there. Proves that the entry is about the very signature, key and content that were sent; the verifier proves the rest.
 * Throws SIGSTORE_REKOR_RESPONSE, SIGSTORE_REKOR_DUPLICATE, SIGSTORE_KEY_DETAILS and the errors of `send`.
 */
export async function requestEntry(caller: Caller, log: LogService, loggable: Loggable): Promise<LogEntry> {
  const entry =
    log.majorApiVersion === 2 ? await requestV2(caller, log, loggable) : await requestV1(caller, log, loggable);
  try {
    checkEntry(entry, expectedOf(loggable));
  } catch (error) {
    throw wrapped(error);
  }
  return entry;
}

function wrapped(error: unknown): unknown {
  if (!(error instanceof TrustError) || error.code === "SIGSTORE_REKOR_RESPONSE") return error;
  return sigstoreError("SIGSTORE_REKOR_RESPONSE", { got: error.message }, error);
}

function refused(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_REKOR_RESPONSE", detail);
}

function expectedOf({ signature, verifier, content }: Loggable): Expected {
  if (content.kind === "message")
    return { signature, verifier, content: { kind: "message", digests: [content.digest] } };
  const { payloadType, payload, signatures } = content.envelope;
  const keyid = signatures[0]?.keyid ?? "";
  return { signature, verifier, content: { kind: "envelope", payloadType, payload, keyid } };
}

function post(url: string, value: JsonObject, timeoutMs: number): HttpRequest {
  const headers = { "content-type": "application/json", accept: "application/json" };
  return { method: "POST", url, headers, body: jsonBody(value), timeoutMs, maxBytes: maxRekorBytes };
}

async function requestV2(caller: Caller, log: LogService, loggable: Loggable): Promise<LogEntry> {
  const value = { hashedRekordRequestV002: formatV2(loggable) };
  const request = post(apiUrl(log.url, "/api/v2/log/entries"), value, rekorV2TimeoutMs);
  // 409: the log has this very entry, because an answer was lost or since the key signs alike each time.
  const response = await send(caller, request, { alsoFine: [409] });
  const parse = (json: Json): LogEntry => parseLogEntry(json, "0.3", refused);
  if (response.status !== 409) return readAnswer(response, "hashedrekord 0.0.2", parse);
  return parse(await fetchEntry(caller, { url: log.url, known: log.known ?? [] }, indexOf(response)));
}

/** rekor-tiles names the place of the entry in its message only. */
function indexOf({ body }: HttpResponse): bigint {
  const [, index] = /already exists in the transparency log with index (\d{1,19})"/.exec(textOf(body)) ?? [];
  if (index !== undefined) return BigInt(index);
  throw sigstoreError("SIGSTORE_REKOR_DUPLICATE", { checked: "status 409", got: "no place of the entry" });
}

function textOf(body: Uint8Array): string {
  return new TextDecoder().decode(body.subarray(0, 1000));
}

function formatV2({ signature, verifier, algorithm, content }: Loggable): JsonObject {
  const digest = content.kind === "message" ? content.digest : paeDigest(content.envelope, algorithm);
  const material = { rawBytes: base64(verifier.der) };
  const name = verifier.kind === "certificate" ? "x509Certificate" : "publicKey";
  const keyDetails = keyDetailsOf(algorithm.name, verifier.spki);
  return {
    digest: base64(digestBytes(digest)),
    signature: { content: base64(signature), verifier: { [name]: material, keyDetails } },
  };
}

function paeDigest({ payloadType, payload }: Envelope, { hash, name }: Algorithm): Digest {
  if (hash === undefined) throw sigstoreError("SIGSTORE_SIGN_ALGORITHM", { got: name });
  return digestOf(hash, pae(payloadType, payload));
}

async function requestV1(caller: Caller, log: LogService, loggable: Loggable): Promise<LogEntry> {
  const proposal = formatV1(loggable);
  const request = post(apiUrl(log.url, "/api/v1/log/entries"), proposal, rekorTimeoutMs);
  // 409: the log has this very entry, as it happens when an answer was lost, and names it.
  const answer = await send(caller, request, { alsoFine: [409] });
  const response = answer.status === 409 ? await fetchExisting(caller, log, answer) : answer;
  const kind = `${proposal["kind"] as string} ${proposal["apiVersion"] as string}`;
  return readAnswer(response, kind, (json) => parseLogEntry(convertV1(json, kind), "0.3", refused));
}

function formatV1({ signature, verifier, content }: Loggable): JsonObject {
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

async function fetchExisting(caller: Caller, log: LogService, answer: HttpResponse): Promise<HttpResponse> {
  const uuid = /([0-9a-f]{64,80})$/.exec(answer.headers["location"] ?? "")?.[1];
  if (uuid === undefined) throw refused({ checked: "status 409", expected: "the place of the entry" });
  const url = apiUrl(log.url, `/api/v1/log/entries/${uuid}`);
  return send(caller, {
    method: "GET",
    url,
    headers: { accept: "application/json" },
    timeoutMs: rekorTimeoutMs,
    maxBytes: maxRekorBytes,
  });
}

function readAnswer(response: HttpResponse, kind: string, parse: (json: Json) => LogEntry): LogEntry {
  try {
    const entry = parse(parseJson(response.body, { maxDepth: 32, maxBytes: maxRekorBytes }));
    if (`${entry.kind} ${entry.version}` === kind) return entry;
    throw refused({ checked: "the entry's kind", expected: kind, got: "another one" });
  } catch (error) {
    throw wrapped(error);
  }
}

/** Rekor v1 answers `{ <uuid>: { body, integratedTime, logID, logIndex, verification } }`: the same facts in another shape. */
function convertV1(json: Json, kind: string): JsonObject {
  const [only, ...others] = typeof json === "object" && json !== null ? Object.values(json as JsonObject) : [];
  if (only === undefined || others.length > 0) throw refused({ expected: "one entry" });
  const entry = readObject(only, "entry", refused);
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
