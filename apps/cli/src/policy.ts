import {
  makeVerifier,
  parsePublicKey,
  quote,
  resolvePredicateType,
  TrustError,
  type Verifier,
} from "@countersign/core";
import { loadPattern, type Match, type Policy } from "@countersign/policy";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";
import type { Instance, TrustOptions, VerifyOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Whom the command line accepts: a policy that names at least one signer, and the keys that it names. */
export interface Acceptance {
  readonly policy: Policy;
  readonly keys: readonly Verifier[];
  /** A C2SP tlog-policy that log entries must meet. */
  readonly witnesses?: string;
  /** Whether the verdict must be confirmed by an independent implementation. */
  readonly secondOpinion?: boolean;
}

/**
 * The policy that the options ask for: exact unless a pattern was given on purpose.
 * Throws CLI_IDENTITY_MISSING (its fix names `inspectable`, the bundle to look into), CLI_IDENTITY_INCOMPLETE, CLI_KEY_* and policy's errors.
 */
export async function acceptanceOf(
  options: VerifyOptions,
  inspectable: string,
  terminal: Terminal,
): Promise<Acceptance> {
  const isLogWaived = options.dangerNoLog === true || options.insecureIgnoreTlog === true;
  const waived = { ...(isLogWaived && { logEntries: 0 }), ...(options.insecureIgnoreSct === true && { scts: 0 }) };
  const require: Pick<Policy, "require" | "predicateType"> = {
    ...(Object.keys(waived).length > 0 && { require: waived }),
    ...(options.type !== undefined && { predicateType: resolvePredicateType(options.type) }),
  };
  if (options.policy !== undefined) {
    const { readPolicyFile } = await import("./policy-file.ts");
    return await readPolicyFile(options.policy, require, options, terminal);
  }
  if (options.key !== undefined) {
    const key = await readPublicKey(options.key, options, terminal);
    return { policy: { signers: [{ kind: "key", keyid: key.keyid }], ...require }, keys: [key] };
  }
  // cosign's word waives the log for certificates too, whose time then comes from a timestamp authority.
  if (options.dangerNoLog === true)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--danger-no-log",
      expected: "--key beside it, or for an identity a policy with require: { logEntries: 0 }",
      got: "no --key",
    });
  const { identity, issuer } = await identityOf(options, inspectable);
  const extensions = workflowOf(options);
  const rule = { kind: "certificate", identity, issuer, ...(extensions.size > 0 && { extensions }) } as const;
  return { policy: { signers: [rule], ...require }, keys: [] };
}

/** What cosign's options say of the workflow, by the names of Fulcio's first extensions. */
function workflowOf(options: VerifyOptions): ReadonlyMap<string, Match> {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["githubWorkflowTrigger", options.certificateGithubWorkflowTrigger],
    ["githubWorkflowSHA", options.certificateGithubWorkflowSha],
    ["githubWorkflowName", options.certificateGithubWorkflowName],
    ["githubWorkflowRepository", options.certificateGithubWorkflowRepository],
    ["githubWorkflowRef", options.certificateGithubWorkflowRef],
  ];
  return new Map(rows.flatMap(([name, exact]) => (exact === undefined ? [] : [[name, { exact }] as const])));
}

/** Whether the command line or the policy file asks for a second opinion: neither can take back what the other says. */
export function isOpinionWanted(
  { secondOpinion }: Pick<VerifyOptions, "secondOpinion">,
  acceptance: Pick<Acceptance, "secondOpinion">,
): boolean {
  return secondOpinion === true || acceptance.secondOpinion === true;
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

/** What most people have, a PEM file, is opened without the code for all other references. */
export async function readPublicKey(
  reference: string,
  options: Pick<VerifyOptions, "offline">,
  terminal: Terminal,
): Promise<Verifier> {
  const bytes = isFile(reference) ? readSmallFile(reference, "key") : undefined;
  if (bytes !== undefined && isPublicPem(bytes)) return openPublicPem(bytes, reference);
  if (options.offline === true && !isFile(reference) && !reference.startsWith("env://"))
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--offline",
      expected: "a key that is here",
      got: "the key of a token or service",
    });
  const { keyIoOf, verifierOf } = await import("./key.ts");
  const io = keyIoOf({}, terminal);
  return verifierOf(reference, bytes === undefined ? io : { ...io, readFile: () => bytes });
}

function isFile(reference: string): boolean {
  return !/^(?:[a-z][a-z0-9+.-]*:\/\/|pkcs11:)/i.test(reference);
}

function isPublicPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.subarray(0, 64)).toString("latin1").startsWith("-----BEGIN PUBLIC KEY-----");
}

function openPublicPem(bytes: Uint8Array, path: string): Verifier {
  try {
    return makeVerifier(parsePublicKey(bytes));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_KEY_UNUSABLE", { checked: quote(path), got: error.message }, error);
  }
}
