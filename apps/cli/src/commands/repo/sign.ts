import { quote, type Signer } from "@countersign/core";
import {
  currentDraft,
  describeChanges,
  describeDraft,
  findDelegators,
  findSignatories,
  formatChange,
  isSameContent,
  mergeStaged,
  parseDraft,
  signStaged,
  typeOf,
  maxDraftBytes,
  type Change,
  type Draft,
  type SignedRole,
  type Workspace,
} from "@countersign/tuf";
import { cliError } from "../../errors.ts";
import { repoError } from "../../repo-errors.ts";
import { readSmallFile } from "../../input.node.ts";
import { plain } from "../../render-text.ts";
import { inRepository, openSigners, reportStaged } from "../../repo.ts";
import { checkSigning, signFile } from "../../repo-sign-file.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoSignOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo sign`: what is staged, one file alone, or with --merge the signatures of others. */
export async function repoSignCommand(
  operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoSignOptions;
  const [file, second] = operands;
  if (second !== undefined) throw cliError("CLI_USAGE", `one file at a time, not also ${quote(second)}`);
  if (file !== undefined) return signFile(file, options, terminal);
  const merge = options.merge ?? [];
  if (merge.length === 0 && options.key === undefined) throw cliError("CLI_USAGE", "give --key, or --merge");
  const signers = await openSigners(options.key ?? [], options, terminal);
  return inRepository(options, async (workspace) => {
    const merged = await mergeFiles(workspace, merge, options);
    const signed = signers.length === 0 ? [] : await reviewAndSign(workspace, signers, options, terminal);
    if (options.quiet !== true) terminal.err([...merged, ...signed].map(lineOf).join(""));
    await reportStaged(workspace, { schema: "countersign.repo-sign/v1", merged, signed }, options, terminal);
    return 0;
  });
}

function lineOf({ role, keyids }: SignedRole): string {
  return `signed: ${plain(role)} by ${keyids.length === 0 ? "nobody new" : keyids.map((id) => plain(id.slice(0, 8))).join(", ")}\n`;
}

async function mergeFiles(
  workspace: Workspace,
  paths: readonly string[],
  options: RepoSignOptions,
): Promise<readonly SignedRole[]> {
  const merged: SignedRole[] = [];
  for (const path of paths) {
    const draft = parseDraft(readSmallFile(path, "signed metadata", maxDraftBytes));
    merged.push(await mergeStaged(workspace, await roleOf(workspace, draft, options), draft));
  }
  return merged;
}

/** Delegated roles do not say their name: the staged one of the same content is meant. */
async function roleOf(workspace: Workspace, draft: Draft, { role }: RepoSignOptions): Promise<string> {
  const [only] = role ?? [];
  if (only !== undefined) return only;
  for (const name of await workspace.stagedRoles()) {
    const staged = await workspace.staged(name);
    if (staged !== undefined && isSameContent(staged, draft)) return name;
  }
  return typeOf(draft);
}

async function reviewAndSign(
  workspace: Workspace,
  signers: readonly Signer[],
  options: RepoSignOptions,
  terminal: Terminal,
): Promise<readonly SignedRole[]> {
  const roles = await signableRoles(workspace, signers, options);
  if (roles.length === 0) throw repoError("CLI_REPO_NOTHING_TO_SIGN", { checked: "what is staged" });
  const shown: [string, Change[]][] = [];
  for (const role of roles) shown.push([role, [...(await changesOf(workspace, role))]]);
  for (const [role, changes] of shown) {
    const draft = await workspace.staged(role);
    if (draft !== undefined && options.quiet !== true)
      terminal.err(`${describeDraft(role, draft)}\n${changes.map(changeLine).join("")}`);
  }
  await checkSigning(roles, options, terminal);
  return signStaged(workspace, { signers, roles });
}

async function changesOf(workspace: Workspace, role: string): Promise<readonly Change[]> {
  const draft = await workspace.staged(role);
  return draft === undefined ? [] : describeChanges((await workspace.published(role))?.draft, draft);
}

function changeLine(change: Change): string {
  return `  ${formatChange(change)}\n`;
}

/** Staged roles that one of the keys may sign; all of them, also those that it has signed: signing again does no harm. */
async function signableRoles(
  workspace: Workspace,
  signers: readonly Signer[],
  { role: only }: RepoSignOptions,
): Promise<readonly string[]> {
  const delegators = await findDelegators(workspace, (name) => currentDraft(workspace, name));
  const roles: string[] = [];
  for (const role of await workspace.stagedRoles()) {
    if (only?.includes(role) === false) continue;
    const { must, also } = await findSignatories(workspace, role, delegators);
    const keys = [...must, ...also].flatMap((authority) => authority.keys);
    if (keys.some(({ verifier }) => signers.some((signer) => signer.keyid === verifier?.keyid))) roles.push(role);
  }
  return roles;
}
