import { utf8 } from "./bytes.ts";
import { coreError } from "./errors.ts";
import type { TrustError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** How deep a value may nest that is written canonically. */
export const maxCanonicalDepth: number = 512;

/**
 * OLPC canonical JSON as securesystemslib writes it: members by code point of their names, no white space, integers
 * within ±(2^53 − 1) only, in strings nothing but `"` and `\` escaped (so that the result need not be JSON).
 * Members that are `undefined` are left out. Throws CORE_JSON_NOT_CANONICAL.
 */
export function formatCanonicalJson(value: Json): Uint8Array {
  return utf8(write(value, olpc, 0));
}

/**
 * The JSON Canonicalization Scheme (RFC 8785): members by UTF-16 units of their names, numbers as ECMAScript writes
 * them, minimal escapes. Members that are `undefined` are left out. Throws CORE_JSON_NOT_CANONICAL.
 */
export function formatJcs(value: Json): Uint8Array {
  return utf8(write(value, jcs, 0));
}

interface Style {
  readonly number: (value: number) => string;
  readonly text: (value: string) => string;
  /** Order of member names; the engine's own, by UTF-16 unit, unless given. */
  readonly compare?: (a: string, b: string) => number;
}

const olpc: Style = {
  number: (value) => {
    if (!Number.isSafeInteger(value)) throw unwritable("an integer within 53 bits", String(value));
    return String(value);
  },
  text: (value) => `"${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  compare: compareCodePoints,
};

const jcs: Style = {
  number: (value) => {
    if (!Number.isFinite(value)) throw unwritable("a finite number", String(value));
    return String(value);
  },
  text: (value) => JSON.stringify(value),
};

function write(value: Json, style: Style, depth: number): string {
  if (depth > maxCanonicalDepth) throw unwritable(`at most ${maxCanonicalDepth} levels`, "more");
  if (value === null) return "null";
  if (typeof value === "string") return writeText(value, style);
  if (typeof value === "number") return style.number(value);
  if (typeof value === "boolean") return String(value);
  if (Array.isArray(value)) {
    const items: readonly Json[] = value;
    return `[${items.map((item) => write(item, style, depth + 1)).join(",")}]`;
  }
  if (!isPlain(value)) throw unwritable("a JSON value", typeof value);
  return writeMembers(value, style, depth);
}

function writeMembers(value: JsonObject, style: Style, depth: number): string {
  const members: string[] = [];
  for (const name of Object.keys(value).sort(style.compare)) {
    const member = value[name];
    if (member !== undefined) members.push(`${writeText(name, style)}:${write(member, style, depth + 1)}`);
  }
  return `{${members.join(",")}}`;
}

function writeText(value: string, style: Style): string {
  if (!value.isWellFormed()) throw unwritable("Unicode text", "a lone surrogate");
  return style.text(value);
}

/** Dates, Maps and byte arrays slip past the compiler through `unknown`; written as objects they would all look alike. */
function isPlain(value: unknown): value is JsonObject {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Order of two texts by code point, which is that of their UTF-8: negative, zero or positive. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const left = a.charCodeAt(at);
    const right = b.charCodeAt(at);
    if (left !== right) return rank(left) - rank(right);
  }
  return a.length - b.length;
}

/** Code points and UTF-16 units sort alike but for surrogates, whose code points lie above all other units. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

function unwritable(expected: string, got: string): TrustError {
  return coreError("CORE_JSON_NOT_CANONICAL", { expected, got });
}
