import { loginError } from "./login-errors.ts";
import { postForm, refusalOf, type Issuer } from "./issuer.ts";
import { parseToken, type Token } from "./oidc.ts";
import type { Caller } from "./request.ts";

/** A program that is known to an issuer, in place of a person. */
export interface ClientSecret {
  readonly issuer: Issuer;
  readonly clientId: string;
  readonly secret: string;
  readonly nowMs: number;
}

/**
 * Gets the identity token of a client by its secret (RFC 6749 §4.4, with `openid` as scope, which issuers may refuse to clients).
 * Throws SIGSTORE_LOGIN_REFUSED, SIGSTORE_ISSUER_RESPONSE, SIGSTORE_TOKEN_* and the errors of `send`; none repeats the secret.
 */
export async function redeemSecret(caller: Caller, { issuer, clientId, secret, nowMs }: ClientSecret): Promise<Token> {
  const form = { grant_type: "client_credentials", client_id: clientId, client_secret: secret, scope: "openid email" };
  const { status, answer } = await postForm(caller, issuer.tokenEndpoint, form, { secret });
  if (status >= 400) throw loginError("SIGSTORE_LOGIN_REFUSED", { got: refusalOf(answer, secret) });
  return parseToken(answer.string("id_token"), { nowMs, audience: clientId, issuer: issuer.issuer });
}
