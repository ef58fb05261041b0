import { quote, readObject, type Json, type JsonObject, type ObjectReader, type TrustError } from "@countersign/core";
import { metadataMalformed } from "./form.ts";
import { readKey, type Key } from "./key.ts";

/** The roles that root metadata must have, and may have beside `mirrors`. */
export type TopRole = "root" | "timestamp" | "snapshot" | "targets";
/** In the order in which a client looks at them. */
export const topRoles: readonly TopRole[] = ["root", "timestamp", "snapshot", "targets"];

/** Who may sign for a role. */
export interface Role {
  readonly keyids: readonly string[];
  /** How many distinct keys must have signed, at least 1. */
  readonly threshold: number;
}

/** A role to which targets metadata delegates. */
export interface DelegatedRole extends Role {
  readonly name: string;
  /** Whether the search ends with it for the targets that it covers, found or not. */
  readonly terminating: boolean;
  readonly covers: Coverage;
}

/** Which targets a role may speak for: shell patterns of their paths, or beginnings of the SHA-256 of their paths, in hex. */
export type Coverage =
  | { readonly kind: "paths"; readonly patterns: readonly string[] }
  | { readonly kind: "hashes"; readonly prefixes: readonly string[] };

/** Bins with computed names (TAP 15), each covering the targets whose hashed path falls into it. */
export interface SuccinctRoles extends Role {
  /** How many bits of the hash choose the bin, 1 to 32. */
  readonly bitLength: number;
  readonly namePrefix: string;
}

/** To whom targets metadata delegates, and the keys that these roles may name. */
export interface Delegations {
  readonly keys: ReadonlyMap<string, Key>;
  /** In the order of priority; empty if the bins are succinct. */
  readonly roles: readonly DelegatedRole[];
  readonly succinct?: SuccinctRoles;
}

/** Caps on what one file may list. */
export const maxKeys: number = 65_536;
/** Delegated roles of one file: hash bins of 16 bits. */
export const maxRoles: number = 65_536;
/** Keys of one role. */
export const maxRoleKeys: number = 1024;
/** Patterns or prefixes of one role. */
export const maxPatterns: number = 65_536;

/** Reads `keys` of root or delegating metadata. Throws TUF_METADATA_MALFORMED. */
export function readKeys(keys: Json, at: string): ReadonlyMap<string, Key> {
  const rows = readEntries(keys, at, maxKeys);
  return new Map(rows.map(([keyid, json]) => [keyid, readKey(keyid, objectOf(json, `${at}.${quote(keyid)}`), json)]));
}

/** Reads who may sign: `keyids`, `threshold`. A key id that is listed twice is the same id. Throws TUF_METADATA_MALFORMED. */
export function readRole(reader: ObjectReader, at: string): Role {
  const listed = readTexts(reader, "keyids", maxRoleKeys);
  const threshold = reader.number("threshold");
  if (!Number.isSafeInteger(threshold) || threshold < 1)
    throw metadataMalformed({ checked: `${at}.threshold`, expected: "a whole number from 1", got: String(threshold) });
  return { keyids: [...new Set(listed)], threshold };
}

/** Reads the `roles` of root metadata: all four top-level roles; others (mirrors) are passed over. Throws TUF_METADATA_MALFORMED. */
export function readTopRoles(value: Json): ReadonlyMap<TopRole, Role> {
  const roles = objectOf(value, "roles");
  return new Map(topRoles.map((name) => [name, readRole(roles.object(name), `roles.${name}`)]));
}

/** Reads `delegations`. Throws TUF_METADATA_MALFORMED. */
export function readDelegations(value: Json): Delegations {
  const reader = objectOf(value, "delegations");
  const keys = readKeys(reader.json("keys"), "delegations.keys");
  if (reader.has("succinct_roles") === reader.has("roles"))
    throw metadataMalformed({ checked: "delegations", expected: "either roles or succinct_roles" });
  if (reader.has("succinct_roles"))
    return { keys, roles: [], succinct: readSuccinctRoles(reader.object("succinct_roles")) };
  const listed = reader.array("roles", maxRoles);
  const roles = listed.map((json, at) => readDelegatedRole(objectOf(json, `delegations.roles[${at}]`)));
  const names = new Set<string>();
  for (const { name } of roles) {
    if (names.has(name)) throw metadataMalformed({ checked: "delegations.roles", got: `${quote(name)} twice` });
    names.add(name);
  }
  return { keys, roles };
}

/** A delegated role must not be taken for a top-level one, nor for no role at all. */
function checkRoleName(name: string): string {
  const isFree = name !== "" && !(topRoles as readonly string[]).includes(name);
  if (isFree) return name;
  throw metadataMalformed({
    checked: "name of a delegated role",
    expected: "none of the top-level ones",
    got: quote(name),
  });
}

function readDelegatedRole(reader: ObjectReader): DelegatedRole {
  const name = checkRoleName(reader.string("name"));
  const role = readRole(reader, `delegations.roles ${quote(name)}`);
  const covers = readCoverage(reader, name);
  return { name, ...role, terminating: reader.boolean("terminating"), covers };
}

function readCoverage(reader: ObjectReader, name: string): Coverage {
  if (reader.has("paths") === reader.has("path_hash_prefixes"))
    throw metadataMalformed({ checked: `role ${quote(name)}`, expected: "either paths or path_hash_prefixes" });
  if (reader.has("paths")) return { kind: "paths", patterns: readTexts(reader, "paths", maxPatterns) };
  const prefixes = readTexts(reader, "path_hash_prefixes", maxPatterns);
  for (const prefix of prefixes) {
    if (!/^[0-9a-f]{0,64}$/.test(prefix))
      throw metadataMalformed({ checked: "path_hash_prefixes", expected: "lower-case hex", got: quote(prefix) });
  }
  return { kind: "hashes", prefixes };
}

function readSuccinctRoles(reader: ObjectReader): SuccinctRoles {
  const role = readRole(reader, "delegations.succinct_roles");
  const bitLength = reader.number("bit_length");
  if (!Number.isInteger(bitLength) || bitLength < 1 || bitLength > 32)
    throw metadataMalformed({ checked: "succinct_roles.bit_length", expected: "1 to 32", got: String(bitLength) });
  const namePrefix = reader.string("name_prefix");
  return { ...role, bitLength, namePrefix };
}

/** A list of texts. Throws TUF_METADATA_MALFORMED. */
export function readTexts(reader: ObjectReader, name: string, maxCount: number): readonly string[] {
  return reader.array(name, maxCount).map((each) => {
    if (typeof each !== "string") throw metadataMalformed({ checked: name, expected: "texts" });
    return each;
  });
}

/** The members of an object whose names others chose. Throws TUF_METADATA_MALFORMED. */
export function readEntries(value: Json, at: string, maxCount: number): readonly (readonly [string, Json])[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw metadataMalformed({ checked: at, expected: "an object" });
  const entries = Object.entries(value as JsonObject) as (readonly [string, Json])[];
  if (entries.length <= maxCount) return entries;
  throw metadataMalformed({ checked: at, expected: `at most ${maxCount}`, got: String(entries.length) });
}

function objectOf(value: Json, at: string): ObjectReader {
  return readObject(value, at, (detail): TrustError => metadataMalformed(detail));
}
