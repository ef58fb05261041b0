import {
  base64,
  digestBytes,
  digestOf,
  pae,
  type Algorithm,
  type Digest,
  type Envelope,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import type { HttpResponse } from "../http.ts";
import { keyDetailsOf } from "../key-detail.ts";
import { checkEntry } from "../log-entry.ts";
import { apiUrl, send, type Caller } from "../request.ts";
import { parseLogEntry, type LogEntry } from "../transparency-entry.ts";
import type { Log } from "../trust-root.ts";
import { fetchEntry } from "./rekor-tiles.ts";
import {
  asRefusedAnswer,
  expectedOf,
  formatV1,
  getV1,
  parseAnswer,
  parseV1,
  postJson,
  refusedAnswer,
  rekorTimeoutMs,
  type Loggable,
} from "./rekor-v1.ts";

/** How long Rekor v2 may take: it answers only when the entry is in a checkpoint (rekor-tiles, at least 20 s). */
export const rekorV2TimeoutMs = 30_000;

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
    throw asRefusedAnswer(error);
  }
  return entry;
}

async function requestV2(caller: Caller, log: LogService, loggable: Loggable): Promise<LogEntry> {
  const value = { hashedRekordRequestV002: formatV2(loggable) };
  const request = postJson(apiUrl(log.url, "/api/v2/log/entries"), value, rekorV2TimeoutMs);
  // 409: the log has this very entry, because an answer was lost or since the key signs alike each time.
  const response = await send(caller, request, { alsoFine: [409] });
  const parse = (json: Json): LogEntry => parseLogEntry(json, "0.3", refusedAnswer);
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
  const request = postJson(apiUrl(log.url, "/api/v1/log/entries"), proposal, rekorTimeoutMs);
  // 409: the log has this very entry, as it happens when an answer was lost, and names it.
  const answer = await send(caller, request, { alsoFine: [409] });
  const response = answer.status === 409 ? await fetchExisting(caller, log, answer) : answer;
  const kind = `${proposal["kind"] as string} ${proposal["apiVersion"] as string}`;
  return readAnswer(response, kind, (json) => parseV1(json, kind));
}

async function fetchExisting(caller: Caller, log: LogService, answer: HttpResponse): Promise<HttpResponse> {
  const uuid = /([0-9a-f]{64,80})$/.exec(answer.headers["location"] ?? "")?.[1];
  if (uuid === undefined) throw refusedAnswer({ checked: "status 409", expected: "the place of the entry" });
  return send(caller, getV1(log.url, uuid));
}

function readAnswer(response: HttpResponse, kind: string, parse: (json: Json) => LogEntry): LogEntry {
  try {
    const entry = parse(parseAnswer(response.body));
    if (`${entry.kind} ${entry.version}` === kind) return entry;
    throw refusedAnswer({ checked: "the entry's kind", expected: kind, got: "another one" });
  } catch (error) {
    throw asRefusedAnswer(error);
  }
}
