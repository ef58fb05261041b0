import { utf8 } from "./bytes.ts";
import { coreError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/**
 * Canonical JSON as OLPC and securesystemslib write it: members sorted by code point, no white space, only `"` and `\`
 * escaped, integers only. Throws CORE_JSON_NOT_CANONICAL for fractions, integers past 2^53 and lone surrogates.
 */
export function formatCanonicalJson(value: Json): Uint8Array {
  return utf8(format(value, olpc));
}

/**
 * JSON Canonicalization Scheme (RFC 8785): members sorted by UTF-16 unit, numbers as ECMAScript writes them.
 * Throws CORE_JSON_NOT_CANONICAL for lone surrogates and numbers that are not finite.
 */
export function formatJcs(value: Json): Uint8Array {
  return utf8(format(value, jcs));
}

interface Scheme {
  order(a: string, b: string): number;
  text(value: string): string;
  number(value: number): string;
}

const olpc: Scheme = {
  order: compareCodePoints,
  text: (value) => `"${wellFormed(value).replaceAll(/["\\]/g, "\\$&")}"`,
  number: (value) => {
    if (!Number.isSafeInteger(value)) throw coreError("CORE_JSON_NOT_CANONICAL", { expected: "an integer below 2^53", got: String(value) });
    return String(value === 0 ? 0 : value);
  },
};

const jcs: Scheme = {
  order: (a, b) => (a < b ? -1 : Number(a > b)),
  text: (value) => JSON.stringify(wellFormed(value)),
  number: (value) => {
    if (!Number.isFinite(value)) throw coreError("CORE_JSON_NOT_CANONICAL", { expected: "a finite number", got: String(value) });
    return JSON.stringify(value === 0 ? 0 : value);
  },
};

function format(value: Json, scheme: Scheme): string {
  if (typeof value === "string") return scheme.text(value);
  if (typeof value === "number") return scheme.number(value);
  if (typeof value !== "object" || value === null) return String(value);
  if (isArray(value)) return `[${value.map((item) => format(item, scheme)).join(",")}]`;
  return `{${members(value, scheme).join(",")}}`;
}

function members(value: JsonObject, scheme: Scheme): readonly string[] {
  const names = Object.keys(value).filter((name) => value[name] !== undefined);
  return names.sort(scheme.order).map((name) => `${scheme.text(name)}:${format(value[name] as Json, scheme)}`);
}

function isArray(value: readonly Json[] | JsonObject): value is readonly Json[] {
  return Array.isArray(value);
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw coreError("CORE_JSON_NOT_CANONICAL", { expected: "well-formed text", got: "a lone surrogate" });
  return text;
}

// UTF-16 units order U+1F600 before U+FB33; the reference sorts by code point.
function compareCodePoints(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  for (let at = 0; at < left.length && at < right.length; at++) {
    const difference = ((left[at] as string).codePointAt(0) as number) - ((right[at] as string).codePointAt(0) as number);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
