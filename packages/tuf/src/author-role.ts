import { quote, type Json, type JsonObject } from "@countersign/core";
import { isObject, objectAt } from "./author-draft.ts";
import { tufError } from "./errors.ts";
import { topRoles, type TopRole } from "./role.ts";
import type { ListedKey } from "./author-key.ts";

/** Who may sign a role, and how many of them must. */
export interface RoleKeys {
  readonly keys: readonly ListedKey[];
  readonly threshold: number;
}

/** A role as its delegator describes it: ids of keys that the delegator lists, and how many must sign. */
export interface RoleRow {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

/** Whether a role stands in root, and is not a delegated one. */
export function isTopRole(name: string): name is TopRole {
  return (topRoles as readonly string[]).includes(name);
}

/**
 * Refuses numbers that no signatures can meet, and those that none are needed for: a threshold that is no whole number from
 * 1 up to the count of distinct keys. Throws TUF_THRESHOLD_UNMEETABLE.
 */
export function checkRoleKeys(name: string, { keys, threshold }: RoleKeys): void {
  const count = new Set(keys.map(({ fingerprint }) => fingerprint)).size;
  if (Number.isInteger(threshold) && threshold >= 1 && threshold <= count) return;
  throw tufError("TUF_THRESHOLD_UNMEETABLE", {
    checked: `role ${quote(name)}`,
    expected: `a threshold from 1 to its ${count} ${count === 1 ? "key" : "keys"}`,
    got: String(threshold),
  });
}

/**
 * Refuses names of delegated roles that other tools could take for a path, or for a top-level role: allowed are letters,
 * digits, `.`, `_`, `-`, a letter or digit first, at most 100 characters. Nor may its file be one of a top-level role's anywhere:
 * `2.root`, or `Targets` where capitals do not count. Throws TUF_ROLE_NAME.
 */
export function checkRoleName(name: string): void {
  const isTop = /^(?:[0-9]+\.)?(?:root|timestamp|snapshot|targets)$/i.test(name);
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name) && !isTop) return;
  throw tufError("TUF_ROLE_NAME", { got: quote(name) });
}

/** Adds keys to a list of keys by id; an id that is there already stays as it is. */
export function withKeys(keys: JsonObject, added: readonly ListedKey[]): JsonObject {
  return { ...Object.fromEntries(added.map(({ keyid, key }) => [keyid, key])), ...keys };
}

/** Drops from a list of keys those that no role names. */
export function withoutUnused(keys: JsonObject, rows: readonly RoleRow[]): JsonObject {
  const used = new Set(rows.flatMap(({ keyids }) => keyids));
  return Object.fromEntries(Object.entries(keys).filter(([keyid]) => used.has(keyid)));
}

/** The members `keyids` and `threshold` of a role. Throws TUF_DRAFT_MALFORMED. */
export function rowOf(role: JsonObject): RoleRow {
  const { keyids, threshold } = role;
  if (Array.isArray(keyids) && keyids.every((each) => typeof each === "string") && typeof threshold === "number")
    return { keyids, threshold };
  throw tufError("TUF_DRAFT_MALFORMED", { checked: "a role", expected: "'keyids' and 'threshold'" });
}

/** The rows of a root, by role. Throws TUF_DRAFT_MALFORMED. */
export function rowsOfRoot(root: JsonObject): ReadonlyMap<string, RoleRow> {
  const roles = objectAt(root, "roles");
  return new Map(Object.keys(roles).map((name) => [name, rowOf(objectAt(roles, name))]));
}

/** A root in which one role has these keys and no others; keys that no role names any more are dropped. Throws as `checkRoleKeys`. */
export function withTopRole(root: JsonObject, name: TopRole, given: RoleKeys): JsonObject {
  checkRoleKeys(name, given);
  const old = isObject(root["roles"]) ? root["roles"] : {};
  const before = isObject(old[name]) ? old[name] : {};
  const keyids = [...new Set(given.keys.map(({ keyid }) => keyid))];
  const roles: JsonObject = { ...old, [name]: { ...before, keyids, threshold: given.threshold } };
  const keys = withKeys(isObject(root["keys"]) ? root["keys"] : {}, given.keys);
  return { ...root, roles, keys: withoutUnused(keys, listRows(Object.values(roles))) };
}

/** Every row among these values. */
export function listRows(roles: readonly (Json | undefined)[]): readonly RoleRow[] {
  return roles.filter(isObject).map(rowOf);
}
