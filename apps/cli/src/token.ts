import { parseUtf8, quote } from "@countersign/core";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { SignOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/**
 * The identity token to sign with: the option's value, the file that it names, or $SIGSTORE_ID_TOKEN. Checks nothing
 * about it. Throws CLI_TOKEN_MISSING and CLI_TOKEN_UNREADABLE, never with a piece of what might be a token.
 */
export function readToken(options: SignOptions, { env }: Terminal): string {
  const given = options.identityToken ?? env["SIGSTORE_ID_TOKEN"] ?? "";
  if (given === "") throw missing(env);
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
  throw cliError("CLI_TOKEN_UNREADABLE");
}

/** In CI nobody waits for a browser: say what the job lacks. */
function missing(env: Terminal["env"]): Error {
  if (env["GITHUB_ACTIONS"] === "true") {
    const hint =
      "this GitHub Actions job has none; it needs `permissions: { id-token: write }` and a step that asks for it";
    return cliError("CLI_TOKEN_MISSING", hint);
  }
  if (env["GITLAB_CI"] === "true") {
    return cliError(
      "CLI_TOKEN_MISSING",
      `this GitLab job has none; it needs id_tokens: { SIGSTORE_ID_TOKEN: { aud: ${quote("sigstore")} } }`,
    );
  }
  return cliError("CLI_TOKEN_MISSING");
}
