import { parseBase64, parseJson, quote, TrustError, type Json, type JsonObject } from "@countersign/core";
import { loginError } from "./login-errors.ts";

/** The audience that Fulcio asks for in every token. */
export const sigstoreAudience = "sigstore";
/** The longest identity token, in UTF-16 units. */
export const maxTokenChars: number = 64 * 1024;
/** How far this machine's clock may be behind that of whoever issued a token, in milliseconds. */
export const maxTokenSkewMs = 60_000;

/** What an OIDC token says of itself. Nobody checked its signature: that is for Fulcio to do. */
export interface Token {
  /** The whole token. A secret until it expires: it must not get into any message. */
  readonly raw: string;
  readonly issuer: string;
  readonly subject: string;
  /** A person's address, if the token has one: the identity that Fulcio certifies then. */
  readonly email?: string;
  readonly expiresMs: number;
  /** All that it says. */
  readonly claims: JsonObject;
}

/** What a token has to fit. */
export interface TokenOptions {
  readonly nowMs: number;
  /** Default `sigstore`. */
  readonly audience?: string;
  /** The one that must have given it, to the letter. */
  readonly issuer?: string;
  /** What was asked with, and must come back. */
  readonly nonce?: string;
}

/**
 * Reads an OIDC identity token (RFC 7519, OpenID Connect Core §2), which is signed, and proves that it is valid now and is for the
 * audience (and issuer and nonce where they are given), so that a token that cannot be used is not sent anywhere. Does not
 * verify its signature. Throws SIGSTORE_TOKEN_*; no error repeats a piece of the token.
 */
export function parseToken(raw: string, options: TokenOptions): Token {
  const claims = readClaims(raw);
  const [issuer, subject, expires] = [claims["iss"], claims["sub"], claims["exp"]];
  if (typeof issuer !== "string" || issuer === "") throw malformed("claim iss");
  if (typeof subject !== "string" || subject === "") throw malformed("claim sub");
  if (typeof expires !== "number" || !Number.isFinite(expires)) throw malformed("claim exp");
  checkOrigin(claims, issuer, options);
  const audience = options.audience ?? sigstoreAudience;
  // A party that the token was issued to by name has to be us (OpenID Connect Core §3.1.3.7, rule 5).
  const isForeign = options.issuer !== undefined && typeof claims["azp"] === "string" && claims["azp"] !== audience;
  if (isForeign || !audiences(claims["aud"]).includes(audience))
    throw loginError("SIGSTORE_TOKEN_AUDIENCE", { expected: quote(audience) });
  const expiresMs = expires * 1000;
  if (expiresMs <= options.nowMs) throw loginError("SIGSTORE_TOKEN_EXPIRED");
  checkStarted(claims, options);
  const { email } = claims;
  return { raw, issuer, subject, expiresMs, claims, ...(typeof email === "string" && email !== "" && { email }) };
}

/** That the token is this issuer's, and answers this question and not an older one (OpenID Connect Core §3.1.3.7). */
function checkOrigin({ nonce }: JsonObject, issuer: string, options: TokenOptions): void {
  if (options.issuer !== undefined && issuer !== options.issuer)
    throw loginError("SIGSTORE_TOKEN_ISSUER", { expected: quote(options.issuer) });
  if (options.nonce !== undefined && nonce !== options.nonce) throw loginError("SIGSTORE_TOKEN_NONCE");
}

/** Absent in many tokens (RFC 7519 §4.1.5). */
function checkStarted({ nbf }: JsonObject, { nowMs }: TokenOptions): void {
  if (nbf === undefined) return;
  if (typeof nbf !== "number" || !Number.isFinite(nbf)) throw malformed("claim nbf");
  if (nbf * 1000 > nowMs + maxTokenSkewMs) throw loginError("SIGSTORE_TOKEN_EARLY");
}

function malformed(checked: string): TrustError {
  return loginError("SIGSTORE_TOKEN_MALFORMED", { checked });
}

/** Errors of the parsers inside quote what they read: none of them is passed on, not even as a cause. */
function readClaims(raw: string): JsonObject {
  if (raw.length > maxTokenChars || !/^[\w-]+\.[\w-]+\.[\w-]+$/.test(raw)) throw malformed("form");
  let claims: Json;
  try {
    claims = parseJson(parseBase64(unwrapBase64Url(raw.split(".")[1] ?? "")), { maxDepth: 16 });
  } catch (error) {
    if (error instanceof TrustError) throw malformed("claims");
    throw error;
  }
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) throw malformed("claims");
  return claims as JsonObject;
}

function unwrapBase64Url(text: string): string {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/");
  return standard.padEnd(Math.ceil(standard.length / 4) * 4, "=");
}

function audiences(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : [value ?? null];
}
