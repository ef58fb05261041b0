import {
  formatCanonicalJson,
  parseUtf8,
  readObject,
  type Detail,
  type Json,
  type JsonObject,
  type TrustError,
} from "@countersign/core";
import { endOfString, endOfValue, readTextMembers, readTextValue, type TextMember } from "./canonical-text.ts";
import { unescapeCanonical } from "./canonical.ts";
import { inTotoError } from "./errors.ts";
import { checkHashes, type Hashes } from "./hashes.ts";
import { checkArtifactPath, checkName } from "./name.ts";
import type { Mode } from "./mode.ts";

/** Each artifact's path with its hashes. */
export type Artifacts = ReadonlyMap<string, Hashes>;

/** What a functionary says of one step (in-toto specification 1.0 §4.4), unverified. */
export interface Link {
  /** The step's name, as far as the link knows. */
  readonly name: string;
  readonly materials: Artifacts;
  readonly products: Artifacts;
  /** Opaque; usually `stdout`, `stderr`, `return-value`. */
  readonly byproducts: JsonObject;
  readonly command: readonly string[];
  /** Opaque. */
  readonly environment: JsonObject;
}

/** The most artifacts on one side of a link. */
export const maxArtifacts: number = 4_000_000;
/** How long each member of a link may be that lists no artifacts, in characters. */
export const maxLinkTextChars: number = 32 * 1024 * 1024;

/** Parses a link from a JSON value; as `readLink`. */
export function parseLink(value: Json, mode: Mode = "strict"): Link {
  return readLink(parseUtf8(formatCanonicalJson(value)), mode);
}

/**
 * Reads a link from its canonical text. Strict: all members present, name and artifact paths safe (`checkName`,
 * `checkArtifactPath`), hashes well formed; compat: as the reference, a missing member is empty and a name or command
 * may be anything. Other members are passed over. The maps share memory with the text. Checks no signature and nothing
 * of what the link says. Throws INTOTO_LINK_MALFORMED, INTOTO_NAME_UNSAFE, INTOTO_TOO_LARGE.
 */
export function readLink(text: string, mode: Mode): Link {
  const members = new Map(readTextMembers(text).map((each) => [each.name, each]));
  if (mode === "strict") checkMembers(members);
  const values = readObject(readSmallMembers(text, members), "link", malformed);
  if (values.string("_type") !== "link") throw malformed({ checked: "link._type", expected: "link" });
  return {
    name: mode === "strict" ? checkName(values.string("name")) : asText(values.optionalJson("name")),
    materials: readArtifacts(text, members.get("materials"), mode),
    products: readArtifacts(text, members.get("products"), mode),
    byproducts: readFree(values.optionalJson("byproducts"), members.has("byproducts")),
    command: readCommand(members.has("command") ? values.json("command") : [], mode),
    environment: readFree(values.optionalJson("environment"), members.has("environment")),
  };
}

/** The link as a JSON object, all members present. The inverse of `parseLink`. */
export function formatLink(link: Link): JsonObject {
  return {
    _type: "link",
    byproducts: link.byproducts,
    command: link.command,
    environment: link.environment,
    materials: formatArtifacts(link.materials),
    name: link.name,
    products: formatArtifacts(link.products),
  };
}

/** Artifacts as a JSON object. */
export function formatArtifacts(artifacts: Artifacts): JsonObject {
  // Through entries, so that a path named __proto__ is a member.
  return Object.fromEntries([...artifacts].map(([path, hashes]) => [path, readTextValue(hashes)]));
}

const smallMembers = ["_type", "name", "byproducts", "command", "environment"] as const;

function checkMembers(members: ReadonlyMap<string, TextMember>): void {
  for (const name of [...smallMembers, "materials", "products"]) {
    if (!members.has(name)) throw malformed({ checked: `link.${name}`, expected: "present", got: "nothing" });
  }
}

function readSmallMembers(text: string, members: ReadonlyMap<string, TextMember>): JsonObject {
  const values: Record<string, Json> = {};
  for (const name of smallMembers) {
    const member = members.get(name);
    if (member === undefined) continue;
    if (member.to - member.from > maxLinkTextChars)
      throw inTotoError("INTOTO_TOO_LARGE", {
        checked: `link.${name}`,
        expected: `at most ${maxLinkTextChars} characters`,
      });
    values[name] = readTextValue(text.slice(member.from, member.to));
  }
  return values;
}

/** A member that may be any object; absent is empty, `null` is not. */
function readFree(value: Json | undefined, isPresent: boolean): JsonObject {
  if (!isPresent) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw malformed({ checked: "byproducts and environment", expected: "objects" });
}

function readCommand(value: Json, mode: Mode): readonly string[] {
  if (!Array.isArray(value)) throw malformed({ checked: "link.command", expected: "an array" });
  const words: readonly Json[] = value;
  if (mode === "strict" && words.some((word) => typeof word !== "string"))
    throw malformed({ checked: "link.command", expected: "strings" });
  return words.map(asText);
}

/** The reference lets names and words of commands be of any type, and compares or prints them only. */
function asText(value: Json | undefined): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? null);
}

/** By far the most common hashes, found without reading them. */
const oneSha256 = /\{"sha256":"[0-9a-f]{64}"\}/y;

function readArtifacts(text: string, member: TextMember | undefined, mode: Mode): Artifacts {
  const artifacts = new Map<string, Hashes>();
  if (member === undefined) return artifacts;
  if (text[member.from] !== "{") throw malformed({ checked: "materials and products", expected: "objects" });
  for (let at = member.from + 1; at < member.to - 1; at++) {
    const nameEnd = endOfString(text, at);
    const path = unescapeCanonical(text.slice(at + 1, nameEnd - 1));
    if (mode === "strict") checkArtifactPath(path);
    at = endOfHashes(text, nameEnd + 1, mode);
    artifacts.set(path, text.slice(nameEnd + 1, at) as Hashes);
    if (artifacts.size > maxArtifacts)
      throw inTotoError("INTOTO_TOO_LARGE", { checked: "artifacts of a link", expected: `at most ${maxArtifacts}` });
  }
  return artifacts;
}

/** The end of the hashes that start at `from`, which are checked. */
function endOfHashes(text: string, from: number, mode: Mode): number {
  oneSha256.lastIndex = from;
  if (oneSha256.test(text)) return oneSha256.lastIndex;
  const to = endOfValue(text, from);
  checkHashes(text.slice(from, to), mode);
  return to;
}

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_LINK_MALFORMED", detail);
}
