import { parseJson, quote, readObject, TrustError, utf8, type Detail, type ObjectReader } from "@countersign/core";
import { sigstoreError } from "../errors.ts";
import { jsonBody, send, type Caller } from "../request.ts";

/** How long one request to a key service may take, in milliseconds. */
export const keyServiceTimeoutMs: number = 20_000;
/** The largest answer of a key service, in bytes. */
export const maxKeyAnswerBytes: number = 256 * 1024;

/** One request to a key service. */
export interface KeyServiceRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent by POST; without it the request is a GET, unless `method` says otherwise. */
  readonly body?: Uint8Array;
  readonly method?: "PUT";
  /** Default: `keyServiceTimeoutMs`. */
  readonly timeoutMs?: number;
  /** What is sent along and must not come back in a message. */
  readonly secrets: readonly string[];
}

/**
 * Asks a key service and gives the JSON object that it answers. Tries again as `send` does: asking twice for a signature is
 * harmless. Throws SIGSTORE_KEY_SERVICE_REFUSED, SIGSTORE_KEY_SERVICE_RESPONSE, SIGSTORE_HTTP_UNAVAILABLE,
 * SIGSTORE_HTTP_TOO_LARGE and what the caller's `http` throws; none repeats a secret.
 */
export async function askKeyService(io: Caller, request: KeyServiceRequest): Promise<ObjectReader> {
  const body = await askForBytes(io, request);
  try {
    return readObject(parseJson(body), "answer", wrongAnswer);
  } catch (error) {
    throw serviceError(error);
  }
}

/** As `askKeyService`, but undefined where the service says 404. */
export async function askIfThere(io: Caller, request: KeyServiceRequest): Promise<ObjectReader | undefined> {
  let isThere = true;
  const http: Caller["http"] = async (sent) => {
    const response = await io.http(sent);
    isThere = response.status !== 404;
    return isThere ? response : { ...response, status: 200, body: utf8("{}") };
  };
  const answer = await askKeyService({ ...io, http }, request);
  return isThere ? answer : undefined;
}

/** As `askKeyService`, of what answers something else than JSON. */
export async function askForBytes(io: Caller, request: KeyServiceRequest): Promise<Uint8Array> {
  const { url, headers, body, secrets, timeoutMs = keyServiceTimeoutMs } = request;
  const method = request.method ?? (body === undefined ? "GET" : "POST");
  const sent = { method, url, headers, ...(body === undefined ? {} : { body }) } as const;
  try {
    const limits = { timeoutMs, maxBytes: maxKeyAnswerBytes };
    return (await send(io, { ...sent, ...limits }, { secret: secrets.join("\n") })).body;
  } catch (error) {
    throw serviceError(error);
  }
}

/** The headers and body of a JSON request. */
export function jsonRequest(value: unknown): {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
} {
  return { headers: { "content-type": "application/json" }, body: jsonBody(value) };
}

/** Makes SIGSTORE_KEY_SERVICE_RESPONSE. */
export function wrongAnswer(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_KEY_SERVICE_RESPONSE", detail);
}

/** Proves that the service answered about what it was asked about. Throws SIGSTORE_KEY_SERVICE_RESPONSE. */
export function checkAnswered(what: string, expected: string, got: string): void {
  if (got !== expected) throw wrongAnswer({ checked: what, expected: quote(expected), got: quote(got) });
}

/**
 * The base address of a key service, without a slash at its end: https, or http on this very machine, since what is sent
 * there can sign. Throws SIGSTORE_KEY_ADDRESS.
 */
export function parseServiceAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  const isPlain = url?.username === "" && url.password === "" && url.search === "" && url.hash === "";
  if (url !== undefined && isSafe && isPlain) return url.href.replace(/\/+$/, "");
  const got = url === undefined ? "none that can be read" : quote(`${url.protocol}//${url.host}`);
  throw sigstoreError("SIGSTORE_KEY_ADDRESS", { expected: "https://HOST, or http:// on this machine", got });
}

/** Whether a host name can only be this machine. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/** The first variable that is set. */
export function variableOf(
  env: Readonly<Record<string, string | undefined>>,
  ...names: readonly string[]
): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== "");
}

/** Makes SIGSTORE_KEY_CREDENTIALS, which names variables and none of their values. */
export function noCredentials(service: string, expected: string): TrustError {
  return sigstoreError("SIGSTORE_KEY_CREDENTIALS", { checked: service, expected });
}

function serviceError(error: unknown): unknown {
  if (!(error instanceof TrustError)) return error;
  if (error.code === "SIGSTORE_HTTP_REFUSED") return sigstoreError("SIGSTORE_KEY_SERVICE_REFUSED", error.detail);
  if (error.code.startsWith("CORE_")) return wrongAnswer({ expected: "JSON" });
  return error;
}
