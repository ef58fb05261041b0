import type { SignOptions, VerifyOptions } from "../options.ts";
import { formatNote } from "../render-text.ts";
import type { Terminal } from "../terminal.ts";
import { signCommand } from "./sign.ts";
import { verifyCommand } from "./verify.ts";

/** What cosign's options say that are the only way here. */
interface CosignOptions {
  readonly newBundleFormat?: true;
  readonly useSigningConfig?: true;
  readonly useSignedTimestamps?: true;
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

function noteIdleOptions(options: CosignOptions & { readonly quiet?: true }, terminal: Terminal): void {
  if (options.quiet === true) return;
  const idle = [
    ...(options.newBundleFormat === true ? ["--new-bundle-format (there is no other format here)"] : []),
    ...(options.useSigningConfig === true ? ["--use-signing-config (services always come from one)"] : []),
    ...(options.useSignedTimestamps === true ? ["--use-signed-timestamps (they are always looked at)"] : []),
  ];
  if (idle.length > 0) terminal.err(formatNote(`without effect: ${idle.join(", ")}`, terminal));
}
