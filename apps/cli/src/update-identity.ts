import { tufIdentityCheck } from "@countersign/pipeline";
import type { IdentityCheck } from "@countersign/tuf";
import type { Terminal } from "./terminal.ts";
import { readTrust } from "./trust.ts";
import type { UpdateOptions } from "./update-options.ts";

/**
 * Asks the trust root of the options about Sigstore identities. A module of its own, loaded when it is wanted: to import all of
 * pipeline's index on demand instead would put the whole of it into what `verify` loads.
 */
export async function openIdentityCheck(options: UpdateOptions, terminal: Terminal): Promise<IdentityCheck> {
  return tufIdentityCheck(await readTrust(options, { keys: [] }, terminal), terminal.now());
}
