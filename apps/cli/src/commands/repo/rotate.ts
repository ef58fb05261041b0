import { quote } from "@countersign/core";
import {
  authorityOfRoot,
  authorityOfDelegator,
  currentDraft,
  delegatorOf,
  isTopRole,
  rotateKeys,
  type Authority,
  type ListedKey,
  type Workspace,
} from "@countersign/tuf";
import { existsSync } from "node:fs";
import { cliError } from "../../errors.ts";
import { inRepository, openRoleKeys, reportStaged, wholeNumber } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoRotateOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo rotate`: stages other keys of a role. */
export async function repoRotateCommand(
  [role = ""]: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoRotateOptions;
  const { from, add = [], remove = [] } = options;
  if (add.length + remove.length === 0 && options.threshold === undefined)
    throw cliError("CLI_USAGE", "nothing to change: give --add, --remove or --threshold");
  const added = await openRoleKeys(add, options, terminal);
  const removed = await Promise.all(remove.map((each) => fingerprintOf(each, options, terminal)));
  return inRepository(options, async (workspace) => {
    const authority = await authorityFor(workspace, role, from);
    const kept = authority.keys.flatMap((key) => (removed.some((each) => isMeant(key, each)) ? [] : listed(key)));
    checkRemoved(authority, removed);
    // A key that is listed already stays under its id.
    const news = added.filter(({ fingerprint }) => !kept.some((key) => key.fingerprint === fingerprint));
    const threshold =
      options.threshold === undefined ? authority.threshold : wholeNumber(options.threshold, "--threshold");
    const keys = [...kept, ...news];
    await rotateKeys(workspace, { role, keys, threshold, ...(from === undefined ? {} : { from }) }, terminal.now());
    const keyids = keys.map(({ keyid }) => keyid);
    await reportStaged(workspace, { schema: "countersign.repo-rotate/v1", role, keyids, threshold }, options, terminal);
    return 0;
  });
}

async function authorityFor(workspace: Workspace, role: string, from: string | undefined): Promise<Authority> {
  const root = await currentDraft(workspace, "root");
  if (isTopRole(role) && root !== undefined) return authorityOfRoot(root, role);
  const delegator = await delegatorOf(workspace, role, from);
  const { bins } = delegator.delegated;
  const name = bins?.prefix === role ? `${role}-${"0".repeat((2 ** bins.bits - 1).toString(16).length)}` : role;
  const authority = authorityOfDelegator(delegator.draft, delegator.name, name);
  if (authority === undefined) throw cliError("CLI_OPTION_VALUE", { checked: "role", got: quote(role) });
  return authority;
}

type Removed = { readonly text: string; readonly fingerprint?: string };

/** A file names the key in it; anything else is the beginning of an id. */
async function fingerprintOf(text: string, options: RepoRotateOptions, terminal: Terminal): Promise<Removed> {
  if (/^[0-9a-f]{4,64}$/.test(text) && !existsSync(text)) return { text };
  const [key] = await openRoleKeys([text], options, terminal);
  return { text, ...(key === undefined ? {} : { fingerprint: key.fingerprint }) };
}

function isMeant(key: Authority["keys"][number], { text, fingerprint }: Removed): boolean {
  return fingerprint === undefined ? key.keyid.startsWith(text) : key.verifier?.keyid === fingerprint;
}

function checkRemoved({ keys, source }: Authority, removed: readonly Removed[]): void {
  for (const each of removed) {
    const count = new Set(
      keys.filter((key) => isMeant(key, each)).map(({ keyid, verifier }) => verifier?.keyid ?? keyid),
    ).size;
    if (count === 1) continue;
    throw cliError("CLI_OPTION_VALUE", {
      checked: `--remove ${quote(each.text)}`,
      expected: `one key of ${source}`,
      got: String(count),
    });
  }
}

function listed({ keyid, json, verifier }: Authority["keys"][number]): readonly ListedKey[] {
  return json === undefined ? [] : [{ keyid, key: json, fingerprint: verifier?.keyid ?? keyid }];
}
