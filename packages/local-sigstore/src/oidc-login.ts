import { createHash, randomBytes } from "node:crypto";
import type { Faults } from "./faults.ts";
import { json, text } from "./http.ts";
import type { Reply, Request, Route } from "./http.ts";
import type { TokenRequest } from "./oidc.ts";

/** How long a code for a signed-in person is good, in milliseconds. */
export const codeLifetimeMs = 60_000;
/** How long the tokens that people get are good, as at the public instance, in seconds. */
export const personTokenSeconds = 60;
/** How long a device code waits for a person, in milliseconds. */
export const deviceLifetimeMs = 300_000;
/** How long a device has to wait between two questions, in seconds. */
export const deviceIntervalSeconds = 5;

/** What people sign in at. */
export interface LoginOptions {
  readonly issuer: string;
  readonly now: () => Date;
  readonly faults: Faults;
  readonly token: (request: TokenRequest) => Promise<string>;
}

/** One sign-in that is going on. */
interface Session {
  readonly clientId: string;
  readonly challenge: string;
  readonly expiresMs: number;
  readonly redirectUri?: string;
  readonly nonce?: string;
  /** Who signed in; `denied` if somebody said no. */
  email?: string;
  state: "open" | "granted" | "denied";
  askedMs: number;
  intervalSeconds: number;
}

interface Sessions extends LoginOptions {
  readonly codes: Map<string, Session>;
  readonly devices: Map<string, Session>;
  /** Device codes by what a person types. */
  readonly userCodes: Map<string, string>;
}

/** The authorization code flow with PKCE (RFC 6749, 7636, 9207) and the device flow (RFC 8628), for public clients. */
export function loginRoutes(options: LoginOptions): {
  readonly routes: readonly Route[];
  /** Answers a token request in the form of RFC 6749. */
  readonly redeem: (request: Request) => Promise<Reply>;
} {
  const sessions: Sessions = { ...options, codes: new Map(), devices: new Map(), userCodes: new Map() };
  const route = (method: Route["method"], path: RegExp, answer: (request: Request) => Reply): Route => ({
    service: "oidc",
    method,
    path,
    answer,
  });
  return {
    routes: [
      route("GET", /\/auth/, (request) => askWho(request, "/auth/login")),
      route("GET", /\/auth\/login/, (request) => signIn(request, sessions)),
      route("POST", /\/device\/code/, (request) => startDevice(request, sessions)),
      route("GET", /\/device/, (request) => askWho(request, "/device/approve")),
      route("GET", /\/device\/approve/, (request) => approveDevice(request, sessions)),
    ],
    redeem: (request) => redeem(formOf(request), sessions),
  };
}

/** What a discovery document says of these flows. */
export function loginMetadata(issuer: string): Record<string, unknown> {
  return {
    authorization_endpoint: `${issuer}/auth`,
    device_authorization_endpoint: `${issuer}/device/code`,
    grant_types_supported: ["authorization_code", deviceGrant, clientGrant],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_post"],
    authorization_response_iss_parameter_supported: true,
  };
}

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";
const clientGrant = "client_credentials";

/** A page that asks a person for a name: any will do. The parameters of the request go on as they came. */
function askWho(request: Request, action: string): Reply {
  const hidden = [...request.query].map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  const body = `<!doctype html><meta charset="utf-8"><title>local-sigstore</title>
<h1>Sign in to local-sigstore</h1><p>It believes whatever you say. For tests only.</p>
<form action="${action}">${hidden.join("")}
<p><label>E-mail address <input name="email" value="me@example.com"></label></p>
<p><button>Sign in</button> <button name="deny" value="1">Refuse</button></p></form>`;
  return text(body, "text/html; charset=utf-8");
}

function escaped(value: string): string {
  return value.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
}

function signIn({ query }: Request, sessions: Sessions): Reply {
  const asked = (name: string): string => query.get(name) ?? "";
  const redirectUri = asked("redirect_uri");
  // Nothing is sent to an address that the client cannot be at (RFC 8252 §7.3).
  if (!/^http:\/\/(?:127\.0\.0\.1|localhost)(?::\d+)?\//.test(redirectUri))
    return refused("invalid_request", "redirect_uri");
  const isAsked = asked("response_type") === "code" && asked("scope").split(" ").includes("openid");
  const isProved = asked("code_challenge_method") === "S256" && /^[\w-]{43}$/.test(asked("code_challenge"));
  if (!isAsked || !isProved || asked("client_id") === "")
    return backTo(redirectUri, { error: "invalid_request", state: asked("state") });
  const fault = sessions.faults.take("oidc", [
    "denied",
    "wrong-state",
    "wrong-response-issuer",
    "no-response-issuer",
    "wrong-client",
  ]);
  const state = fault?.kind === "wrong-state" ? "another-state" : asked("state");
  const iss = fault?.kind === "wrong-response-issuer" ? "https://issuer.example.com" : sessions.issuer;
  const own = fault?.kind === "no-response-issuer" ? {} : { iss };
  if (fault?.kind === "denied" || query.has("deny"))
    return backTo(redirectUri, { error: "access_denied", state, ...own });
  const code = randomBytes(24).toString("base64url");
  sessions.codes.set(code, {
    clientId: fault?.kind === "wrong-client" ? "another-client" : asked("client_id"),
    challenge: asked("code_challenge"),
    expiresMs: sessions.now().getTime() + codeLifetimeMs,
    redirectUri,
    nonce: asked("nonce"),
    email: asked("email") || "me@example.com",
    state: "granted",
    askedMs: 0,
    intervalSeconds: 0,
  });
  return backTo(redirectUri, { code, state, ...own });
}

function backTo(redirectUri: string, answer: Readonly<Record<string, string>>): Reply {
  const url = new URL(redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  return { status: 302, type: "text/plain", body: "", headers: { location: url.href } };
}

function startDevice(request: Request, sessions: Sessions): Reply {
  const form = formOf(request);
  const challenge = form.get("code_challenge") ?? "";
  const isProved = form.get("code_challenge_method") === "S256" && /^[\w-]{43}$/.test(challenge);
  if ((form.get("client_id") ?? "") === "" || !isProved)
    return refused("invalid_request", "client_id or code_challenge");
  const [deviceCode, userCode] = [randomBytes(24).toString("base64url"), randomBytes(4).toString("hex").toUpperCase()];
  sessions.devices.set(deviceCode, {
    clientId: form.get("client_id") ?? "",
    challenge,
    expiresMs: sessions.now().getTime() + deviceLifetimeMs,
    state: "open",
    askedMs: 0,
    intervalSeconds: deviceIntervalSeconds,
  });
  sessions.userCodes.set(userCode, deviceCode);
  return json({
    device_code: deviceCode,
    user_code: userCode,
    verification_uri: `${sessions.issuer}/device`,
    verification_uri_complete: `${sessions.issuer}/device?user_code=${userCode}`,
    expires_in: deviceLifetimeMs / 1000,
    interval: deviceIntervalSeconds,
  });
}

function approveDevice({ query }: Request, sessions: Sessions): Reply {
  const session = sessions.devices.get(sessions.userCodes.get(query.get("user_code") ?? "") ?? "");
  if (session === undefined || session.state !== "open") return refused("invalid_request", "user_code");
  session.state = query.has("deny") ? "denied" : "granted";
  session.email = query.get("email") || "me@example.com";
  return text("You may close this window.");
}

async function redeem(form: URLSearchParams, sessions: Sessions): Promise<Reply> {
  const grant = form.get("grant_type");
  if (grant === clientGrant) return redeemClient(form, sessions);
  const session = grant === deviceGrant ? askDevice(form, sessions) : takeCode(form, sessions);
  if (typeof session === "string") return refused(session, grant ?? "no grant_type");
  const fault = sessions.faults.take("oidc", ["wrong-nonce", "wrong-audience", "wrong-issuer"]);
  const nonce = fault?.kind === "wrong-nonce" ? "another-nonce" : session.nonce;
  const token = await sessions.token({
    email: session.email ?? "",
    expiresInSeconds: personTokenSeconds,
    audience: fault?.kind === "wrong-audience" ? "another-client" : session.clientId,
    claims: {
      ...(nonce === undefined || nonce === "" ? {} : { nonce }),
      ...(fault?.kind === "wrong-issuer" ? { iss: "https://issuer.example.com" } : {}),
    },
  });
  return json({ access_token: randomBytes(12).toString("base64url"), token_type: "Bearer", id_token: token });
}

/** A client of any name, whose secret is `secret-of-` and its name (RFC 6749 §4.4). */
async function redeemClient(form: URLSearchParams, sessions: Sessions): Promise<Reply> {
  const clientId = form.get("client_id") ?? "";
  if (clientId === "" || form.get("client_secret") !== `secret-of-${clientId}`)
    return refused("invalid_client", clientGrant);
  const fault = sessions.faults.take("oidc", ["wrong-audience", "wrong-issuer"]);
  const audience = fault?.kind === "wrong-audience" ? "another-client" : clientId;
  const claims = fault?.kind === "wrong-issuer" ? { iss: "https://issuer.example.com" } : {};
  const token = await sessions.token({ email: `${clientId}@clients.local`, audience, claims });
  return json({ access_token: randomBytes(12).toString("base64url"), token_type: "Bearer", id_token: token });
}

/** The session of a code, which is good once, for the client and address it was made for and the holder of the verifier. */
function takeCode(form: URLSearchParams, sessions: Sessions): Session | string {
  if (form.get("grant_type") !== "authorization_code") return "unsupported_grant_type";
  const code = form.get("code") ?? "";
  const session = sessions.codes.get(code);
  sessions.codes.delete(code);
  if (session === undefined || sessions.faults.take("oidc", ["expired-code"]) !== undefined) return "invalid_grant";
  const isOurs = session.clientId === form.get("client_id") && session.redirectUri === form.get("redirect_uri");
  const isFresh = session.expiresMs > sessions.now().getTime();
  return isOurs && isFresh && isProof(session, form) ? session : "invalid_grant";
}

/** The session of a device that somebody has signed in for, or why there is nothing yet (RFC 8628 §3.5). */
function askDevice(form: URLSearchParams, sessions: Sessions): Session | string {
  const session = sessions.devices.get(form.get("device_code") ?? "");
  const nowMs = sessions.now().getTime();
  if (session === undefined || session.clientId !== form.get("client_id")) return "invalid_grant";
  const fault = sessions.faults.take("oidc", ["slow-down", "denied", "expired-code"]);
  const isTooSoon = nowMs - session.askedMs < session.intervalSeconds * 1000;
  session.askedMs = nowMs;
  if (isTooSoon || fault?.kind === "slow-down") {
    session.intervalSeconds += 5;
    return "slow_down";
  }
  if (fault?.kind === "denied" || session.state === "denied") return "access_denied";
  if (fault?.kind === "expired-code" || session.expiresMs <= nowMs) return "expired_token";
  if (session.state === "open") return "authorization_pending";
  return isProof(session, form) ? session : "invalid_grant";
}

function isProof({ challenge }: Session, form: URLSearchParams): boolean {
  const verifier = form.get("code_verifier") ?? "";
  return /^[\w.~-]{43,128}$/.test(verifier) && createHash("sha256").update(verifier).digest("base64url") === challenge;
}

function formOf({ body }: Request): URLSearchParams {
  return new URLSearchParams(Buffer.from(body).toString("utf8"));
}

function refused(error: string, what: string): Reply {
  return json({ error, error_description: what }, 400);
}
