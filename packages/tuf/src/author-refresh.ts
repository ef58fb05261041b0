import type { Signer } from "@countersign/core";
import { signStaged, type SignedRole } from "./author.ts";
import { expiryOf, objectAt, type Draft } from "./author-draft.ts";
import { findFinal, type Final, type FinalFile } from "./author-final.ts";
import { stageSnapshot, stageTimestamp } from "./author-publish.ts";
import { authorityOfRoot, signingStateOf } from "./author-sign.ts";
import { isNamedFile } from "./author-snapshot.ts";
import type { Workspace } from "./author-workspace.ts";

/**
 * Stages and signs a new snapshot and a new timestamp where what is ready needs them: because a role changed, because root
 * asks for other keys, or because they have expired. Other roles are not signed here: those who answer for them do that.
 */
export async function refreshOnlineRoles(
  workspace: Workspace,
  signers: readonly Signer[],
  now: Date,
): Promise<readonly SignedRole[]> {
  const signed: SignedRole[] = [];
  let final = await findFinal(workspace);
  if (isSnapshotNeeded(final, await final.file("snapshot"), now)) {
    await stageSnapshot(workspace, now);
    signed.push(...(await signStaged(workspace, { signers, roles: ["snapshot"] })));
    final = await findFinal(workspace);
  }
  const snapshot = await final.file("snapshot");
  if (snapshot === undefined || !isTimestampNeeded(final, snapshot, await final.file("timestamp"), now)) return signed;
  await stageTimestamp(workspace, now);
  return [...signed, ...(await signStaged(workspace, { signers, roles: ["timestamp"] }))];
}

function isSnapshotNeeded(final: Final, snapshot: FinalFile | undefined, now: Date): boolean {
  if (snapshot === undefined || !isGood(final, "snapshot", snapshot.draft, now)) return true;
  const changed = [...final.ready].filter(([role]) => role !== "snapshot" && role !== "timestamp");
  const meta = objectAt(snapshot.draft.signed, "meta");
  return changed.some(([role, { draft, bytes }]) => {
    const name = `${role}.json`;
    return !Object.hasOwn(meta, name) || !isNamedFile(objectAt(meta, name), draft, bytes);
  });
}

function isTimestampNeeded(final: Final, snapshot: FinalFile, timestamp: FinalFile | undefined, now: Date): boolean {
  if (timestamp === undefined || !isGood(final, "timestamp", timestamp.draft, now)) return true;
  const row = objectAt(objectAt(timestamp.draft.signed, "meta"), "snapshot.json");
  return !isNamedFile(row, snapshot.draft, snapshot.bytes);
}

function isGood(final: Final, role: "snapshot" | "timestamp", draft: Draft, now: Date): boolean {
  if (final.root === undefined || expiryOf(draft) <= now.getTime()) return false;
  // Signed as the old root asks too, the file lets readers pass from one root to the next.
  const roots = [final.root, final.rootBefore].filter((root) => root !== undefined);
  return roots.every((root) => signingStateOf(draft, authorityOfRoot(root.draft, role)).isMet);
}
