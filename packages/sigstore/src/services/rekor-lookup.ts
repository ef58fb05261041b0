import { equalBytes, hex, type Json } from "@countersign/core";
import { leafHash } from "@countersign/tlog";
import type { Bundle } from "../bundle.ts";
import { lookupError } from "../lookup-errors.ts";
import type { HttpRequest } from "../http.ts";
import { checkEntry } from "../log-entry.ts";
import { apiUrl, send, type Caller } from "../request.ts";
import type { LogEntry } from "../transparency-entry.ts";
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

/** Where a bundle's entries are looked for. */
export interface Lookup {
  /** Base URL of a log of Rekor v1. */
  readonly url: string;
  /** The SubjectPublicKeyInfo of who signed, where no certificate says it. */
  readonly spki?: Uint8Array | undefined;
}

/**
 * The bundle with what a log of Rekor v1 knows of it: the inclusion proof and checkpoint of an entry that lacks them, found by
 * the hash of its body; where there is no entry at all, the one of the very signature, certificate or key and digest. Writes
 * nothing into the log, and verifies nothing that it says: bundles are judged afterwards. Throws SIGSTORE_ENTRY_NOT_FOUND, also
 * for what no log can be asked, SIGSTORE_REKOR_RESPONSE and the errors of `send`.
 */
export async function completeBundle(caller: Caller, lookup: Lookup, bundle: Bundle): Promise<Bundle> {
  if (bundle.entries.length === 0) return { ...bundle, entries: [await findEntry(caller, lookup, bundle)] };
  const entries: LogEntry[] = [];
  for (const entry of bundle.entries) entries.push(isWhole(entry) ? entry : await proveEntry(caller, lookup, entry));
  return { ...bundle, entries };
}

function isWhole({ proof }: LogEntry): boolean {
  return proof?.checkpoint !== undefined;
}

/** An entry's UUID is its leaf hash; the log finds it in any of its trees. */
async function proveEntry(caller: Caller, { url }: Lookup, entry: LogEntry): Promise<LogEntry> {
  const answer = await ask(caller, getV1(url, hex(leafHash(entry.body))));
  const found = readEntry(answer, `${entry.kind} ${entry.version}`);
  if (!equalBytes(found.body, entry.body)) throw refusedAnswer({ got: "another entry" });
  // The promise that the signer got is kept, where the proof is from the same log.
  const isSame = equalBytes(found.logId, entry.logId) && found.logIndex === entry.logIndex;
  return isSame && found.proof !== undefined ? { ...entry, proof: found.proof } : found;
}

async function findEntry(caller: Caller, { url, spki }: Lookup, bundle: Bundle): Promise<LogEntry> {
  const loggable = loggableOf(bundle, spki);
  const path = apiUrl(url, "/api/v1/log/entries/retrieve");
  const answer = await ask(caller, postJson(path, { entries: [formatV1(loggable)] }, rekorTimeoutMs));
  const [first] = Array.isArray(answer) ? (answer as readonly Json[]) : [];
  if (first === undefined) throw notFound(url);
  const entry = readEntry(first, "hashedrekord 0.0.1");
  try {
    checkEntry(entry, expectedOf(loggable));
    return entry;
  } catch (error) {
    throw asRefusedAnswer(error);
  }
}

async function ask(caller: Caller, request: HttpRequest): Promise<Json> {
  const { status, body } = await send(caller, request, { alsoFine: [404] });
  if (status === 404) throw notFound(request.url);
  try {
    return parseAnswer(body);
  } catch (error) {
    throw asRefusedAnswer(error);
  }
}

function readEntry(answer: Json, kind: string): LogEntry {
  try {
    return parseV1(answer, kind);
  } catch (error) {
    throw asRefusedAnswer(error);
  }
}

/** As cosign looks for it: SHA-256 of the file. The entry of an envelope depends on the very text that was sent once. */
function loggableOf({ content, material }: Bundle, spki: Uint8Array | undefined): Omit<Loggable, "algorithm"> {
  if (content.kind !== "message") throw unfit("an envelope without the log's promise");
  const { digest, signature } = content;
  if (digest === undefined) throw unfit("no digest of the file");
  const leaf = material.kind === "certificate" ? material.chain[0] : undefined;
  const der = leaf?.raw ?? spki;
  if (der === undefined) throw unfit("neither certificate nor --key");
  const kind = leaf === undefined ? "key" : "certificate";
  return { signature, verifier: { kind, der, spki: leaf?.spki ?? der }, content: { kind: "message", digest } };
}

function unfit(got: string): Error {
  return lookupError("SIGSTORE_ENTRY_NOT_FOUND", { checked: "what to ask for", got });
}

function notFound(url: string): Error {
  return lookupError("SIGSTORE_ENTRY_NOT_FOUND", { checked: url });
}
