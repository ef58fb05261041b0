import { isStream, writeAtomic } from "./output.node.ts";
import { checkNew, writeNewFiles } from "./secret-file.node.ts";

/** Refuses (CLI_OUTPUT_EXISTS) a name that is taken, before any work is done; a pipe or device has nothing to lose. */
export function checkNewOutput(path: string): void {
  if (!isStream(path)) checkNew([path], "never");
}

/** Writes a file whole or not at all, and never over another that came meanwhile. Throws CLI_OUTPUT_EXISTS, CLI_OUTPUT_FAILED. */
export function writeNewOutput(path: string, text: string): void {
  if (isStream(path)) writeAtomic(path, text);
  else writeNewFiles([{ path, text, mode: 0o644 }], "never");
}
