import { formatSigstoreKey, parseLayoutKey, type BundleProver, type LayoutKey } from "@countersign/in-toto";
import { cliError } from "./errors.ts";
import type { ExactIdentityOptions } from "./identity-options.ts";
import type { TrustOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** The identity as a key of a layout; undefined if none is asked for. Throws CLI_IDENTITY_INCOMPLETE. */
export function identityKeyOf(options: ExactIdentityOptions): LayoutKey | undefined {
  const { certificateIdentity: identity, certificateOidcIssuer: issuer } = options;
  if (identity === undefined && issuer === undefined) return undefined;
  if (identity !== undefined && issuer !== undefined) return parseLayoutKey(formatSigstoreKey({ identity, issuer }));
  throw cliError("CLI_IDENTITY_INCOMPLETE", { got: identity === undefined ? "only an issuer" : "only an identity" });
}

/** What proves Sigstore bundles, by the trust that the options name. Throws the errors of trust roots; warns of an old one. */
export async function loadProver(options: TrustOptions, now: Date, terminal: Terminal): Promise<BundleProver> {
  // Loaded here: chains of plain keys need none of it.
  const { openProver } = await import("./link-prover.ts");
  return openProver(options, now, terminal);
}
