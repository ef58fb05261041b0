import { readObject } from "../decode.ts";
import { coreError, quote, TrustError, type Detail } from "../errors.ts";
import type { Json, JsonObject } from "../json.ts";

/** Reads one JSON value, which messages call `at`, into its type. Throws CORE_PREDICATE_MALFORMED. */
export type Shape<T> = (value: Json, at: string) => T;

/** A member that may be absent; `null` counts as absent, as Go and protobuf write it. */
export interface OptionalMember<T> {
  readonly optional: Shape<T>;
}

/** A shape for every member of `T`, marked as optional exactly where `T` says so. */
export type Members<T> = {
  readonly [K in keyof T]-?: undefined extends T[K] ? OptionalMember<Exclude<T[K], undefined>> : Shape<T[K]>;
};

/** The most items a list in a predicate may have. */
export const maxPredicateItems: number = 100_000;

/**
 * An object with these members. Others are kept as they are: in-toto's parsing rules let producers extend predicates,
 * and what was signed must not get lost on the way to a policy.
 */
export function record<T extends object>(members: Members<T>): Shape<T> {
  const rows = Object.entries(members) as [string, Shape<unknown> | OptionalMember<unknown>][];
  return (value, at) => {
    readObject(value, at, malformed);
    const given = value as JsonObject;
    const known = rows.flatMap(([name, member]) => readMember(given, name, member, at));
    const others = Object.entries(given).filter(([name]) => !Object.hasOwn(members, name));
    // fromEntries defines members, so that one named __proto__ stays a member.
    return Object.fromEntries([...known, ...others]) as T;
  };
}

/** Marks a member as one that may be absent. */
export function optional<T>(shape: Shape<T>): OptionalMember<T> {
  return { optional: shape };
}

/** A list of at least `minCount` items. */
export function list<T>(item: Shape<T>, minCount: number = 0): Shape<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw wrong(at, "an array", value);
    const items: readonly Json[] = value;
    if (items.length < minCount || items.length > maxPredicateItems)
      throw malformed({ checked: at, expected: `${minCount} to ${maxPredicateItems} items`, got: `${items.length}` });
    return items.map((each, index) => item(each, `${at}[${index}]`));
  };
}

/** An object whose member names are the producer's own, with values of one shape. */
export function mapOf<T>(item: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, at) => {
    readObject(value, at, malformed);
    const rows = Object.entries(value as JsonObject);
    return Object.fromEntries(rows.map(([name, each]) => [name, item(each ?? null, `${at}[${quote(name)}]`)]));
  };
}

/** One of these texts. */
export function oneOf<T extends string>(...values: readonly T[]): Shape<T> {
  return (value, at) => {
    const found = values.find((each) => each === value);
    if (found === undefined) throw wrong(at, values.join(" or "), value);
    return found;
  };
}

/** Whatever the first of these shapes that fits reads; the error is the last one's. */
export function either<A, B>(first: Shape<A>, second: Shape<B>): Shape<A | B> {
  return (value, at) => {
    try {
      return first(value, at);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      return second(value, at);
    }
  };
}

/** Text, perhaps empty. */
export const text: Shape<string> = (value, at) => {
  if (typeof value !== "string") throw wrong(at, "text", value);
  return value;
};

/** Text with something in it. */
export const name: Shape<string> = (value, at) => {
  if (typeof value !== "string" || value === "") throw wrong(at, "text that is not empty", value);
  return value;
};

/** An absolute URI (RFC 3986 §4.3): a scheme and something after it, no white space. */
export const uri: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !isUri(value)) throw wrong(at, "a URI", value);
  return value;
};

/** Whether a text is an absolute URI, as TypeURI and ResourceURI ask (in-toto field_types.md). */
export function isUri(value: string): boolean {
  return /^[A-Za-z][A-Za-z0-9+.-]*:[^\s\p{Cc}]+$/u.test(value);
}

/** A point in time (RFC 3339 §5.6) that exists in the calendar; any offset, any number of digits after the second. */
export const timestamp: Shape<string> = (value, at) => {
  if (typeof value !== "string" || !isTimestamp(value)) throw wrong(at, "an RFC 3339 time", value);
  return value;
};

/** A finite number. */
export const number: Shape<number> = (value, at) => {
  if (typeof value !== "number") throw wrong(at, "a number", value);
  return value;
};

/** true or false. */
export const flag: Shape<boolean> = (value, at) => {
  if (typeof value !== "boolean") throw wrong(at, "true or false", value);
  return value;
};

/** Any value at all. */
export const anything: Shape<Json> = (value) => value;

/** Any object. */
export const anyObject: Shape<JsonObject> = (value, at) => {
  readObject(value, at, malformed);
  return value as JsonObject;
};

/** The error that a value at `at` is not what it should be. */
export function wrong(at: string, expected: string, value: Json): TrustError {
  return malformed({ checked: at, expected, got: describe(value) });
}

function malformed(detail: Detail): TrustError {
  return coreError("CORE_PREDICATE_MALFORMED", detail);
}

function describe(value: Json): string {
  if (typeof value === "string") return quote(value.slice(0, 80));
  if (value === null || typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}

function readMember(
  given: JsonObject,
  name: string,
  member: Shape<unknown> | OptionalMember<unknown>,
  at: string,
): [string, unknown][] {
  const value = Object.hasOwn(given, name) ? given[name] : undefined;
  if (typeof member === "function") {
    if (value === undefined) throw malformed({ checked: `${at}.${name}`, expected: "present", got: "nothing" });
    return [[name, member(value, `${at}.${name}`)]];
  }
  return value === undefined || value === null ? [] : [[name, member.optional(value, `${at}.${name}`)]];
}

const timePattern = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|[+-](\d\d):(\d\d))$/;

function isTimestamp(value: string): boolean {
  const [, year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, offHour = 0, offMinute = 0] = (
    timePattern.exec(value) ?? ["", Number.NaN]
  ).map((part) => Number(part ?? 0));
  const daysInMonth = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const isDay = month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth;
  // A leap second is a second (RFC 3339 §5.7).
  return isDay && hour <= 23 && minute <= 59 && second <= 60 && offHour <= 23 && offMinute <= 59;
}
