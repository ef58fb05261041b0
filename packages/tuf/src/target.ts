import type { Digest } from "@countersign/core";

/**
 * Where a repository may keep a target, below its targets address: the name itself, or with consistent snapshots the name with
 * one of its hashes before the last part (specification 1.0.34 §5.7.3). Not escaped, and not checked: whoever writes or fetches it
 * refuses names that lead elsewhere.
 */
export function targetAddresses(
  name: string,
  digests: readonly Digest[],
  snapshots: "consistent" | "plain",
): readonly string[] {
  if (snapshots === "plain") return [name];
  const slash = name.lastIndexOf("/") + 1;
  const [folder, file] = [name.slice(0, slash), name.slice(slash)];
  return digests.map((digest) => `${folder}${digest.slice(digest.indexOf(":") + 1)}.${file}`);
}
