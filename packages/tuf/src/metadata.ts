import {
  endOfValue,
  parseHex,
  quote,
  readCanonicalMembers,
  readCanonicalText,
  readObject,
  readTextValue,
  walkMembers,
  type Json,
  type JsonObject,
  type ObjectReader,
} from "@countersign/core";
import { tufError } from "./errors.ts";
import { readMetaFile, readCount, type MetaFile } from "./file-info.ts";
import { canonicalErrors, metadataMalformed, textLimits } from "./form.ts";
import { readDelegations, readKeys, readTopRoles, type Delegations, type Role, type TopRole } from "./role.ts";
import { readRowTable, type RowForm, type RowTable } from "./row-table.ts";
import { targetRows, type TargetTable } from "./target-table.ts";
import { parseTime } from "./time.ts";
import type { Key } from "./key.ts";

/** A metadata file that is right in form. Nothing in it is verified: `checkThreshold` tells who signed. */
export interface Metadata {
  /** `targets` for every delegated role too. */
  readonly type: TopRole;
  readonly specVersion: string;
  /** From 1. */
  readonly version: number;
  /** As the metadata spells it, an RFC 3339 time. */
  readonly expires: string;
  /** Milliseconds since 1970. */
  readonly expiresMs: number;
  /** By key id. */
  readonly signatures: ReadonlyMap<string, MetadataSignature>;
  /** What is signed: the canonical form of the object that was received, with all its members. */
  readonly signedBytes: Uint8Array;
}

/** One signature; `sig` is empty if there is none or it is not hex, and then counts for nothing. */
export interface MetadataSignature {
  readonly sig: Uint8Array;
  /** As the file has it: Sigstore identities sign by a bundle in it (TAP 18). */
  readonly json: JsonObject;
}

/** Root metadata (specification 1.0.34 §4.3). */
export interface Root extends Metadata {
  readonly type: "root";
  readonly consistentSnapshot: boolean;
  readonly keys: ReadonlyMap<string, Key>;
  /** All four. */
  readonly roles: ReadonlyMap<TopRole, Role>;
}

/** Timestamp metadata (§4.6). */
export interface Timestamp extends Metadata {
  readonly type: "timestamp";
  readonly snapshot: MetaFile;
}

/** Snapshot metadata (§4.4). */
export interface Snapshot extends Metadata {
  readonly type: "snapshot";
  /** By file name, such as `targets.json`. */
  readonly meta: RowTable<MetaFile>;
}

/** Targets metadata, of the top-level role or a delegated one (§4.5). */
export interface Targets extends Metadata {
  readonly type: "targets";
  readonly targets: TargetTable;
  readonly delegations?: Delegations;
}

/** The largest metadata file, in bytes, whatever length is signed for it. */
export const maxMetadataBytes: number = 64 * 1024 * 1024;
/** The largest root metadata, whose length nobody can have signed, in bytes. */
export const maxRootBytes: number = 512 * 1024;
/** The largest timestamp metadata, whose length nobody can have signed either, in bytes. */
export const maxTimestampBytes: number = 64 * 1024;
/** The most signatures of one file. */
export const maxSignatures: number = 1024;
/** The most files of one snapshot. */
export const maxMetaFiles: number = 1_000_000;

/** Parses root metadata. Throws as `parseMetadata`. */
export function parseRoot(bytes: Uint8Array): Root {
  const { head, rest } = readHead(bytes, "root");
  return {
    ...head,
    type: "root",
    consistentSnapshot: rest.optionalBoolean("consistent_snapshot") ?? false,
    keys: readKeys(rest.json("keys"), "keys"),
    roles: readTopRoles(rest.json("roles")),
  };
}

/** Parses timestamp metadata. Throws as `parseMetadata`. */
export function parseTimestamp(bytes: Uint8Array): Timestamp {
  const { head, rest } = readHead(bytes, "timestamp");
  return { ...head, type: "timestamp", snapshot: readMetaFile(rest.object("meta").object("snapshot.json")) };
}

/** Parses snapshot metadata. Throws as `parseMetadata`. */
export function parseSnapshot(bytes: Uint8Array): Snapshot {
  const { head, meta } = readHead(bytes, "snapshot");
  if (meta === undefined) throw metadataMalformed({ checked: "meta", expected: "present", got: "nothing" });
  return { ...head, type: "snapshot", meta };
}

/** Parses targets metadata, of the top-level role or a delegated one. Throws as `parseMetadata`. */
export function parseTargets(bytes: Uint8Array): Targets {
  const { head, rest, targets } = readHead(bytes, "targets");
  if (targets === undefined) throw metadataMalformed({ checked: "targets", expected: "present", got: "nothing" });
  const delegations = rest.optionalJson("delegations");
  return {
    ...head,
    type: "targets",
    targets,
    ...(delegations === undefined ? {} : { delegations: readDelegations(delegations) }),
  };
}

/**
 * Parses metadata of whatever type it says it is. Proves strict JSON with no member twice, the form of every member that the
 * specification names, a specification version 1.x and an expiry in RFC 3339. Members that it does not name are kept in what
 * was signed and passed over. Checks no signature, no expiry, no version against another.
 * Throws TUF_JSON_MALFORMED, TUF_JSON_DUPLICATE, TUF_JSON_NUMBER, TUF_METADATA_MALFORMED, TUF_METADATA_TYPE, TUF_SPEC_VERSION.
 */
export function parseMetadata(bytes: Uint8Array): Root | Timestamp | Snapshot | Targets {
  switch (readType(bytes)) {
    case "root":
      return parseRoot(bytes);
    case "timestamp":
      return parseTimestamp(bytes);
    case "snapshot":
      return parseSnapshot(bytes);
    default:
      return parseTargets(bytes);
  }
}

function readType(bytes: Uint8Array): string {
  let type: Json | undefined;
  const text = readCanonicalText(readParts(bytes, {}).signed, canonicalErrors.malformed);
  walkMembers(text, (name, from) => {
    const to = endOfValue(text, from);
    if (name === "_type") type = readTextValue(text.slice(from, to), textLimits);
    return to;
  });
  return typeof type === "string" ? type : "";
}

interface Parts {
  readonly signed: Uint8Array;
  readonly signatures: ReadonlyMap<string, MetadataSignature>;
}

/** The two halves of every metadata file. */
function readParts(bytes: Uint8Array, { plainMember }: Partial<Pick<RowForm<unknown>, "plainMember">>): Parts {
  if (bytes.length > maxMetadataBytes)
    throw metadataMalformed({
      checked: "length",
      expected: `at most ${maxMetadataBytes} bytes`,
      got: String(bytes.length),
    });
  const rules = { numbers: "refuse", duplicates: "refuse", errors: canonicalErrors } as const;
  const members = readCanonicalMembers(bytes, { ...rules, ...(plainMember && { plainMember }) });
  const [signed, signatures] = [members.get("signed"), members.get("signatures")];
  if (signed === undefined || signatures === undefined)
    throw metadataMalformed({ checked: "metadata", expected: "members signed and signatures" });
  return {
    signed,
    signatures: readSignatures(readTextValue(readCanonicalText(signatures, canonicalErrors.malformed), textLimits)),
  };
}

function readSignatures(value: Json): ReadonlyMap<string, MetadataSignature> {
  if (!Array.isArray(value)) throw metadataMalformed({ checked: "signatures", expected: "an array" });
  const listed: readonly Json[] = value;
  if (listed.length > maxSignatures)
    throw metadataMalformed({
      checked: "signatures",
      expected: `at most ${maxSignatures}`,
      got: String(listed.length),
    });
  const signatures = new Map<string, MetadataSignature>();
  for (const [at, json] of listed.entries()) {
    const reader = readObject(json, `signatures[${at}]`, metadataMalformed);
    const keyid = reader.string("keyid");
    if (signatures.has(keyid)) throw metadataMalformed({ checked: "signatures", got: `two of key ${quote(keyid)}` });
    signatures.set(keyid, { sig: readSignature(reader), json: json as JsonObject });
  }
  return signatures;
}

/** A bundle may stand in place of the text (TAP 18). Roots under way carry empty signatures of those who have yet to sign. */
function readSignature(reader: ObjectReader): Uint8Array {
  const sig = reader.json("sig");
  if (typeof sig === "string")
    return /^(?:[0-9a-fA-F]{2})+$/.test(sig) ? parseHex(sig.toLowerCase()) : new Uint8Array(0);
  reader.object("sig");
  return new Uint8Array(0);
}

interface Head {
  readonly head: Omit<Metadata, "type">;
  /** The other members, but for those that have a table. */
  readonly rest: ObjectReader;
  readonly targets?: TargetTable;
  readonly meta?: RowTable<MetaFile>;
}

/** Every row has a version from 1; a length and hashes may be there. */
const metaRows: RowForm<MetaFile> = {
  at: "meta",
  maxRows: maxMetaFiles,
  plainMember:
    /"[^"\\\0-\u001f]*":\{(?:"hashes":\{"sha256":"[0-9a-f]{64}"\},"length":(?:0|[1-9][0-9]{0,14}),)?"version":[1-9][0-9]{0,14}\}/y,
  read: readMetaFile,
};

const tableRows: ReadonlyMap<TopRole, RowForm<unknown>> = new Map<TopRole, RowForm<unknown>>([
  ["snapshot", metaRows],
  ["targets", targetRows],
]);

function readHead(bytes: Uint8Array, type: TopRole): Head {
  const { signed, signatures } = readParts(bytes, tableRows.get(type) ?? {});
  const { json, ...tables } = readSigned(readCanonicalText(signed, canonicalErrors.malformed), type);
  const rest = readObject(json, type, metadataMalformed);
  const got = rest.string("_type");
  if (got !== type) throw tufError("TUF_METADATA_TYPE", { expected: type, got: quote(got) });
  const specVersion = checkSpecVersion(rest.string("spec_version"));
  const version = readCount(rest, "version", 1);
  const expires = rest.string("expires");
  const expiresMs = parseTime(expires);
  if (expiresMs === undefined)
    throw metadataMalformed({ checked: `${type}.expires`, expected: "an RFC 3339 time", got: quote(expires) });
  const head = { specVersion, version, expires, expiresMs, signatures, signedBytes: signed };
  return { head, rest, ...tables };
}

/** Targets, and files of a snapshot, may be most of it: they are indexed, not built. */
function readSigned(text: string, type: TopRole): { readonly json: JsonObject } & Pick<Head, "targets" | "meta"> {
  if (!text.startsWith("{")) throw metadataMalformed({ checked: "signed", expected: "an object" });
  const json: Record<string, Json> = {};
  const tables: { targets?: TargetTable; meta?: RowTable<MetaFile> } = {};
  walkMembers(text, (name, from) => {
    if (name === "targets" && type === "targets") {
      const { table, to } = readRowTable(text, from, targetRows);
      tables.targets = table;
      return to;
    }
    if (name === "meta" && type === "snapshot") {
      const { table, to } = readRowTable(text, from, metaRows);
      tables.meta = table;
      return to;
    }
    const to = endOfValue(text, from);
    if (known.has(name)) json[name] = readTextValue(text.slice(from, to), textLimits);
    return to;
  });
  return { json, ...tables };
}

const known: ReadonlySet<string> = new Set([
  "_type",
  "spec_version",
  "version",
  "expires",
  "consistent_snapshot",
  "keys",
  "roles",
  "meta",
  "delegations",
]);

/** Any 1.x is read, whatever its x: the specification promises that nothing in it breaks an older client (§2.1). */
function checkSpecVersion(text: string): string {
  if (/^1\.\d+(?:\.\d+)?$/.test(text)) return text;
  throw tufError("TUF_SPEC_VERSION", { expected: "1.x", got: quote(text) });
}
