import type { Trust } from "@countersign/pipeline";
import type { TrustLookOptions } from "./trust-options.ts";
import type { Terminal } from "./terminal.ts";
import { readTrust } from "./trust.ts";

/** The trust of each file, or what is in force for the instance where none is named. Throws as `readTrust` does. */
export async function readEachTrust(
  files: readonly string[],
  options: Pick<TrustLookOptions, "instance" | "staging" | "maxTrustAge">,
  terminal: Terminal,
): Promise<readonly Trust[]> {
  if (files.length === 0) return [await readTrust(options, { keys: [] }, terminal)];
  return Promise.all(files.map((file) => readTrust({ ...options, trustedRoot: [file] }, { keys: [] }, terminal)));
}
