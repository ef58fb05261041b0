import { bundleProver } from "@countersign/pipeline";
import type { BundleProver } from "@countersign/in-toto";
import { formatWarning } from "./render-text.ts";
import { readTrust } from "./trust.ts";
import type { TrustOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** What proves Sigstore bundles, by the trust that the options name. Throws the errors of trust roots; warns of an old one. */
export async function openProver(options: TrustOptions, now: Date, terminal: Terminal): Promise<BundleProver> {
  const trust = await readTrust(options, { keys: [] }, terminal);
  for (const { message, code } of trust.findings) terminal.err(formatWarning(message, code, terminal));
  return bundleProver(trust, now);
}
