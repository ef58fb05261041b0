import { cliError } from "../errors.ts";
import type { AttestOptions, SignOptions, VerifyOptions } from "../options.ts";
import { formatNote } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";
import { signCommand } from "./sign.ts";
import { verifyCommand } from "./verify.ts";

/** What cosign's options say that are the only way here. */
interface CosignOptions {
  readonly newBundleFormat?: true;
  readonly useSigningConfig?: true;
  readonly useSignedTimestamps?: true;
  readonly checkClaims?: true;
  readonly maxWorkers?: string;
  readonly timeout?: string;
}

interface CosignSignOptions extends CosignOptions {
  readonly fulcioAuthFlow?: "normal" | "device" | "token" | "client_credentials";
}

/** `countersign sign-blob`: sign, with the spelling of `cosign sign-blob`. */
export function signBlobCommand(
  operands: readonly string[],
  options: SignOptions & CosignSignOptions,
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  const [signing, asked] = withFlow(options, terminal);
  return signCommand(operands, signing, asked);
}

/** `countersign verify-blob`: verify, with the spelling of `cosign verify-blob`. */
export function verifyBlobCommand(
  operands: readonly string[],
  options: VerifyOptions & CosignOptions,
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  return verifyCommand(operands, options, terminal);
}

/** `countersign attest-blob`: attest, with the spelling of `cosign attest-blob`. */
export async function attestBlobCommand(
  operands: readonly string[],
  options: AttestOptions & CosignSignOptions & { readonly hash?: string },
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  const { attestCommand } = await import("./attest.ts");
  const isTyped = options.predicate === undefined || options.type !== undefined;
  const [signing, asked] = withFlow(isTyped ? options : { ...options, type: "custom" }, terminal);
  const artifacts = elsewhere(operands, "--hash", options.hash);
  if (artifacts.length === 0 && options.statement === undefined)
    throw cliError("CLI_USAGE", "a file is needed, or --hash");
  return attestCommand(artifacts, signing, asked);
}

/** `countersign verify-blob-attestation`: verify, with the spelling of `cosign verify-blob-attestation`. */
export function verifyBlobAttestationCommand(
  operands: readonly string[],
  options: VerifyOptions & CosignOptions & { readonly digest?: string; readonly digestAlg?: string },
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  const artifacts = elsewhere(operands, "--digest", options.digest, options.digestAlg);
  return verifyCommand(artifacts, { ...options, type: options.type ?? "custom" }, terminal);
}

/** A digest in place of a file, which cosign takes by an option; what is here too is said nothing of, as there. */
function elsewhere(
  operands: readonly string[],
  flag: string,
  hex: string | undefined,
  algorithm: string = "sha256",
): readonly string[] {
  if (hex === undefined) return operands;
  if (operands.length === 0) return [hex.startsWith(`${algorithm}:`) ? hex : `${algorithm}:${hex}`];
  throw cliError("CLI_OPTION_CONFLICT", { checked: flag, got: "a file beside it" });
}

/** cosign's words for how a person signs in; with `token` and `client_credentials` there is nobody to ask. */
function withFlow<T extends SignOptions & CosignSignOptions>(options: T, terminal: Terminal): readonly [T, Terminal] {
  const { fulcioAuthFlow } = options;
  if (fulcioAuthFlow === undefined) return [options, terminal];
  if (fulcioAuthFlow === "client_credentials" && options.oidcClientSecretFile === undefined)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--fulcio-auth-flow client_credentials",
      expected: "--oidc-client-secret-file beside it",
    });
  if (fulcioAuthFlow === "token" || fulcioAuthFlow === "client_credentials")
    return [options, { ...terminal, canAsk: false }];
  return [{ ...options, oidcFlow: fulcioAuthFlow === "normal" ? "browser" : "device" }, terminal];
}

function noteIdleOptions(options: CosignOptions & { readonly quiet?: true }, terminal: Terminal): void {
  if (options.quiet === true) return;
  const idle = [
    ...(options.newBundleFormat === true ? ["--new-bundle-format (there is no other format here)"] : []),
    ...(options.useSigningConfig === true ? ["--use-signing-config (services always come from one)"] : []),
    ...(options.checkClaims === true ? ["--check-claims (the file is always compared with the subjects)"] : []),
    ...(options.maxWorkers === undefined ? [] : ["--max-workers (as many as there are cores)"]),
    ...(options.timeout === undefined ? [] : ["--timeout (each request has one)"]),
    ...(options.useSignedTimestamps === true ? ["--use-signed-timestamps (they are always looked at)"] : []),
  ];
  if (idle.length > 0) terminal.err(formatNote(`without effect: ${idle.join(", ")}`, terminal));
}
