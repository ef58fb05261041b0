import { parseUtf8, TrustError } from "@countersign/core";
import {
  fetchAmbient,
  findAmbient,
  parseToken,
  sigstoreAudience,
  type AmbientName,
  type Services,
} from "@countersign/sigstore";
import { findCi } from "./ci.ts";
import { cliError } from "./errors.ts";
import { signingError } from "./signing-errors.ts";
import { readSmallFile } from "./input.node.ts";
import { readOptionalFile } from "./machine.node.ts";
import type { SignOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Where identity tokens come from in this run. */
export interface TokenSource {
  readonly audience: string;
  /** A token that lasts for a while; may open a socket, or ask a person. */
  readonly token: () => Promise<string>;
}

/** A token that ends sooner is not begun with, in milliseconds. People's tokens live for a minute in all. */
const minLifeMs = 5000;

/**
 * Finds where a token comes from, without getting it: the option or $SIGSTORE_ID_TOKEN, else a client's secret, else what this
 * environment gives to its jobs, else a person. Throws CLI_TOKEN_MISSING where there is none of them: in a CI nobody is asked.
 * Throws CLI_TOKEN_UNREADABLE, never with a piece of what might be a token.
 */
export function findTokenSource(options: SignOptions, services: Services, terminal: Terminal): TokenSource {
  const { env } = terminal;
  const isGiven = (options.identityToken ?? env["SIGSTORE_ID_TOKEN"] ?? "") !== "";
  if (isGiven) {
    readToken(options, terminal);
    // Read again each time: who signs for hours puts a fresh token into the file.
    return { audience: sigstoreAudience, token: () => Promise.resolve(readToken(options, terminal)) };
  }
  if (options.oidcClientSecretFile !== undefined) return clientSource(options, services, terminal);
  const ambient =
    options.oidcDisableAmbientProviders === true ? undefined : findAmbient({ env, readFile: readOptionalFile });
  if (ambient !== undefined) return ambientSource(ambient, terminal);
  const isReachable = terminal.canAsk || options.oidcFlow !== undefined;
  if (findCi(env) !== undefined || !isReachable) throw missing(env);
  return personSource(options, services, terminal);
}

function ambientSource(name: AmbientName, terminal: Terminal): TokenSource {
  const fetch = async (): Promise<string> => {
    const { makeMachine } = await import("./machine.node.ts");
    return fetchAmbient(name, sigstoreAudience, makeMachine(terminal));
  };
  return { audience: sigstoreAudience, token: lasting(fetch, sigstoreAudience, terminal) };
}

/** OAuth client credentials (RFC 6749 §4.4): the program signs in for itself, so it works wherever no person takes part, in CI too. */
function clientSource(options: SignOptions, services: Services, terminal: Terminal): TokenSource {
  const { oidcClientId: clientId, oidcClientSecretFile: path = "" } = options;
  if (clientId === undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--oidc-client-secret-file",
      expected: "--oidc-client-id beside it",
    });
  const secret = parseUtf8(readSmallFile(path, "client secret")).trim();
  if (!/^[\x21-\x7e]{1,4096}$/.test(secret))
    throw cliError("CLI_OPTION_VALUE", {
      checked: "--oidc-client-secret-file",
      expected: "a file with one secret in it",
    });
  const fetch = async (): Promise<string> => {
    const { signInAsClient } = await import("./sign-in.ts");
    return signInAsClient(options, services.oidc?.url, { clientId, secret }, terminal);
  };
  return { audience: clientId, token: lasting(fetch, clientId, terminal) };
}

function personSource(options: SignOptions, services: Services, terminal: Terminal): TokenSource {
  const audience = options.oidcClientId ?? sigstoreAudience;
  const fetch = async (): Promise<string> => {
    const { signIn } = await import("./sign-in.ts");
    return signIn(options, services.oidc?.url, terminal);
  };
  return { audience, token: lasting(fetch, audience, terminal) };
}

/** Gets a token once, and another one when it is about to end; whoever asks meanwhile waits for the same one. */
function lasting(fetch: () => Promise<string>, audience: string, terminal: Terminal): () => Promise<string> {
  let last: { readonly raw: string; readonly expiresMs: number } | undefined;
  let asking: Promise<string> | undefined;
  const ask = async (): Promise<string> => {
    try {
      const raw = await fetch();
      last = { raw, expiresMs: parseToken(raw, { nowMs: terminal.now().getTime(), audience }).expiresMs };
      return raw;
    } finally {
      asking = undefined;
    }
  };
  return async () => {
    if (last !== undefined && last.expiresMs - terminal.now().getTime() > minLifeMs) return last.raw;
    return (asking ??= ask());
  };
}

function readToken(options: SignOptions, { env }: Terminal): string {
  const given = options.identityToken ?? env["SIGSTORE_ID_TOKEN"] ?? "";
  return isToken(given.trim()) ? given.trim() : readTokenFile(given);
}

/** A JWS in compact form begins with a JSON object in base64url. */
function isToken(text: string): boolean {
  return /^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(text);
}

function readTokenFile(path: string): string {
  try {
    const token = parseUtf8(readSmallFile(path, "identity token")).trim();
    if (isToken(token)) return token;
  } catch {
    // What cannot be read as a file may be a mangled token: no part of it, nor the cause that quotes it, is passed on.
  }
  throw signingError("CLI_TOKEN_UNREADABLE");
}

/** In CI nobody waits for a browser: say what the job lacks. */
function missing(env: Terminal["env"]): TrustError {
  const entry = signingError("CLI_TOKEN_MISSING");
  const ci = findCi(env);
  if (ci === undefined) return entry;
  return new TrustError(
    entry.code,
    { kind: entry.kind, says: entry.message, fix: ci.fix },
    `this ${ci.name} job gives none`,
  );
}
