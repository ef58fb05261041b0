import { parseJson, quote, readObject, TrustError, type Detail, type ObjectReader } from "@countersign/core";
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
  /** Sent by POST; without it the request is a GET. */
  readonly body?: Uint8Array;
  /** What is sent along and must not come back in a message. */
  readonly secrets: readonly string[];
}

/**
 * Asks a key service and gives the JSON object that it answers. Tries again as `send` does: asking twice for a signature is
 * harmless. Throws SIGSTORE_KEY_SERVICE_REFUSED, SIGSTORE_KEY_SERVICE_RESPONSE, SIGSTORE_HTTP_UNAVAILABLE,
 * SIGSTORE_HTTP_TOO_LARGE and what the caller's `http` throws; none repeats a secret.
 */
export async function askKeyService(io: Caller, request: KeyServiceRequest): Promise<ObjectReader> {
  const { url, headers, body, secrets } = request;
  const method = body === undefined ? "GET" : "POST";
  const sent = { method, url, headers, ...(body === undefined ? {} : { body }) } as const;
  const limits = { timeoutMs: keyServiceTimeoutMs, maxBytes: maxKeyAnswerBytes };
  try {
    const response = await send(io, { ...sent, ...limits }, { secret: secrets.join("\n") });
    return readObject(parseJson(response.body), "answer", wrongAnswer);
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
