import { parseJson, quote, readObject, utf8, type Detail, type TrustError } from "@countersign/core";
import { isObject } from "./author-draft.ts";
import { tufError } from "./errors.ts";

/** What a workspace remembers between commands. Nothing of it is signed. */
export interface Settings {
  /** For how long a new version of a role is good, in days; a bin has what its prefix has, and whoever is not named what `targets` has. */
  readonly validDays: ReadonlyMap<string, number>;
}

/** For how long a new version is good unless the author says otherwise, in days. */
export const defaultValidDays: ReadonlyMap<string, number> = new Map([
  ["root", 365],
  ["targets", 180],
  ["snapshot", 30],
  ["timestamp", 7],
]);
/** The longest that can be asked for, in days. */
export const maxValidDays = 36_500;

const schema = "countersign.repository/v1";
const dayMs = 86_400_000;

/** Parses `repository.json`. Throws TUF_WORKSPACE_MALFORMED and the errors of `parseJson`. */
export function parseSettings(bytes: Uint8Array): Settings {
  const reader = readObject(parseJson(bytes, { maxBytes: maxSettingsBytes }), "repository.json", malformed);
  const got = reader.string("schema");
  if (got !== schema) throw malformed({ checked: "schema", expected: schema, got: quote(got) });
  const days = reader.json("validDays");
  if (!isObject(days)) throw malformed({ checked: "validDays", expected: "an object" });
  const rows = Object.entries(days).map(([role, value]) => [role, checkDays(value, role)] as const);
  return { validDays: new Map([...defaultValidDays, ...rows]) };
}

/** The largest `repository.json`, in bytes. */
export const maxSettingsBytes: number = 1024 * 1024;

/** The text of `repository.json`. */
export function formatSettings({ validDays }: Settings): Uint8Array {
  return utf8(`${JSON.stringify({ schema, validDays: Object.fromEntries(validDays) }, null, 2)}\n`);
}

/** When a version of the role that is made now shall expire, to the second. */
export function expiryFor({ validDays }: Settings, role: string, now: Date): Date {
  const days =
    validDays.get(role) ?? validDays.get(role.replace(/-[0-9a-f]+$/, "")) ?? validDays.get("targets") ?? maxValidDays;
  return new Date(Math.floor(now.getTime() / 1000) * 1000 + days * dayMs);
}

/** A number of days from 1 to `maxValidDays`. Throws TUF_WORKSPACE_MALFORMED. */
export function checkDays(value: unknown, role: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maxValidDays) return value;
  throw malformed({ checked: `days of ${quote(role)}`, expected: `1 to ${maxValidDays}`, got: quote(String(value)) });
}

function malformed(detail: Detail): TrustError {
  return tufError("TUF_WORKSPACE_MALFORMED", detail);
}
