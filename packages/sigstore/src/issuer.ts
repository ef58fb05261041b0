import {
  attempt,
  parseJson,
  quote,
  readObject,
  TrustError,
  type Detail,
  type JsonObject,
  type ObjectReader,
} from "@countersign/core";
import { loginError } from "./login-errors.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { isSharing, send, type Caller, type SendOptions } from "./request.ts";

/** How long an issuer may take to answer, in milliseconds. */
export const issuerTimeoutMs = 20_000;
/** The largest answer of an issuer, in bytes. */
export const maxIssuerBytes: number = 256 * 1024;

/** Where people sign in, by the issuer's own word. */
export interface Issuer {
  readonly issuer: string;
  readonly authorizationEndpoint: string;
  readonly tokenEndpoint: string;
  /** For machines without a browser (RFC 8628). */
  readonly deviceEndpoint?: string;
  /** Whether every answer that a browser brings says which issuer gave it (RFC 9207). */
  readonly namesItself: boolean;
}

/**
 * Fetches an issuer's description (OpenID Connect Discovery §4). It must name exactly the issuer that was asked, and
 * endpoints of https, or of this machine if the issuer is there too. Throws SIGSTORE_ISSUER_URL, SIGSTORE_ISSUER_MISMATCH,
 * SIGSTORE_ISSUER_RESPONSE and the errors of `send`.
 */
export async function discoverIssuer(caller: Caller, issuer: string): Promise<Issuer> {
  checkIssuerUrl(issuer);
  const url = `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const response = await send(caller, requestOf({ method: "GET", url }));
  const reader = readAnswer(response, "");
  const named = reader.string("issuer");
  if (named !== issuer)
    throw loginError("SIGSTORE_ISSUER_MISMATCH", {
      checked: "description",
      expected: quote(issuer),
      got: quote(named),
    });
  const device = reader.optionalString("device_authorization_endpoint");
  return {
    issuer,
    authorizationEndpoint: checkEndpoint(reader.string("authorization_endpoint"), issuer),
    tokenEndpoint: checkEndpoint(reader.string("token_endpoint"), issuer),
    ...(device !== undefined && device !== "" && { deviceEndpoint: checkEndpoint(device, issuer) }),
    namesItself: reader.optionalBoolean("authorization_response_iss_parameter_supported") ?? false,
  };
}

/** Refuses (SIGSTORE_ISSUER_URL) what is no https URL; plain http only on this machine itself. */
export function checkIssuerUrl(issuer: string): void {
  if (isSafeUrl(issuer, true) && !/[?#]/.test(issuer)) return;
  throw loginError("SIGSTORE_ISSUER_URL", { got: quote(issuer) });
}

/** How a form is sent. */
export interface FormOptions {
  /** Gets into no message. */
  readonly secret: string;
  /** Of who asks again anyway: a failure is not tried again at once, and status 429 is the answer `slow_down`, as some issuers have it (Auth0). */
  readonly pace?: "own";
}

/** A form sent to an issuer, and its answer as JSON, also one of refusal (RFC 6749 §5.2). */
export async function postForm(
  caller: Caller,
  url: string,
  form: Readonly<Record<string, string>>,
  { secret, pace }: FormOptions,
): Promise<{ readonly status: number; readonly answer: ObjectReader }> {
  const body = new TextEncoder().encode(new URLSearchParams({ ...form }).toString());
  const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
  const refusals = [400, 401, 403];
  const options: SendOptions =
    pace === "own" ? { alsoFine: [...refusals, 429], tries: 1, secret } : { alsoFine: refusals, secret };
  const response = await send(caller, requestOf({ method: "POST", url, headers, body }), options);
  const { status } = response;
  const answer = readAnswer(status === 429 ? { ...response, body: tooFast } : response, secret);
  return { status, answer };
}

const tooFast = new TextEncoder().encode('{"error":"slow_down"}');

/** The `error` of a refusal, if it is one of the short words that the specifications have. */
export function errorWord(answer: ObjectReader): string {
  const word = answer.optionalString("error") ?? "";
  return /^[a-z_]{1,40}$/.test(word) ? word : "an error without a name";
}

/** That word and what the issuer says beside it, unless that repeats a piece of the secret. */
export function refusalOf(answer: ObjectReader, secret: string): string {
  const said = attempt(() => answer.optionalString("error_description")) ?? "";
  const isShown = said !== "" && !isSharing(said, secret);
  return isShown ? `${errorWord(answer)}, ${quote(said)}` : errorWord(answer);
}

function requestOf(parts: Pick<HttpRequest, "method" | "url"> & Partial<HttpRequest>): HttpRequest {
  return { headers: { accept: "application/json" }, timeoutMs: issuerTimeoutMs, maxBytes: maxIssuerBytes, ...parts };
}

/** Errors of the parser quote what they read, which may be what was just sent. */
function readAnswer({ body }: HttpResponse, secret: string): ObjectReader {
  try {
    const json = parseJson(body, { maxBytes: maxIssuerBytes, maxDepth: 16 });
    return readObject(json as JsonObject, "answer", (detail: Detail) => unusable(detail, secret));
  } catch (error) {
    if (!(error instanceof TrustError) || error.code === "SIGSTORE_ISSUER_RESPONSE") throw error;
    throw unusable({ got: error.code }, secret);
  }
}

function unusable(detail: Detail, secret: string): TrustError {
  const isTelling = secret !== "" && Object.values(detail).some((part) => isSharing(String(part), secret));
  return loginError("SIGSTORE_ISSUER_RESPONSE", isTelling ? {} : detail);
}

function checkEndpoint(url: string, issuer: string): string {
  if (isSafeUrl(url, isLoopback(issuer)) && !url.includes("#")) return url;
  throw loginError("SIGSTORE_ISSUER_RESPONSE", { checked: "endpoint", expected: "an https URL", got: quote(url) });
}

function isSafeUrl(text: string, mayBeLocal: boolean): boolean {
  if (!/^https?:\/\/[^\s@]+$/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).protocol === "https:" || (mayBeLocal && isLoopback(text));
}

/** Only literal addresses and the one reserved name: no resolver is asked. */
function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === "localhost" || hostname === "[::1]" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
