import { quote, type Json, type JsonObject } from "@countersign/core";
import { isObject, typeOf, type Draft, textIn } from "./author-draft.ts";

/** One difference between two metadata files. */
export interface Change {
  readonly kind: "added" | "removed" | "changed";
  /** What it concerns: `targets "app.tgz"`, `role "timestamp": threshold`. */
  readonly what: string;
  readonly before?: string;
  readonly after?: string;
}

/**
 * Every difference in content between a published file and a draft of the next one, in words that a person can judge before
 * signing: keys by what they are, not only by id. Without a file before it all of the draft is new. Trusts neither.
 */
export function describeChanges(before: Draft | undefined, after: Draft): readonly Change[] {
  const old = before?.signed ?? {};
  const changes: Change[] = [];
  for (const name of namesIn(old, after.signed)) {
    const [left, right] = [memberOf(old, name), memberOf(after.signed, name)];
    const found = memberChanges(name, left, right);
    // An empty table that was not there before has no row to show.
    changes.push(...(found.length > 0 ? found : valueChange(wordOf(name), left, right)));
  }
  return changes;
}

/** A change as one line: `+ targets "a": …`, `- …`, `~ threshold: 1 → 2`. */
export function formatChange({ kind, what, before, after }: Change): string {
  const mark = { added: "+", removed: "-", changed: "~" }[kind];
  if (kind === "changed") return `${mark} ${what}: ${before ?? ""} → ${after ?? ""}`;
  const value = kind === "added" ? after : before;
  return value === undefined ? `${mark} ${what}` : `${mark} ${what}: ${value}`;
}

/** Members whose own members are named one by one. */
const tables: ReadonlySet<string> = new Set(["targets", "meta", "keys", "roles"]);

function memberChanges(name: string, before: Json | undefined, after: Json | undefined): readonly Change[] {
  const [old, now] = [asTable(before), asTable(after)];
  // What has not the form of a table is shown whole: nothing may be signed unseen.
  if (old === undefined || now === undefined) return valueChange(wordOf(name), before, after);
  if (tables.has(name)) return tableChanges(name, old, now);
  return name === "delegations" ? delegationChanges(old, now) : valueChange(wordOf(name), before, after);
}

function delegationChanges(before: JsonObject, after: JsonObject): readonly Change[] {
  return namesIn(before, after).flatMap((name) => {
    const [left, right] = [memberOf(before, name), memberOf(after, name)];
    if (name === "roles") return tableChanges("delegation", byName(left), byName(right));
    const [old, now] = [asTable(left), asTable(right)];
    if (name !== "keys" || old === undefined || now === undefined)
      return valueChange(`delegations ${wordOf(name)}`, left, right);
    return tableChanges("keys", old, now);
  });
}

/** The order of delegations is their priority, so a new place is a change. Two of one name are kept apart. */
function byName(roles: Json | undefined): JsonObject {
  if (roles !== undefined && !Array.isArray(roles)) return { "(no list)": roles };
  const table = new Map<string, Json>();
  for (const [at, role] of ((roles ?? []) as readonly Json[]).entries()) {
    const name = isObject(role) ? textIn(role["name"]) : "(no role)";
    const placed = isObject(role) ? { ...role, place: at + 1 } : role;
    table.set(table.has(name) ? `${name} (again, in place ${at + 1})` : name, placed);
  }
  return Object.fromEntries(table);
}

function tableChanges(table: string, before: JsonObject, after: JsonObject): readonly Change[] {
  return namesIn(before, after).flatMap((name) => {
    const [left, right] = [memberOf(before, name), memberOf(after, name)];
    const what = `${singular(table)} ${quoteWhole(name)}`;
    return isObject(left) && isObject(right) ? rowChanges(what, left, right) : valueChange(what, left, right);
  });
}

function rowChanges(what: string, before: JsonObject, after: JsonObject): readonly Change[] {
  return namesIn(before, after).flatMap((name) =>
    valueChange(`${what}: ${wordOf(name)}`, memberOf(before, name), memberOf(after, name)),
  );
}

function valueChange(what: string, before: Json | undefined, after: Json | undefined): readonly Change[] {
  const [left, right] = [formatValue(before), formatValue(after)];
  if (left === right) return [];
  if (left === undefined) return [{ kind: "added", what, ...(right === undefined ? {} : { after: right }) }];
  if (right === undefined) return [{ kind: "removed", what, before: left }];
  return [{ kind: "changed", what, before: left, after: right }];
}

/** Sorted, so that the order of members makes no difference; nothing cut, so that no difference is lost. */
function formatValue(value: Json | undefined): string | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map((each) => formatValue(each) ?? "").join(", ")}]`;
  if (!isObject(value)) return typeof value === "string" ? quoteWhole(value) : textIn(value);
  const names = Object.keys(value).toSorted();
  return `{ ${names.map((name) => `${quoteWhole(name)}: ${formatValue(value[name]) ?? ""}`).join(", ")} }`;
}

/** `quote` cuts: the pieces are quoted one by one. */
function quoteWhole(text: string): string {
  const pieces = text.match(/[^]{1,100}/gu) ?? [""];
  return `"${pieces.map((piece) => quote(piece).slice(1, -1)).join("")}"`;
}

/** A name as it is if it is one of those that metadata usually has. */
function wordOf(name: string): string {
  return /^[a-z][a-z0-9_-]{0,40}$/.test(name) ? name : quoteWhole(name);
}

function singular(table: string): string {
  const words: Readonly<Record<string, string>> = { targets: "target", keys: "key", roles: "role", meta: "file" };
  return words[table] ?? table;
}

function namesIn(a: JsonObject, b: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].toSorted();
}

function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

function asTable(value: Json | undefined): JsonObject | undefined {
  if (value === undefined) return {};
  return isObject(value) ? value : undefined;
}

/** A draft in a few words: `root 4, expires 2027-01-01T00:00:00Z`. */
export function describeDraft(role: string, draft: Draft): string {
  const { version, expires } = draft.signed;
  const type = typeOf(draft);
  return `${role === type ? role : `${quote(role)} (${type})`} ${textIn(version)}, expires ${quote(textIn(expires)).slice(1, -1)}`;
}
