import type { Trust } from "@countersign/pipeline";
import type { TrustLookOptions } from "./trust-options.ts";
import type { Terminal } from "./terminal.ts";
import { readTrust } from "./trust.ts";

/** The trust of each file; where none is named, what `verify` would go by: its --trusted-root, else the instance's own. Throws as `readTrust` does. */
export async function readEachTrust(
  files: readonly string[],
  options: Pick<TrustLookOptions, "trustedRoot" | "instance" | "staging" | "maxTrustAge">,
  terminal: Terminal,
): Promise<readonly Trust[]> {
  const named = files.length > 0 ? files : (options.trustedRoot ?? []);
  if (named.length === 0) return [await readTrust(options, { keys: [] }, terminal)];
  return Promise.all(named.map((file) => readTrust({ ...options, trustedRoot: [file] }, { keys: [] }, terminal)));
}
