import { base64, parseJson, quote, readObject, TrustError, utf8, type Detail } from "@countersign/core";
import { checkAddress } from "./address.ts";
import { readBody } from "./body.ts";
import { parseChallenges, type Challenge } from "./challenge.ts";
import { ociError } from "./errors.ts";
import { discard, send, type Caller, type Sent } from "./send.ts";
import type { OciResponse } from "./http.ts";

/** Who the caller is to one registry. */
export type Credential =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** A refresh token, changed for an access token at the registry's login service. */
  | { readonly kind: "identity-token"; readonly token: string }
  /** Sent as it is. */
  | { readonly kind: "registry-token"; readonly token: string };

/** Finds the credential for a registry and repository; undefined is a stranger. */
export type Credentials = (registry: string, repository: string) => Promise<Credential | undefined>;

/** The largest answer of a login service that is read, in bytes. */
export const maxTokenBytes: number = 1024 * 1024;
/** How long a login service may be silent, in milliseconds. */
export const tokenTimeoutMs: number = 20_000;

/** What a login is for. */
export interface Login {
  readonly caller: Caller;
  readonly credential: Credential | undefined;
  /** `repository:NAME:pull` and the like, one for each repository. */
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal;
}

/**
 * The Authorization header that answers a registry's 401 (distribution's token authentication; RFC 7617). The login
 * service is asked only at an address that `checkAddress` allows, and gets the credential of this registry alone.
 * Throws OCI_UNAUTHORIZED, OCI_CHALLENGE_UNSUPPORTED, OCI_ADDRESS_REFUSED, OCI_TOKEN_MALFORMED.
 */
export async function authorize(response: OciResponse, login: Login): Promise<string> {
  const challenges = parseChallenges(response.headers["www-authenticate"] ?? "");
  const bearer = challenges.find((each) => each.scheme === "bearer");
  if (bearer !== undefined) return `Bearer ${await fetchToken(bearer, login)}`;
  if (challenges.some((each) => each.scheme === "basic")) return basicOf(login);
  const got = challenges.map((each) => quote(each.scheme)).join(", ");
  throw ociError("OCI_CHALLENGE_UNSUPPORTED", { checked: login.caller.registry.host, got: got === "" ? "none" : got });
}

function basicOf({ credential, caller }: Login): string {
  if (credential?.kind === "password") return formatBasic(credential);
  throw ociError("OCI_UNAUTHORIZED", { checked: caller.registry.host, expected: "a user name and password" });
}

function formatBasic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${base64(utf8(`${username}:${password}`))}`;
}

async function fetchToken(challenge: Challenge, login: Login): Promise<string> {
  if (login.credential?.kind === "registry-token") return login.credential.token;
  const realm = realmOf(challenge, login);
  // The login service is a caller's registry of its own: redirects from it are held to the same rules.
  const caller: Caller = { ...login.caller, registry: realm };
  const response = await send(caller, tokenRequest(realm, challenge, login));
  if (response.status !== 200) throw await loginError(response, login.caller);
  return readToken(await readBody(response.body, maxTokenBytes, "token"));
}

/** Its words are not repeated: they may hold the credential. */
async function loginError(response: OciResponse, { registry }: Caller): Promise<TrustError> {
  await discard(response);
  const detail = { checked: `login service of ${registry.host}`, got: `status ${response.status}` };
  return ociError(response.status >= 500 ? "OCI_REGISTRY_UNAVAILABLE" : "OCI_UNAUTHORIZED", detail);
}

function realmOf({ parameters }: Challenge, { caller }: Login): URL {
  const realm = parameters.get("realm") ?? "";
  if (!URL.canParse(realm)) throw ociError("OCI_ANSWER_MALFORMED", { checked: "realm", got: quote(realm) });
  const url = new URL(realm);
  checkAddress(url, caller.registry, "login service");
  return url;
}

function tokenRequest(realm: URL, { parameters }: Challenge, login: Login): Sent {
  const fields = new URLSearchParams();
  const service = parameters.get("service");
  if (service !== undefined) fields.set("service", service);
  const scopes = login.scopes.length > 0 ? login.scopes : (parameters.get("scope")?.split(" ") ?? []);
  const base = { timeoutMs: tokenTimeoutMs, wholeMs: tokenTimeoutMs, ...(login.signal && { signal: login.signal }) };
  if (login.credential?.kind === "identity-token") {
    fields.set("grant_type", "refresh_token");
    fields.set("client_id", "countersign");
    fields.set("refresh_token", login.credential.token);
    fields.set("scope", scopes.join(" "));
    const headers = { "content-type": "application/x-www-form-urlencoded", accept: "application/json" };
    return { ...base, method: "POST", url: realm, headers, body: utf8(fields.toString()) };
  }
  for (const scope of scopes) fields.append("scope", scope);
  const url = new URL(realm);
  for (const [name, value] of fields) url.searchParams.append(name, value);
  const authorization = login.credential?.kind === "password" ? { authorization: formatBasic(login.credential) } : {};
  return { ...base, method: "GET", url, headers: { accept: "application/json", ...authorization } };
}

/** RFC 6750 §2.1: anything else could end the header and begin another. */
export function isBearerToken(text: string): boolean {
  return /^[A-Za-z0-9\-._~+/]+=*$/.test(text);
}

function readToken(bytes: Uint8Array): string {
  const malformed = (detail: Detail): TrustError =>
    ociError("OCI_TOKEN_MALFORMED", { expected: detail.expected ?? "a token" });
  try {
    const reader = readObject(parseJson(bytes, { maxBytes: maxTokenBytes, maxDepth: 16 }), "token", malformed);
    const token = reader.optionalString("token") ?? reader.optionalString("access_token");
    if (token !== undefined && isBearerToken(token)) return token;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
  }
  throw malformed({});
}
