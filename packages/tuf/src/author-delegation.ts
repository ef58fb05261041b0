import { quote, type JsonObject } from "@countersign/core";
import { binNames, binPrefixes, checkBins, type Bins } from "./author-bins.ts";
import { changed, isObject, type Draft } from "./author-draft.ts";
import {
  checkRoleKeys,
  checkRoleName,
  listRows,
  rowOf,
  withKeys,
  withoutUnused,
  type RoleKeys,
  type RoleRow,
} from "./author-role.ts";
import { tufError } from "./errors.ts";

/** Whom a targets role entrusts with which paths. */
export interface Delegation extends RoleKeys {
  readonly name: string;
  /** Patterns: `*` and `?` match within one part of a path. */
  readonly paths?: readonly string[];
  /** Beginnings of the SHA-256 of paths, in hex. Either these or `paths`. */
  readonly pathHashPrefixes?: readonly string[];
  /** Whether nobody else is asked about paths that match. */
  readonly isTerminating?: boolean;
}

/** The delegated roles of a targets role in the order in which they are asked, bins in one row. */
export interface Delegated {
  readonly roles: readonly (RoleRow & { readonly name: string; readonly json: JsonObject })[];
  readonly bins: (RoleRow & Bins) | undefined;
  /** Listed keys by id. */
  readonly keys: JsonObject;
}

/** Reads whom a targets role delegates to. Throws TUF_DRAFT_MALFORMED. */
export function delegatedBy({ signed }: Draft): Delegated {
  const delegations = isObject(signed["delegations"]) ? signed["delegations"] : {};
  const rows = Array.isArray(delegations["roles"]) ? delegations["roles"].filter(isObject) : [];
  const succinct = isObject(delegations["succinct_roles"]) ? delegations["succinct_roles"] : undefined;
  return {
    roles: rows.map((json) => ({ ...rowOf(json), name: textAt(json, "name"), json })),
    bins: succinct === undefined ? undefined : binsOf(succinct),
    keys: isObject(delegations["keys"]) ? delegations["keys"] : {},
  };
}

/**
 * A targets role that entrusts a role with paths: last in order if it is new, in its place if it is known. Unsigned.
 * Throws TUF_ROLE_NAME, TUF_THRESHOLD_UNMEETABLE, TUF_DELEGATION_PATHS, and TUF_BINS_BESIDE next to succinct bins.
 */
export function withDelegation(draft: Draft, given: Delegation): Draft {
  checkRoleName(given.name);
  checkRoleKeys(given.name, given);
  checkPaths(given);
  const { roles, bins, keys } = delegatedBy(draft);
  if (bins !== undefined) throw tufError("TUF_BINS_BESIDE", { checked: `delegation to ${quote(given.name)}` });
  const old = roles.find(({ name }) => name === given.name)?.json;
  const json = delegationOf(given, old ?? {});
  const all = roles.map((role) => (role.name === given.name ? json : role.json));
  return withRoles(draft, old === undefined ? [...all, json] : all, withKeys(keys, given.keys));
}

/** A delegated role with other keys, all else as it was. Throws TUF_ROLE_UNKNOWN and TUF_THRESHOLD_UNMEETABLE. */
export function withDelegatedKeys(draft: Draft, name: string, given: RoleKeys): Draft {
  checkRoleKeys(name, given);
  const { roles, bins, keys } = delegatedBy(draft);
  const row = { keyids: idsOf(given), threshold: given.threshold };
  if (bins !== undefined && (name === bins.prefix || binNames(bins).includes(name)))
    return withSuccinct(draft, { ...succinctOf(draft), ...row }, withKeys(keys, given.keys));
  if (!roles.some((role) => role.name === name)) throw unknown(name);
  const all = roles.map(({ name: each, json }) => (each === name ? { ...json, ...row } : json));
  return withRoles(draft, all, withKeys(keys, given.keys));
}

/** A targets role that entrusts nobody under that name any more. Throws TUF_ROLE_UNKNOWN. */
export function withoutDelegation(draft: Draft, name: string): Draft {
  const { roles, keys } = delegatedBy(draft);
  const rest = roles.filter((role) => role.name !== name);
  if (rest.length === roles.length) throw unknown(name);
  return withRoles(
    draft,
    rest.map(({ json }) => json),
    keys,
  );
}

/**
 * A targets role that shares all its paths out to bins which the same keys sign: in one row (`succinct_roles`, TAP 15), or
 * in one row a bin for clients that do not know that. The role must not delegate to anybody yet. Unsigned.
 * Throws TUF_BINS_COUNT, TUF_BINS_BESIDE, TUF_ROLE_NAME, TUF_THRESHOLD_UNMEETABLE.
 */
export function withBins(draft: Draft, bins: Bins, given: RoleKeys, form: "succinct" | "explicit"): Draft {
  checkBins(bins);
  checkRoleName(bins.prefix);
  checkRoleKeys(bins.prefix, given);
  const { roles, bins: old, keys } = delegatedBy(draft);
  if (roles.length > 0 || old !== undefined) throw tufError("TUF_BINS_BESIDE", { checked: "new bins" });
  const row = { keyids: idsOf(given), threshold: given.threshold };
  const listed = withKeys(keys, given.keys);
  if (form === "succinct")
    return withSuccinct(draft, { ...row, bit_length: bins.bits, name_prefix: bins.prefix }, listed);
  const rows = binNames(bins).map((name, number) => ({
    ...row,
    name,
    path_hash_prefixes: binPrefixes(bins, number),
    terminating: false,
  }));
  return withRoles(draft, rows, listed);
}

/** The row of a role among those that a targets role delegates to, bins included. */
export function rowOfDelegated(delegated: Delegated, name: string): RoleRow | undefined {
  const { bins, roles } = delegated;
  if (bins !== undefined && isBin(bins, name)) return bins;
  return roles.find((role) => role.name === name);
}

/** Every name that a targets role delegates to, in order. */
export function namesOf({ bins, roles }: Delegated): readonly string[] {
  return [...roles.map(({ name }) => name), ...(bins === undefined ? [] : binNames(bins))];
}

function isBin(bins: Bins, name: string): boolean {
  const digits = (2 ** bins.bits - 1).toString(16).length;
  if (!name.startsWith(`${bins.prefix}-`)) return false;
  const number = name.slice(bins.prefix.length + 1);
  return number.length === digits && /^[0-9a-f]+$/.test(number) && Number.parseInt(number, 16) < 2 ** bins.bits;
}

/** More bins than 2 to this power nobody signs: reading them would only fill the memory. */
const maxReadBits = 16;

function binsOf(json: JsonObject): RoleRow & Bins {
  const bits = json["bit_length"];
  if (typeof bits !== "number" || !Number.isInteger(bits) || bits < 1 || bits > 32)
    throw tufError("TUF_DRAFT_MALFORMED", { checked: "bit_length", expected: "1 to 32" });
  if (bits > maxReadBits)
    throw tufError("TUF_BINS_COUNT", { checked: "bit_length", expected: `at most ${maxReadBits}`, got: String(bits) });
  return { ...rowOf(json), bits, prefix: textAt(json, "name_prefix") };
}

function succinctOf({ signed }: Draft): JsonObject {
  const { delegations } = signed;
  return isObject(delegations) && isObject(delegations["succinct_roles"]) ? delegations["succinct_roles"] : {};
}

function delegationOf(given: Delegation, old: JsonObject): JsonObject {
  const { paths: _paths, path_hash_prefixes: _prefixes, ...kept } = old;
  return {
    ...kept,
    name: given.name,
    keyids: idsOf(given),
    threshold: given.threshold,
    terminating: given.isTerminating ?? false,
    ...(given.paths === undefined ? {} : { paths: given.paths }),
    ...(given.pathHashPrefixes === undefined ? {} : { path_hash_prefixes: given.pathHashPrefixes }),
  };
}

function checkPaths({ name, paths, pathHashPrefixes: prefixes }: Delegation): void {
  const given = paths ?? prefixes ?? [];
  const isOneKind = (paths === undefined) !== (prefixes === undefined);
  const isHex = prefixes === undefined || prefixes.every((each) => /^[0-9a-f]{1,64}$/.test(each));
  const isPattern = paths === undefined || paths.every((each) => each !== "" && !each.startsWith("/"));
  if (isOneKind && given.length > 0 && isHex && isPattern) return;
  throw tufError("TUF_DELEGATION_PATHS", { checked: `delegation to ${quote(name)}` });
}

function withRoles(draft: Draft, roles: readonly JsonObject[], keys: JsonObject): Draft {
  const before = isObject(draft.signed["delegations"]) ? draft.signed["delegations"] : {};
  return changed(draft, { delegations: { ...before, keys: withoutUnused(keys, listRows(roles)), roles } });
}

function withSuccinct(draft: Draft, succinct: JsonObject, keys: JsonObject): Draft {
  const before = isObject(draft.signed["delegations"]) ? draft.signed["delegations"] : {};
  const { roles: _roles, ...kept } = before;
  const listed = withoutUnused(keys, [rowOf(succinct)]);
  return changed(draft, { delegations: { ...kept, keys: listed, succinct_roles: succinct } });
}

function idsOf({ keys }: RoleKeys): readonly string[] {
  return [...new Set(keys.map(({ keyid }) => keyid))];
}

function textAt(json: JsonObject, name: string): string {
  const value = json[name];
  if (typeof value === "string") return value;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: quote(name), expected: "a string" });
}

function unknown(name: string): Error {
  return tufError("TUF_ROLE_UNKNOWN", { got: quote(name) });
}
