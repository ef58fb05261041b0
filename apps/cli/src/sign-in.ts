import { randomBytes } from "node:crypto";
import {
  awaitDevice,
  checkAnswer,
  discoverIssuer,
  redeemCode,
  redeemSecret,
  startDevice,
  startLogin,
  type Caller,
  type Issuer,
} from "@countersign/sigstore";
import { hasBrowser, openBrowser } from "./browser.node.ts";
import { cliError } from "./errors.ts";
import { signingError } from "./signing-errors.ts";
import { http, sleep } from "./http.ts";
import type { SignOptions } from "./options.ts";
import { isRedirectAddress, openRedirect } from "./redirect.node.ts";
import { formatNote, plain, whole } from "./render-text.ts";
import type { Terminal } from "./terminal.ts";

/**
 * Signs a person in and gives their token: in a browser of this machine, or, where there is none, in one elsewhere with a
 * code. `usualIssuer` is the instance's own. Opens sockets. Throws CLI_TOKEN_MISSING without an issuer, CLI_OPTION_*,
 * SIGSTORE_ISSUER_*, SIGSTORE_LOGIN_*, SIGSTORE_TOKEN_*.
 */
export async function signIn(
  options: SignOptions,
  usualIssuer: string | undefined,
  terminal: Terminal,
): Promise<string> {
  const caller: Caller = { http, sleep };
  const { oidcRedirectUrl: redirectUrl, oidcClientId: clientId } = options;
  const flow = flowOf(options, terminal);
  const issuer = await discoverIssuer(caller, addressOf(options, usualIssuer));
  const visit: Visit = { issuer, caller, terminal, ...(clientId && { clientId }), ...(redirectUrl && { redirectUrl }) };
  return flow === "browser" ? inBrowser(visit) : elsewhere(visit);
}

/** Who names an address for the browser has one, be it by a tunnel from elsewhere. */
function flowOf({ oidcFlow, oidcRedirectUrl }: SignOptions, { env }: Terminal): "browser" | "device" {
  if (oidcRedirectUrl === undefined) return oidcFlow ?? (hasBrowser(env) ? "browser" : "device");
  if (oidcFlow === "device")
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--oidc-redirect-url", expected: "--oidc-flow browser, or none" });
  if (isRedirectAddress(oidcRedirectUrl)) return "browser";
  const expected = "an address on this machine with a port, such as http://127.0.0.1:8085/callback";
  throw cliError("CLI_OPTION_VALUE", { checked: "--oidc-redirect-url", expected, got: plain(oidcRedirectUrl) });
}

/** The token of a client that has a secret. Opens sockets. Throws as `signIn` does. */
export async function signInAsClient(
  options: SignOptions,
  usualIssuer: string | undefined,
  client: { readonly clientId: string; readonly secret: string },
  terminal: Terminal,
): Promise<string> {
  const caller: Caller = { http, sleep };
  const issuer = await discoverIssuer(caller, addressOf(options, usualIssuer));
  return (await redeemSecret(caller, { ...client, issuer, nowMs: terminal.now().getTime() })).raw;
}

function addressOf(options: SignOptions, usualIssuer: string | undefined): string {
  const address = options.oidcIssuer ?? usualIssuer;
  if (address === undefined)
    throw signingError("CLI_TOKEN_MISSING", "the signing config names no issuer to sign in at");
  return address;
}

interface Visit {
  readonly issuer: Issuer;
  readonly caller: Caller;
  readonly terminal: Terminal;
  readonly clientId?: string;
  readonly redirectUrl?: string;
}

const random = (byteCount: number): Uint8Array => new Uint8Array(randomBytes(byteCount));

async function inBrowser({ issuer, caller, terminal, clientId, redirectUrl }: Visit): Promise<string> {
  const redirect = await openRedirect(redirectUrl === undefined ? {} : { address: redirectUrl });
  try {
    const login = startLogin({ issuer, redirectUri: redirect.uri, random, ...(clientId && { clientId }) });
    terminal.err(formatNote(`sign in in the browser; if none opens, go to ${whole(login.url)}`, terminal));
    const answer = redirect.answer((query) => checkAnswer(login, query));
    openBrowser(login.url, terminal.env);
    return (await redeemCode(caller, login, await answer, terminal.now().getTime())).raw;
  } finally {
    redirect.close();
  }
}

async function elsewhere({ issuer, caller, terminal, clientId }: Visit): Promise<string> {
  const now = (): Date => terminal.now();
  const login = await startDevice(caller, { issuer, random, now, ...(clientId && { clientId }) });
  const minutes = Math.ceil((login.expiresMs - now().getTime()) / 60_000);
  terminal.err(
    formatNote(
      `to sign in, open ${whole(login.url)} and type ${plain(login.userCode)} within ${minutes} minutes`,
      terminal,
    ),
  );
  if (login.completeUrl !== undefined) terminal.err(formatNote(`or open ${whole(login.completeUrl)}`, terminal));
  return (await awaitDevice(caller, login, now)).raw;
}
