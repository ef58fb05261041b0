import { makeVerifier, parsePublicKey, parseUtf8, quote, TrustError, type Verifier } from "@countersign/core";
import { loadPattern, type Match, type Policy } from "@countersign/policy";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { Instance, TrustOptions, VerifyOptions } from "./options.ts";

/** Whom the command line accepts: a policy that names at least one signer, and the keys that it names. */
export interface Acceptance {
  readonly policy: Policy;
  readonly keys: readonly Verifier[];
}

/**
 * The policy that the options ask for: exact unless a pattern was given on purpose.
 * Throws CLI_IDENTITY_MISSING (its fix names `inspectable`, the bundle to look into), CLI_IDENTITY_INCOMPLETE, CLI_KEY_* and policy's errors.
 */
export async function acceptanceOf(options: VerifyOptions, inspectable: string): Promise<Acceptance> {
  const isLogWaived = options.dangerNoLog === true || options.insecureIgnoreTlog === true;
  const require = isLogWaived ? { require: { logEntries: 0 } } : {};
  if (options.key !== undefined) {
    const key = readPublicKey(options.key);
    return { policy: { signers: [{ kind: "key", keyid: key.keyid }], ...require }, keys: [key] };
  }
  if (isLogWaived) {
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--danger-no-log", expected: "--key beside it", got: "no --key" });
  }
  const { identity, issuer } = await identityOf(options, inspectable);
  return { policy: { signers: [{ kind: "certificate", identity, issuer }] }, keys: [] };
}

/** The instance that was asked for by either of its options. */
export function instanceOf(options: TrustOptions): Instance | undefined {
  return options.staging === true ? "staging" : options.instance;
}

async function identityOf(options: VerifyOptions, inspectable: string): Promise<{ identity: Match; issuer: Match }> {
  const identity = await matchOf(options.certificateIdentity, options.certificateIdentityRegexp);
  const issuer = await matchOf(options.certificateOidcIssuer, options.certificateOidcIssuerRegexp);
  if (identity !== undefined && issuer !== undefined) return { identity, issuer };
  if (identity === undefined && issuer === undefined) throw identityMissing(inspectable);
  throw cliError("CLI_IDENTITY_INCOMPLETE", { got: identity === undefined ? "only an issuer" : "only an identity" });
}

async function matchOf(exact: string | undefined, pattern: string | undefined): Promise<Match | undefined> {
  if (exact !== undefined) return { exact };
  if (pattern === undefined) return undefined;
  return { pattern: await loadPattern(pattern) };
}

function identityMissing(inspectable: string): TrustError {
  const entry = cliError("CLI_IDENTITY_MISSING");
  const fix = `${entry.fix}; to see whom the bundle names: countersign inspect ${inspectable}`;
  return new TrustError(entry.code, { kind: entry.kind, says: entry.message, fix });
}

function readPublicKey(path: string): Verifier {
  const pem = textOf(readSmallFile(path, "key"), path);
  if (pem.includes("PRIVATE KEY-----")) throw cliError("CLI_KEY_PRIVATE", quote(path));
  try {
    return makeVerifier(parsePublicKey(pem));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: error.message }, error);
  }
}

/** Text of a key file; one that is no text is no PEM. */
export function textOf(bytes: Uint8Array, path: string): string {
  try {
    return parseUtf8(bytes);
  } catch (error) {
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: "no text" }, error);
  }
}
