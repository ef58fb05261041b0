import { hash, hex, type JsonObject } from "@countersign/core";
import { changed, formatTime, isObject, nextVersion, specVersion, versionOf, type Draft } from "./author-draft.ts";

/** A metadata file as it will be published: its version and its very bytes. */
export interface FileVersion {
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What the next file is made from: the one before it, if any, and when it shall expire. */
export interface Making {
  readonly before: Draft | undefined;
  readonly expires: Date;
}

/**
 * The next snapshot, unsigned: the roles of the one before with these in their new versions, with length and SHA-256. A role
 * that was ever listed stays listed, as clients demand (specification 1.0.34 §5.5.5).
 */
export function makeSnapshot(roles: ReadonlyMap<string, FileVersion>, { before, expires }: Making): Draft {
  const meta = before === undefined || !isObject(before.signed["meta"]) ? {} : before.signed["meta"];
  const rows = [...roles].map(([role, file]) => [`${role}.json`, formatFileVersion(file)] as const);
  return make("snapshot", { before, expires }, { ...meta, ...Object.fromEntries(rows) });
}

/** The next timestamp, unsigned: it names one snapshot. */
export function makeTimestamp(snapshot: FileVersion, making: Making): Draft {
  return make("timestamp", making, { "snapshot.json": formatFileVersion(snapshot) });
}

/** What snapshot and timestamp say of a file. */
export function formatFileVersion({ version, bytes }: FileVersion): JsonObject {
  return { version, length: bytes.length, hashes: { sha256: hex(hash("sha256", bytes)) } };
}

/** The versions that a snapshot or timestamp names, by role. */
export function versionsIn({ signed }: Draft): ReadonlyMap<string, number> {
  const meta = isObject(signed["meta"]) ? signed["meta"] : {};
  const rows = Object.entries(meta).flatMap(([name, row]) => {
    const version = isObject(row) ? row["version"] : undefined;
    return name.endsWith(".json") && typeof version === "number" ? [[name.slice(0, -5), version] as const] : [];
  });
  return new Map(rows);
}

function make(type: "snapshot" | "timestamp", { before, expires }: Making, meta: JsonObject): Draft {
  if (before !== undefined) return changed(nextVersion(before, expires), { meta });
  const signed = { _type: type, spec_version: specVersion, version: 1, expires: formatTime(expires), meta };
  return { signed, signatures: [] };
}

/** Whether a file is the one that a snapshot or timestamp names, as far as it says. */
export function isNamedFile(row: JsonObject, draft: Draft, bytes: Uint8Array): boolean {
  const { length, hashes } = row;
  if (row["version"] !== versionOf(draft)) return false;
  if (typeof length === "number" && length !== bytes.length) return false;
  const sha256 = isObject(hashes) ? hashes["sha256"] : undefined;
  return sha256 === undefined || sha256 === hex(hash("sha256", bytes));
}
