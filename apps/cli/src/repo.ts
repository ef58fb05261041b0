import { quote, TrustError, type Signer } from "@countersign/core";
import {
  formatKey,
  formatSignerKey,
  maxValidDays,
  statusOf,
  tufAlgorithm,
  type ListedKey,
  type RoleStatus,
  type Workspace,
} from "@countersign/tuf";
import { withWorkspace } from "@countersign/tuf/node";
import type { ChooseAlgorithm } from "@countersign/sigstore/node";
import { cliError } from "./errors.ts";
import { keyIoOf, signerOf, verifierOf } from "./key.ts";
import { formatJson } from "./render-json.ts";
import { plain } from "./render-text.ts";
import type { PasswordOptions } from "./options.ts";
import type { RepoOptions } from "./repo-options.ts";
import type { Terminal } from "./terminal.ts";

/** A key of a role: as metadata will list it, and, if its reference was a private one, to sign with. */
export interface RoleKey extends ListedKey {
  readonly signer?: Signer;
}

/** RSA keys sign metadata by PSS; all others by what they always sign. */
const choose: ChooseAlgorithm = (_spki, usual) => tufAlgorithm(usual);

/** Opens references that may be public or private. Throws as `signerOf` and `verifierOf`. */
export async function openRoleKeys(
  references: readonly string[],
  options: PasswordOptions,
  terminal: Terminal,
): Promise<readonly RoleKey[]> {
  const io = keyIoOf(options, terminal);
  const opened: RoleKey[] = [];
  for (const reference of references) {
    try {
      const { spki, algorithm } = await verifierOf(reference, io, choose);
      opened.push(formatKey(spki, algorithm.name));
    } catch (error) {
      if (!(error instanceof TrustError) || error.code !== "CLI_KEY_PRIVATE") throw error;
      const signer = await signerOf(reference, io, choose);
      opened.push({ ...formatSignerKey(signer), signer });
    }
  }
  return opened;
}

/** Opens private keys. Throws as `signerOf`. */
export async function openSigners(
  references: readonly string[],
  options: PasswordOptions,
  terminal: Terminal,
): Promise<readonly Signer[]> {
  const io = keyIoOf(options, terminal);
  const signers: Signer[] = [];
  for (const reference of references) signers.push(await signerOf(reference, io, choose));
  return signers;
}

/** Runs work in the repository's folder that the options name. */
export function inRepository<T>(options: RepoOptions, work: (workspace: Workspace) => Promise<T>): Promise<T> {
  return withWorkspace(options.dir ?? ".", work);
}

/** A whole number from an option. Throws CLI_OPTION_VALUE. */
export function wholeNumber(text: string, option: string): number {
  if (/^[1-9][0-9]{0,4}$/.test(text)) return Number(text);
  throw cliError("CLI_OPTION_VALUE", { checked: option, expected: "a whole number from 1", got: quote(text) });
}

/** `role=number` options as a table. Throws CLI_OPTION_VALUE. */
export function numbersByRole(values: readonly string[] | undefined, option: string): ReadonlyMap<string, number> {
  const rows = (values ?? []).map((value) => {
    const [role = "", number] = value.split("=");
    if (number === undefined || role === "")
      throw cliError("CLI_OPTION_VALUE", { checked: option, expected: "role=number", got: quote(value) });
    return [role, wholeNumber(number, option)] as const;
  });
  return new Map(rows);
}

/** How long versions of roles last, from `--expires role=days`. Throws CLI_OPTION_VALUE. */
export function daysByRole(values: readonly string[] | undefined): ReadonlyMap<string, number> {
  const days = numbersByRole(values, "--expires");
  for (const [role, number] of days) {
    if (number <= maxValidDays) continue;
    const checked = `--expires ${quote(role)}`;
    throw cliError("CLI_OPTION_VALUE", { checked, expected: `at most ${maxValidDays} days`, got: String(number) });
  }
  return days;
}

/** What a command did, as JSON if that was asked for, and what is staged since then. */
export async function reportStaged(
  workspace: Workspace,
  done: { readonly schema: string; readonly [name: string]: unknown },
  options: RepoOptions,
  terminal: Terminal,
): Promise<void> {
  const staged = (await statusOf(workspace, terminal.now())).filter((row) => row.staged !== undefined);
  if (options.json === true) terminal.out(formatJson({ ...done, staged }));
  if (options.quiet !== true) terminal.err(staged.map((row) => `${stagedLine(row, terminal)}\n`).join(""));
}

/** `staged: targets 2 (1 of 2 signatures; still 3fa1…, 77b2…)`. */
function stagedLine({ role, staged }: RoleStatus, terminal: Terminal): string {
  const word = terminal.style(
    staged?.isReady === true ? "green" : "yellow",
    staged?.isReady === true ? "ready:" : "staged:",
  );
  return `${word} ${plain(role)} ${staged?.version ?? ""}${missingOf(staged)}`;
}

/** Who still has to sign, in brackets; empty if nobody has to. */
export function missingOf(staged: RoleStatus["staged"]): string {
  const parts = (staged?.signing ?? []).flatMap(({ isNeeded, isMet, signed, threshold, open, source }) => {
    if (isMet || !isNeeded) return [];
    const still = open.map((keyid) => plain(keyid.slice(0, 8))).join(", ");
    return [`${signed.length} of ${threshold} signatures for ${plain(source)}; still ${still}`];
  });
  return parts.length === 0 ? "" : ` (${parts.join("; ")})`;
}
