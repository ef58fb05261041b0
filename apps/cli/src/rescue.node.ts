import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Terminal } from "./terminal.ts";

/** Where a bundle is that could not be put where it was to go. */
export interface Rescued {
  readonly text: string;
  /** A file, if one could be written. */
  readonly savedTo?: string;
  readonly isOnStandardOutput: boolean;
}

/**
 * Hands out a bundle that could not be written to `path`: as a line on standard output, where logs of CI systems keep it, unless that
 * is what failed or a JSON report that it will be in goes there; and as a file of a new folder for temporary files. Throws nothing.
 */
export function rescueBundle(
  path: string,
  text: string,
  { terminal, isJson }: { readonly terminal: Terminal; readonly isJson: boolean },
): Rescued {
  const savedTo = saved(nameOf(path), text, terminal);
  const isOnStandardOutput = path !== "-" && !isJson && isPrinted(text, terminal);
  return { text, isOnStandardOutput, ...(savedTo !== undefined && { savedTo }) };
}

/** Of an image its digest: not every system takes a colon in a name. */
function nameOf(path: string): string {
  const [, digest] = /@sha\d+:([0-9a-f]+)$/.exec(path) ?? [];
  if (digest !== undefined) return `${digest}.sigstore.json`;
  return path === "-" ? "standard-output.sigstore.json" : basename(path);
}

function saved(name: string, text: string, terminal: Terminal): string | undefined {
  try {
    const path = join(mkdtempSync(join(terminal.env["TMPDIR"] || tmpdir(), "countersign-")), name);
    writeFileSync(path, text, { flag: "wx" });
    return path;
  } catch {
    return undefined;
  }
}

function isPrinted(text: string, terminal: Terminal): boolean {
  try {
    terminal.deliver(text);
    return true;
  } catch {
    return false;
  }
}
