import { quote } from "@countersign/core";
import { tufError } from "./errors.ts";
import type { TargetFile } from "./target-table.ts";

/**
 * Where a repository keeps a target, below its targets address: the name itself, or with consistent snapshots the name with one
 * of its hashes before the last part (specification 1.0.34 §5.7.3). Not escaped. Throws TUF_TARGET_NAME for a name that
 * cannot be an address below it.
 */
export function targetAddress(name: string, file: TargetFile, root: { readonly consistentSnapshot: boolean }): string {
  if (/(?:^|\/)\.{0,2}(?:\/|$)/.test(name))
    throw tufError("TUF_TARGET_NAME", {
      checked: quote(name),
      expected: "a relative path without empty parts, . and ..",
    });
  if (!root.consistentSnapshot) return name;
  const [digest = ""] = file.digests;
  const slash = name.lastIndexOf("/") + 1;
  return `${name.slice(0, slash)}${digest.slice(digest.indexOf(":") + 1)}.${name.slice(slash)}`;
}
