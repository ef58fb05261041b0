import { parseJson, parseUtf8, quote, TrustError, utf8 } from "@countersign/core";
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
  return paths.flatMap((path) =>
    path.endsWith(".jsonl") ? readLines(path) : [openEvidence({ source: path, bytes: readSmallFile(path, "bundle") })],
  );
}

function readLines(path: string): readonly EvidenceFile[] {
  const lines = parseUtf8(readSmallFile(path, "bundles", maxBundleLinesBytes)).split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw cut(path, 1, "nothing");
  return lines.map((line, index) => {
    const source = `${path}:${index + 1}`;
    const file = openEvidence({ source, bytes: utf8(line) });
    if (file.bundle === undefined) checkWhole(line, path, index + 1);
    return file;
  });
}

function checkWhole(line: string, path: string, number: number): void {
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
