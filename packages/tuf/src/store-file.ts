import { hash, hex, utf8 } from "@countersign/core";
import { maxStoreNameChars } from "./store.ts";
import { topRoles } from "./role.ts";

/** The last time by which a run succeeded. */
export const clockFile = "clock";

/** Where the store keeps each root that was trusted once. Not `….json`: those are the metadata in use. */
export function rootHistoryFile(version: number): string {
  return `root-history.${version}`;
}

/**
 * The file of a role in the store: its name and `.json`, all characters but letters, digits, `_` and `-` as %XX of their UTF-8.
 * Different roles have different files, also where capitals do not count if it matters: no delegated role can overwrite the file
 * of a top-level one, or name a device of Windows. A name too long for a file is replaced by its hash.
 */
export function roleFile(role: string): string {
  const escaped = role.replaceAll(/[^A-Za-z0-9_-]/gu, escapeCharacter);
  const isPlain = !isReserved(escaped) || (topRoles as readonly string[]).includes(role);
  const name = isPlain ? escaped : escapeCharacter(escaped[0] ?? "") + escaped.slice(1);
  if (name.length <= maxStoreNameChars - 5) return `${name}.json`;
  return `%h${hex(hash("sha256", utf8(role)))}.json`;
}

function isReserved(name: string): boolean {
  return /^(?:root|timestamp|snapshot|targets|con|prn|aux|nul|com[0-9]|lpt[0-9])$/i.test(name);
}

function escapeCharacter(character: string): string {
  const hexed = hex(utf8(character)).toUpperCase();
  return hexed.replaceAll(/../g, "%$&");
}
