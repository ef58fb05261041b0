import { resolve } from "node:path";
import { quote } from "@countersign/core";
import { defaultValidDays, initRepository, isTopRole, signStaged, type RoleKeys } from "@countersign/tuf";
import { makeNodeDisk } from "@countersign/tuf/node";
import { cliError } from "../../errors.ts";
import { daysByRole, inRepository, numbersByRole, openRoleKeys, reportStaged, type RoleKey } from "../../repo.ts";
import type { OutputOptions } from "../../options.ts";
import type { RepoInitOptions } from "../../repo-options.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign repo init`: stages root and targets, signed by whatever private keys were given. */
export async function repoInitCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as RepoInitOptions;
  const directory = resolve(options.dir ?? ".");
  const keys = await openKeys(options, terminal);
  const thresholds = numbersByRole(options.threshold, "--threshold");
  for (const role of thresholds.keys()) checkTopRole(role, "--threshold");
  const roles = Object.fromEntries(
    Object.entries(keys).map(([role, own]): [string, RoleKeys] => [
      role,
      { keys: own, threshold: thresholds.get(role) ?? 1 },
    ]),
  ) as Record<keyof typeof keys, RoleKeys>;
  await initRepository(makeNodeDisk(), directory.replaceAll("\\", "/"), {
    roles,
    settings: { validDays: new Map([...defaultValidDays, ...daysByRole(options.expires)]) },
    consistentSnapshot: options.inconsistentSnapshots !== true,
    now: terminal.now(),
  });
  const signers = Object.values(keys).flatMap((own) =>
    own.flatMap(({ signer }) => (signer === undefined ? [] : [signer])),
  );
  await inRepository(options, async (workspace) => {
    await signStaged(workspace, { signers });
    await reportStaged(workspace, { schema: "countersign.repo-init/v1", directory }, options, terminal);
  });
  return 0;
}

type KeysByRole = Readonly<Record<"root" | "targets" | "snapshot" | "timestamp", readonly RoleKey[]>>;

async function openKeys(options: RepoInitOptions, terminal: Terminal): Promise<KeysByRole> {
  const { key = [], rootKey = key, targetsKey = key, snapshotKey = key, timestampKey = key } = options;
  const references = { root: rootKey, targets: targetsKey, snapshot: snapshotKey, timestamp: timestampKey };
  const empty = Object.entries(references).find(([, list]) => list.length === 0);
  if (empty !== undefined)
    throw cliError("CLI_USAGE", `no key for ${empty[0]}: give --${empty[0]}-key, or --key for all roles`);
  // A key that several roles have is opened, and its password asked for, once.
  const opened = new Map<string, RoleKey>();
  for (const reference of new Set(Object.values(references).flat())) {
    const [key] = await openRoleKeys([reference], options, terminal);
    if (key !== undefined) opened.set(reference, key);
  }
  const listOf = (list: readonly string[]): readonly RoleKey[] =>
    list.flatMap((reference) => opened.get(reference) ?? []);
  return {
    root: listOf(rootKey),
    targets: listOf(targetsKey),
    snapshot: listOf(snapshotKey),
    timestamp: listOf(timestampKey),
  };
}

function checkTopRole(role: string, option: string): void {
  if (isTopRole(role)) return;
  throw cliError("CLI_OPTION_VALUE", {
    checked: option,
    expected: "root, targets, snapshot or timestamp",
    got: quote(role),
  });
}
