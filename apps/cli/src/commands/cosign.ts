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
}

/** `countersign sign-blob`: sign, with the spelling of `cosign sign-blob`. */
export function signBlobCommand(
  operands: readonly string[],
  options: SignOptions & CosignOptions,
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  return signCommand(operands, options, terminal);
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
  options: AttestOptions & CosignOptions,
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  const { attestCommand } = await import("./attest.ts");
  const isTyped = options.predicate === undefined || options.type !== undefined;
  return attestCommand(operands, isTyped ? options : { ...options, type: "custom" }, terminal);
}

/** `countersign verify-blob-attestation`: verify, with the spelling of `cosign verify-blob-attestation`. */
export function verifyBlobAttestationCommand(
  operands: readonly string[],
  options: VerifyOptions & CosignOptions,
  terminal: Terminal,
): Promise<number> {
  noteIdleOptions(options, terminal);
  return verifyCommand(operands, { ...options, type: options.type ?? "custom" }, terminal);
}

function noteIdleOptions(options: CosignOptions & { readonly quiet?: true }, terminal: Terminal): void {
  if (options.quiet === true) return;
  const idle = [
    ...(options.newBundleFormat === true ? ["--new-bundle-format (there is no other format here)"] : []),
    ...(options.useSigningConfig === true ? ["--use-signing-config (services always come from one)"] : []),
    ...(options.checkClaims === true ? ["--check-claims (the file is always compared with the subjects)"] : []),
    ...(options.useSignedTimestamps === true ? ["--use-signed-timestamps (they are always looked at)"] : []),
  ];
  if (idle.length > 0) terminal.err(formatNote(`without effect: ${idle.join(", ")}`, terminal));
}
