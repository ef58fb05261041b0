import { quote } from "@countersign/core";
import { loginError } from "./login-errors.ts";
import { postForm, refusalOf, type Issuer } from "./issuer.ts";
import { parseToken, type Token } from "./oidc.ts";
import { makeProofKey, makeSecret, type Random } from "./proof-key.ts";
import { isSharing, type Caller } from "./request.ts";

/** The client that Sigstore's issuers know; a public one, without a secret. */
export const sigstoreClient = "sigstore";

/** Whom to sign in, and where the browser brings the answer. */
export interface LoginOptions {
  readonly issuer: Issuer;
  /** Default `sigstore`; the token's audience. */
  readonly clientId?: string;
  /** On this machine. */
  readonly redirectUri: string;
  readonly random: Random;
}

/** One sign-in that has begun. All of its secrets are its own: no answer to another one fits. */
export interface Login {
  /** Where a person signs in. */
  readonly url: string;
  readonly issuer: Issuer;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}

/** Begins the authorization code flow (RFC 6749 §4.1, RFC 8252) with PKCE S256, a state and a nonce. Opens nothing. */
export function startLogin({ issuer, clientId = sigstoreClient, redirectUri, random }: LoginOptions): Login {
  const { verifier, challenge } = makeProofKey(random);
  const [state, nonce] = [makeSecret(random), makeSecret(random)];
  const url = new URL(issuer.authorizationEndpoint);
  const parameters = {
    response_type: "code",
    client_id: clientId,
    redirect_uri: redirectUri,
    scope: "openid email",
    state,
    nonce,
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url: url.href, issuer, clientId, redirectUri, state, nonce, verifier };
}

/**
 * Takes the code out of what the browser brought: proves that it answers this sign-in (state) and comes from this issuer
 * (RFC 9207, where the issuer names itself or somebody does for it). Each parameter may be there once.
 * Throws SIGSTORE_LOGIN_STATE, SIGSTORE_ISSUER_MISMATCH, SIGSTORE_LOGIN_DENIED, SIGSTORE_LOGIN_REFUSED.
 */
export function checkAnswer(login: Login, query: URLSearchParams): string {
  const only = (name: string): string | undefined => {
    const values = query.getAll(name);
    if (values.length > 1) throw loginError("SIGSTORE_LOGIN_STATE", { checked: name, got: "twice" });
    return values[0];
  };
  if (only("state") !== login.state) throw loginError("SIGSTORE_LOGIN_STATE");
  checkIss(login.issuer, only("iss"));
  const error = only("error");
  if (error === "access_denied") throw loginError("SIGSTORE_LOGIN_DENIED");
  const code = only("code");
  if (error === undefined && code !== undefined && code !== "") return code;
  if (error === undefined) throw loginError("SIGSTORE_LOGIN_REFUSED", { got: "no code" });
  const said = only("error_description");
  const secrets = `${login.state} ${login.nonce} ${login.verifier}`;
  const isShown = said !== undefined && said !== "" && !isSharing(said, secrets);
  throw loginError("SIGSTORE_LOGIN_REFUSED", {
    got: `${quote(error.slice(0, 80))}${isShown ? `, ${quote(said)}` : ""}`,
  });
}

/**
 * Redeems a code for an identity token (RFC 6749 §4.1.3, OpenID Connect Core §3.1.3) and proves its issuer, audience,
 * nonce and time. It came straight from the issuer, so its signature is left to Fulcio (§3.1.3.7, rule 6).
 * Throws SIGSTORE_LOGIN_REFUSED, SIGSTORE_TOKEN_*, SIGSTORE_ISSUER_RESPONSE and the errors of `send`.
 */
export async function redeemCode(caller: Caller, login: Login, code: string, nowMs: number): Promise<Token> {
  const { issuer, clientId, redirectUri, verifier, nonce } = login;
  const form = {
    grant_type: "authorization_code",
    code,
    redirect_uri: redirectUri,
    client_id: clientId,
    code_verifier: verifier,
  };
  const secret = `${code} ${verifier}`;
  const { status, answer } = await postForm(caller, issuer.tokenEndpoint, form, { secret });
  if (status >= 400) throw loginError("SIGSTORE_LOGIN_REFUSED", { got: refusalOf(answer, secret) });
  return parseToken(answer.string("id_token"), { nowMs, audience: clientId, issuer: issuer.issuer, nonce });
}

function checkIss({ issuer, namesItself }: Issuer, iss: string | undefined): void {
  if (iss === issuer || (iss === undefined && !namesItself)) return;
  const got = iss === undefined ? "none" : quote(iss.slice(0, 200));
  throw loginError("SIGSTORE_ISSUER_MISMATCH", { checked: "answer", expected: quote(issuer), got });
}
