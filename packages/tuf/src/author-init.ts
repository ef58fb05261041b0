import type { JsonObject } from "@countersign/core";
import { formatTime, specVersion, type Draft } from "./author-draft.ts";
import { withTopRole, type RoleKeys } from "./author-role.ts";
import { topRoles, type TopRole } from "./role.ts";

/** What the first root says. */
export interface RootPlan {
  readonly roles: Readonly<Record<TopRole, RoleKeys>>;
  readonly expires: Date;
  /** Whether files carry their version or hash in their name, so that old and new ones stand side by side. */
  readonly consistentSnapshot: boolean;
}

/** Version 1 of root, unsigned. Throws TUF_THRESHOLD_UNMEETABLE. */
export function makeRoot({ roles, expires, consistentSnapshot }: RootPlan): Draft {
  const start: JsonObject = {
    _type: "root",
    spec_version: specVersion,
    version: 1,
    expires: formatTime(expires),
    consistent_snapshot: consistentSnapshot,
  };
  const signed = topRoles.reduce<JsonObject>((root, role) => withTopRole(root, role, roles[role]), start);
  return { signed, signatures: [] };
}

/** Version 1 of a targets role, top-level or delegated, that lists nothing, unsigned. */
export function makeTargets(expires: Date): Draft {
  const signed = { _type: "targets", spec_version: specVersion, version: 1, expires: formatTime(expires), targets: {} };
  return { signed, signatures: [] };
}
