import { parseJson, quote, TrustError } from "@countersign/core";
import { openEvidence, type EvidenceFile } from "@countersign/pipeline";
import { cliError } from "./errors.ts";
import { readSmallFile } from "./input.node.ts";

/** The largest .jsonl file of bundles that is read, in bytes. */
export const maxBundleLinesBytes: number = 256 * 1024 * 1024;

/**
 * Reads bundles: one of each file, or one of each line of a file named `*.jsonl`. What is JSON but no bundle comes back
 * unparsed, for the report to say so. Throws CLI_FILE_*, and CLI_BUNDLE_LINE_CUT for a line that is no JSON.
 */
export function readBundles(paths: readonly string[]): readonly EvidenceFile[] {
  return [...eachBundle(paths)];
}

/** As `readBundles`, each when it is asked for: a parsed bundle takes ten times the room of its bytes. */
export function* eachBundle(paths: readonly string[]): Generator<EvidenceFile> {
  for (const path of paths) {
    if (path.endsWith(".jsonl")) yield* eachLine(path);
    else yield openEvidence({ source: path, bytes: readSmallFile(path, "bundle") });
  }
}

const lineEnd = 0x0a;

function* eachLine(path: string): Generator<EvidenceFile> {
  const bytes = readSmallFile(path, "bundles", maxBundleLinesBytes);
  if (bytes.length === 0) throw cut(path, 1, "nothing");
  for (let from = 0, number = 1; from < bytes.length; number++) {
    const end = bytes.indexOf(lineEnd, from);
    const to = end === -1 ? bytes.length : end;
    // A copy, so that one line does not keep the whole file.
    const file = openEvidence({ source: `${path}:${number}`, bytes: new Uint8Array(bytes.subarray(from, to)) });
    if (file.bundle === undefined) checkWhole(file.bytes, path, number);
    yield file;
    from = to + 1;
  }
}

function checkWhole(line: Uint8Array, path: string, number: number): void {
  try {
    parseJson(line);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cut(path, number, error.message, error);
  }
}

function cut(path: string, number: number, got: string, cause?: unknown): TrustError {
  return cliError("CLI_BUNDLE_LINE_CUT", { checked: `${quote(path)} line ${number}`, got }, cause);
}
