import {
  formatCanonicalJson,
  parseJson,
  quote,
  readObject,
  TrustError,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { editTargets, type TargetEntry } from "@countersign/tuf";
import { findSources, takeFiles, type Source } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { checkPresent, readSmallFile } from "../../input.node.ts";
import { makeProgress } from "../../progress.ts";
import { plain } from "../../render-text.ts";
import { inRepository, reportStaged } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoAddOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo add`: hashes and keeps the files, and stages what metadata says of them. */
export async function repoAddCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoAddOptions;
  const sources = await sourcesOf(operands, options);
  const custom = options.custom === undefined ? undefined : readCustom(options.custom);
  return inRepository(options, async (workspace) => {
    const progress = makeProgress(`${sources.length} files`, undefined, terminal);
    const entries = await takeFiles(workspace, sources, {
      hashes: options.hash ?? [],
      onProgress: progress.report,
      ...(custom === undefined ? {} : { custom }),
    });
    progress.end();
    await stage(workspace, entries, options, terminal);
    return 0;
  });
}

/** `countersign repo remove`: stages that paths are listed no more. */
export async function repoRemoveCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoAddOptions;
  return inRepository(options, async (workspace) => {
    await stage(workspace, new Map(operands.map((path) => [path, undefined])), options, terminal);
    return 0;
  });
}

async function stage(
  workspace: Parameters<typeof editTargets>[0],
  changes: ReadonlyMap<string, TargetEntry | undefined>,
  options: RepoAddOptions,
  terminal: Terminal,
): Promise<void> {
  const byRole = await editTargets(workspace, options.role ?? "targets", changes, terminal.now());
  if (options.quiet !== true) terminal.err(linesOf(changes));
  const roles = Object.fromEntries(byRole);
  const targets = [...changes].map(([path, entry]) => ({ path, ...entry }));
  await reportStaged(workspace, { schema: "countersign.repo-targets/v1", roles, targets }, options, terminal);
}

const maxLines = 20;

function linesOf(changes: ReadonlyMap<string, TargetEntry | undefined>): string {
  const lines = [...changes].slice(0, maxLines).map(([path, entry]) => {
    return entry === undefined
      ? `- ${plain(path)}`
      : `+ ${plain(path)} ${entry.length} bytes, sha256 ${entry.hashes["sha256"] ?? ""}`;
  });
  const rest = changes.size - lines.length;
  return `${[...lines, ...(rest > 0 ? [`  and ${rest} more`] : [])].join("\n")}\n`;
}

async function sourcesOf(operands: readonly string[], { as, prefix }: RepoAddOptions): Promise<readonly Source[]> {
  for (const operand of operands) checkPresent(operand, "target");
  const sources = await findSources(operands, prefix ?? "");
  if (as === undefined) return checkDistinct(sources);
  const [only] = sources;
  if (only === undefined || sources.length !== 1)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--as", expected: "one file", got: `${sources.length}` });
  return [{ ...only, target: as }];
}

/** Two files under one path: only one of them would be found. */
function checkDistinct(sources: readonly Source[]): readonly Source[] {
  const seen = new Map<string, string>();
  for (const { path, target } of sources) {
    const other = seen.get(target);
    if (other !== undefined && other !== path)
      throw cliError("CLI_OPTION_CONFLICT", {
        checked: `target ${quote(target)}`,
        got: `${quote(other)} and ${quote(path)}`,
      });
    seen.set(target, path);
  }
  return sources;
}

function readCustom(given: string): JsonObject {
  const text = given.startsWith("@") ? readSmallFile(given.slice(1), "custom metadata") : given;
  const value = parsed(text);
  readObject(value, "--custom", (detail) => cliError("CLI_OPTION_VALUE", detail));
  return value as JsonObject;
}

/** JSON that can be signed: no member twice, no fractions. */
function parsed(text: string | Uint8Array): Json {
  try {
    const value = parseJson(text);
    formatCanonicalJson(value);
    return value;
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw cliError("CLI_OPTION_VALUE", { checked: "--custom", got: error.message }, error);
  }
}
