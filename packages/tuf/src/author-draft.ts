import {
  concatBytes,
  equalBytes,
  formatCanonicalJson,
  parseJson,
  quote,
  utf8,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { tufError } from "./errors.ts";
import { parseTime } from "./time.ts";

/** A metadata file in the making: what is to be signed, and who has signed it. Members that nobody here knows are kept. */
export interface Draft {
  readonly signed: JsonObject;
  readonly signatures: readonly JsonObject[];
}

/** The version of the specification that new metadata names. */
export const specVersion = "1.0.34";
/** The largest metadata file that is read to be edited, in bytes. */
export const maxDraftBytes: number = 64 * 1024 * 1024;

/**
 * Parses a metadata file to edit or sign it: `signed` and `signatures`, no member twice. Looks at nothing else, so it says
 * neither that the metadata is sound nor that anybody has signed it. Throws TUF_DRAFT_MALFORMED and the errors of `parseJson`.
 */
export function parseDraft(bytes: Uint8Array): Draft {
  const value = parseJson(bytes, { maxBytes: maxDraftBytes });
  const { signed, signatures } = isObject(value) ? value : {};
  if (!isObject(signed) || !Array.isArray(signatures) || !signatures.every(isObject))
    throw tufError("TUF_DRAFT_MALFORMED", { expected: "an object 'signed' and a list 'signatures' of objects" });
  return { signed, signatures };
}

/** The bytes that signatures are made over: OLPC canonical JSON of `signed`. Throws CORE_JSON_NOT_CANONICAL. */
export function signedBytesOf({ signed }: Draft): Uint8Array {
  return formatCanonicalJson(signed);
}

/** The file: what was signed stands in it in its canonical form wherever that is JSON too. Throws CORE_JSON_NOT_CANONICAL. */
export function formatDraft(draft: Draft): Uint8Array {
  const signatures = utf8(`{"signatures":${JSON.stringify(draft.signatures)},"signed":`);
  return concatBytes(signatures, jsonOf(draft), utf8("}\n"));
}

/** Canonical JSON leaves control characters as they are, which JSON does not allow. */
function jsonOf(draft: Draft): Uint8Array {
  const canonical = signedBytesOf(draft);
  return canonical.every((byte) => byte >= 0x20) ? canonical : utf8(JSON.stringify(draft.signed));
}

/** `signed.version`, a whole number from 1. Throws TUF_DRAFT_MALFORMED. */
export function versionOf({ signed }: Draft): number {
  const { version } = signed;
  if (typeof version === "number" && Number.isSafeInteger(version) && version > 0) return version;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: "signed.version", expected: "a whole number from 1" });
}

/** `signed._type`: root, timestamp, snapshot or targets (which delegated roles have too). Throws TUF_DRAFT_MALFORMED. */
export function typeOf({ signed }: Draft): "root" | "timestamp" | "snapshot" | "targets" {
  const type = signed["_type"];
  if (type === "root" || type === "timestamp" || type === "snapshot" || type === "targets") return type;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: "signed._type", expected: "root, timestamp, snapshot or targets" });
}

/** When it expires, as milliseconds since 1970. Throws TUF_DRAFT_MALFORMED. */
export function expiryOf({ signed }: Draft): number {
  const { expires } = signed;
  const time = typeof expires === "string" ? parseTime(expires) : undefined;
  if (time !== undefined) return time;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: "signed.expires", expected: "a time", got: quote(textIn(expires)) });
}

/** The same with other content, which nobody has signed. */
export function changed(draft: Draft, members: JsonObject): Draft {
  return { signed: { ...draft.signed, ...members }, signatures: [] };
}

/** The version after a published one, with the same content and a new time of expiry, unsigned. */
export function nextVersion(published: Draft, expires: Date): Draft {
  return changed(published, {
    version: versionOf(published) + 1,
    expires: formatTime(expires),
    spec_version: specVersion,
  });
}

/** The time as metadata spells it: whole seconds in UTC. */
export function formatTime(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

/** Whether two drafts would be signed by the same signatures. */
export function isSameContent(a: Draft, b: Draft): boolean {
  return equalBytes(signedBytesOf(a), signedBytesOf(b));
}

/** Whether a JSON value is an object, not an array and not null. */
export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A member that must be an object. Throws TUF_DRAFT_MALFORMED. */
export function objectAt(parent: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(parent, name) ? parent[name] : undefined;
  if (isObject(value)) return value;
  throw tufError("TUF_DRAFT_MALFORMED", { checked: quote(name), expected: "an object" });
}

/** Any member as text, for messages and comparisons: a string as it is, all else as JSON. */
export function textIn(value: Json | undefined): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");
}
