import { quote, TrustError, type ObjectReader } from "@countersign/core";
import { loginError } from "./login-errors.ts";
import { errorWord, postForm, refusalOf, type Issuer } from "./issuer.ts";
import { sigstoreClient } from "./login.ts";
import { parseToken, type Token } from "./oidc.ts";
import { makeProofKey, type Random } from "./proof-key.ts";
import type { Caller } from "./request.ts";

/** The longest that a person is waited for, in seconds, whatever the issuer allows. */
export const maxDeviceSeconds: number = 15 * 60;
/** The pause between two questions where the issuer names none, in seconds (RFC 8628 §3.5). */
export const defaultDeviceInterval = 5;
/** The longest pause between two questions, in seconds. */
export const maxDeviceInterval = 60;

/** How many questions in a row may find nobody before the sign-in is given up. */
export const maxUnanswered = 4;

/** A sign-in that goes on in a browser somewhere else. */
export interface DeviceLogin {
  /** What a person opens. */
  readonly url: string;
  /** The same with the code in it, if the issuer has one. */
  readonly completeUrl?: string;
  /** What a person types there. */
  readonly userCode: string;
  readonly expiresMs: number;
  readonly intervalMs: number;
  readonly issuer: Issuer;
  readonly clientId: string;
  /** Secret, as is `verifier`. */
  readonly deviceCode: string;
  readonly verifier: string;
}

/** What the flow needs besides the network. */
export interface DeviceOptions {
  readonly issuer: Issuer;
  readonly clientId?: string;
  readonly random: Random;
  readonly now: () => Date;
}

/**
 * Begins the device flow (RFC 8628) with PKCE. Throws SIGSTORE_ISSUER_NO_DEVICE, SIGSTORE_LOGIN_REFUSED,
 * SIGSTORE_ISSUER_RESPONSE and the errors of `send`.
 */
export async function startDevice(caller: Caller, options: DeviceOptions): Promise<DeviceLogin> {
  const { issuer, clientId = sigstoreClient, random, now } = options;
  if (issuer.deviceEndpoint === undefined) throw loginError("SIGSTORE_ISSUER_NO_DEVICE", quote(issuer.issuer));
  const { verifier, challenge } = makeProofKey(random);
  const form = {
    client_id: clientId,
    scope: "openid email",
    code_challenge: challenge,
    code_challenge_method: "S256",
  };
  const { status, answer } = await postForm(caller, issuer.deviceEndpoint, form, { secret: verifier });
  if (status >= 400) throw loginError("SIGSTORE_LOGIN_REFUSED", { got: refusalOf(answer, verifier) });
  const complete = answer.optionalString("verification_uri_complete");
  const seconds = Math.min(wholeSeconds(answer, "expires_in") ?? maxDeviceSeconds, maxDeviceSeconds);
  const interval = Math.min(wholeSeconds(answer, "interval") ?? defaultDeviceInterval, maxDeviceInterval);
  return {
    url: checkShown(answer.string("verification_uri"), issuer),
    ...(complete !== undefined && { completeUrl: checkShown(complete, issuer) }),
    userCode: answer.string("user_code"),
    expiresMs: now().getTime() + seconds * 1000,
    intervalMs: interval * 1000,
    issuer,
    clientId,
    deviceCode: answer.string("device_code"),
    verifier,
  };
}

/**
 * Asks until somebody has signed in, at the pace the issuer sets, slower when it says so or cannot be reached (RFC 8628 §3.5). Throws SIGSTORE_LOGIN_DENIED,
 * SIGSTORE_LOGIN_EXPIRED, SIGSTORE_LOGIN_REFUSED, SIGSTORE_TOKEN_* and the errors of `send`.
 */
export async function awaitDevice(caller: Caller, login: DeviceLogin, now: () => Date): Promise<Token> {
  let waitMs = login.intervalMs;
  for (let unanswered = 0; ;) {
    await caller.sleep(waitMs, caller.signal);
    if (now().getTime() >= login.expiresMs) throw loginError("SIGSTORE_LOGIN_EXPIRED");
    const answer = await askOnce(caller, login).catch((error: unknown) => {
      if (!isUnavailable(error) || caller.signal?.aborted === true || ++unanswered === maxUnanswered) throw error;
      return undefined;
    });
    if (answer === undefined) {
      waitMs *= 2;
      continue;
    }
    unanswered = 0;
    if (typeof answer !== "string") {
      const { clientId, issuer } = login;
      const nowMs = now().getTime();
      return parseToken(answer.string("id_token"), { nowMs, audience: clientId, issuer: issuer.issuer });
    }
    if (answer === "access_denied") throw loginError("SIGSTORE_LOGIN_DENIED");
    if (answer === "expired_token") throw loginError("SIGSTORE_LOGIN_EXPIRED");
    if (answer === "slow_down") waitMs += 5000;
    else if (answer !== "authorization_pending") throw loginError("SIGSTORE_LOGIN_REFUSED", { got: answer });
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof TrustError && error.kind === "unavailable";
}

/** The answer with the token, or the word that says why there is none yet. */
async function askOnce(caller: Caller, login: DeviceLogin): Promise<ObjectReader | string> {
  const form = {
    grant_type: "urn:ietf:params:oauth:grant-type:device_code",
    device_code: login.deviceCode,
    client_id: login.clientId,
    code_verifier: login.verifier,
  };
  const secret = `${login.deviceCode} ${login.verifier}`;
  const { status, answer } = await postForm(caller, login.issuer.tokenEndpoint, form, { secret, pace: "own" });
  return status >= 400 ? errorWord(answer) : answer;
}

function wholeSeconds(answer: ObjectReader, name: string): number | undefined {
  const seconds = answer.optionalInteger(name);
  if (seconds === undefined) return undefined;
  if (seconds >= 1n && seconds <= 86_400n) return Number(seconds);
  throw loginError("SIGSTORE_ISSUER_RESPONSE", { checked: name, expected: "seconds", got: `${seconds}` });
}

/** It is shown to a person, and opened: it must be a web address, and none that steers a terminal. */
function checkShown(url: string, { issuer }: Issuer): string {
  const isFine = /^https:\/\/[!-~]+$/.test(url) || (issuer.startsWith("http://") && /^http:\/\/[!-~]+$/.test(url));
  if (isFine && URL.canParse(url)) return url;
  throw loginError("SIGSTORE_ISSUER_RESPONSE", { checked: "verification_uri", got: quote(url) });
}
