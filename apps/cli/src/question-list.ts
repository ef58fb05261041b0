import { lstatSync } from "node:fs";
import { attempt, parseUtf8, quote } from "@countersign/core";
import { parseChecksums } from "@countersign/pipeline";
import type { ListItem } from "@countersign/pipeline/node";
import { isDigestOperand } from "./artifact.node.ts";
import { cliError } from "./errors.ts";
import { readSmallFile, readStandardInput } from "./input.node.ts";
import type { VerifyOptions } from "./options.ts";

/** One artifact that is asked about. */
export interface Asked {
  readonly name: string;
  readonly artifact: ListItem["artifact"];
}

/** The largest list that is read, in bytes. */
export const maxListBytes: number = 128 * 1024 * 1024;

/**
 * What is asked about: operands, then what a list or a file of digests names. Throws CLI_LIST_EMPTY, CLI_NOT_UTF8, CLI_FILE_*,
 * CLI_OPERAND_AMBIGUOUS, CLI_OPTION_CONFLICT for standard input as one of several, PIPELINE_CHECKSUMS_MALFORMED.
 */
export async function readQuestions(operands: readonly string[], options: VerifyOptions): Promise<readonly Asked[]> {
  if (operands.includes("-"))
    throw cliError("CLI_OPTION_CONFLICT", { checked: "-", expected: "standard input alone, or --list -", got: "more" });
  const listed = options.list === undefined ? [] : linesOf(await readList(options.list));
  const digests = options.digests === undefined ? [] : [...parseChecksums(await readList(options.digests))];
  return [
    ...[...operands, ...listed].map(askedOf),
    ...digests.map(([name, digest]) => ({ name, artifact: { name, digest } })),
  ];
}

function readList(path: string): Promise<Uint8Array> | Uint8Array {
  return path === "-" ? readStandardInput(maxListBytes) : readSmallFile(path, "list", maxListBytes);
}

/** Lines, or what stands between NULs if there is one, as `find -print0` writes it. */
function linesOf(bytes: Uint8Array): readonly string[] {
  const text = attempt(() => parseUtf8(bytes)) ?? failAtName(bytes);
  const lines = text.split(text.includes("\0") ? "\0" : /\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) throw cliError("CLI_LIST_EMPTY");
  const empty = lines.indexOf("");
  if (empty !== -1) throw cliError("CLI_LIST_EMPTY", { checked: `line ${empty + 1}`, expected: "a path or digest" });
  return lines;
}

/** Names are text here and to everybody who reads a report: another file could be taken for one that is not. */
function failAtName(bytes: Uint8Array): never {
  const end = bytes.includes(0) ? 0 : lineEnd;
  for (let from = 0, number = 1; from < bytes.length; number++) {
    const at = bytes.indexOf(end, from);
    const name = bytes.subarray(from, at === -1 ? bytes.length : at);
    if (attempt(() => parseUtf8(name)) === undefined)
      throw cliError("CLI_NOT_UTF8", { checked: `line ${number}`, got: quote(Buffer.from(name).toString("latin1")) });
    from += name.length + 1;
  }
  throw cliError("CLI_NOT_UTF8");
}

const lineEnd = 0x0a;

/** As for one operand, a name that reads as a digest must not be told of in place of the file. */
function askedOf(operand: string): Asked {
  if (!isDigestOperand(operand)) return { name: operand, artifact: { path: operand } };
  if (isNameTaken(operand)) throw cliError("CLI_OPERAND_AMBIGUOUS", { got: quote(operand) });
  return { name: operand, artifact: { digest: operand } };
}

function isNameTaken(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
