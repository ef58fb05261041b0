import {
  formatCanonicalJson,
  parseUtf8,
  readObject,
  readTextValue,
  type Detail,
  type Json,
  type JsonObject,
  type TrustError,
} from "@countersign/core";
import { formatArtifacts, readArtifacts, type Artifacts } from "./artifacts.ts";
import { endOfValueBytes, walkMemberBytes } from "./canonical-bytes.ts";
import { inTotoError } from "./errors.ts";
import { checkName } from "./name.ts";
import type { Mode } from "./mode.ts";

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

/** A link that says nothing. */
export const emptyLink: Link = {
  name: "",
  materials: new Map(),
  products: new Map(),
  byproducts: {},
  command: [],
  environment: {},
};

/** How long each member of a link may be that lists no artifacts, in bytes. */
export const maxLinkTextBytes: number = 32 * 1024 * 1024;

/** Parses a link from a JSON value; as `readLink`. */
export function parseLink(value: Json, mode: Mode = "strict"): Link {
  return readLink(formatCanonicalJson(value), mode);
}

/**
 * Reads a link from its canonical bytes, which are UTF-8. Strict: all members present, name and artifact paths safe (`checkName`,
 * `checkArtifactPath`), hashes well formed; compat: as the reference, a missing member is empty and a name or command
 * may be anything. Other members are passed over. The maps share memory with the bytes. Checks no signature and nothing
 * of what the link says. Throws INTOTO_LINK_MALFORMED, INTOTO_NAME_UNSAFE, INTOTO_TOO_LARGE.
 */
export function readLink(bytes: Uint8Array, mode: Mode): Link {
  const parts = readParts(bytes, mode);
  const { materials, products } = parts;
  const small = readObject(parts.small, "link", malformed);
  if (small.string("_type") !== "link") throw malformed({ checked: "link._type", expected: "link" });
  return {
    name: mode === "strict" ? checkName(small.string("name")) : asText(parts.small["name"]),
    materials: materials ?? absent("materials", mode, new Map()),
    products: products ?? absent("products", mode, new Map()),
    byproducts: readFree(partOf(parts.small, "byproducts", mode)),
    command: readCommand(partOf(parts.small, "command", mode), mode),
    environment: readFree(partOf(parts.small, "environment", mode)),
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

const smallMembers: ReadonlySet<string> = new Set(["_type", "name", "byproducts", "command", "environment"]);

interface LinkParts {
  readonly small: Readonly<Record<string, Json>>;
  readonly materials?: Artifacts;
  readonly products?: Artifacts;
}

/** One walk over the bytes: the artifacts are most of them. */
function readParts(bytes: Uint8Array, mode: Mode): LinkParts {
  const small: Record<string, Json> = {};
  const sides: { materials?: Artifacts; products?: Artifacts } = {};
  walkMemberBytes(bytes, (name, from) => {
    if (name === "materials" || name === "products") {
      const { artifacts, to } = readArtifacts(bytes, from, mode);
      sides[name] = artifacts;
      return to;
    }
    const to = endOfValueBytes(bytes, from);
    if (smallMembers.has(name)) small[name] = readSmall(name, bytes.subarray(from, to));
    return to;
  });
  return { small, ...sides };
}

function readSmall(name: string, bytes: Uint8Array): Json {
  if (bytes.length <= maxLinkTextBytes) return readTextValue(parseUtf8(bytes));
  const expected = `at most ${maxLinkTextBytes} bytes`;
  throw inTotoError("INTOTO_TOO_LARGE", { checked: `link.${name}`, expected });
}

/** A member that compat lets be absent; `null` is not absent. */
function partOf(small: LinkParts["small"], name: "byproducts" | "command" | "environment", mode: Mode): Json {
  const value = small[name];
  return value === undefined ? absent<Json>(name, mode, name === "command" ? [] : {}) : value;
}

/** What compat takes for a member that is not there. */
function absent<T>(name: string, mode: Mode, value: T): T {
  if (mode === "compat") return value;
  throw malformed({ checked: `link.${name}`, expected: "present", got: "nothing" });
}

/** A member that may be any object. */
function readFree(value: Json): JsonObject {
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

function malformed(detail: Detail): TrustError {
  return inTotoError("INTOTO_LINK_MALFORMED", detail);
}
