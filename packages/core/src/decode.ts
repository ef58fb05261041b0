import { parseBase64 } from "./bytes.ts";
import { quote, TrustError, type Detail } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";

/** Makes the error of whoever reads: the detail says which member, what was expected and what came. */
export type ShapeError = (detail: Detail) => TrustError;

/** Reads the members of one object, each into one type; `null` counts as absent where absence is allowed (protobuf JSON). */
export interface ObjectReader {
  has(name: string): boolean;
  string(name: string): string;
  optionalString(name: string): string | undefined;
  /** Strict base64. */
  bytes(name: string): Uint8Array;
  optionalBytes(name: string): Uint8Array | undefined;
  /** An int64, as an integer number up to 2^53 or as a decimal string. */
  integer(name: string): bigint;
  optionalInteger(name: string): bigint | undefined;
  number(name: string): number;
  boolean(name: string): boolean;
  optionalBoolean(name: string): boolean | undefined;
  object(name: string): ObjectReader;
  optionalObject(name: string): ObjectReader | undefined;
  array(name: string, maxCount: number): readonly Json[];
  optionalArray(name: string, maxCount: number): readonly Json[] | undefined;
  /** A list of strict base64. */
  optionalBytesArray(name: string, maxCount: number): readonly Uint8Array[] | undefined;
  json(name: string): Json;
  optionalJson(name: string): Json | undefined;
  oneOf<T extends string>(name: string, values: readonly T[]): T;
  /** Throws if a member was never read. */
  refuseUnknown(): void;
}

/** Starts to read `value`, which must be an object; `at` names it in messages, `error` makes them. */
export function readObject(value: Json, at: string, error: ShapeError): ObjectReader {
  if (!isObject(value)) throw error({ checked: at, expected: "an object", got: kindOf(value) });
  return new Reader(value, at, error);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: Json | undefined): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

// A class for speed alone: a verifier makes dozens of readers for each bundle.
class Reader implements ObjectReader {
  readonly #value: JsonObject;
  readonly #at: string;
  readonly #error: ShapeError;
  /** Few, so that a Set would only cost more. */
  readonly #seen: string[] = [];

  constructor(value: JsonObject, at: string, error: ShapeError) {
    this.#value = value;
    this.#at = at;
    this.#error = error;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#value, name) && (this.#value[name] ?? null) !== null;
  }

  string(name: string): string {
    const value = this.json(name);
    return typeof value === "string" ? value : this.#wrong(name, "a string", value);
  }

  optionalString(name: string): string | undefined {
    return this.#optional(name) ? this.string(name) : undefined;
  }

  bytes(name: string): Uint8Array {
    return this.#decoded(name, this.string(name));
  }

  optionalBytes(name: string): Uint8Array | undefined {
    return this.#optional(name) ? this.bytes(name) : undefined;
  }

  integer(name: string): bigint {
    const value = this.json(name);
    const integer = parseInteger(value);
    return integer ?? this.#wrong(name, "a 64-bit integer", value);
  }

  optionalInteger(name: string): bigint | undefined {
    return this.#optional(name) ? this.integer(name) : undefined;
  }

  number(name: string): number {
    const value = this.json(name);
    return typeof value === "number" ? value : this.#wrong(name, "a number", value);
  }

  boolean(name: string): boolean {
    const value = this.json(name);
    return typeof value === "boolean" ? value : this.#wrong(name, "true or false", value);
  }

  optionalBoolean(name: string): boolean | undefined {
    return this.#optional(name) ? this.boolean(name) : undefined;
  }

  object(name: string): ObjectReader {
    const value = this.json(name);
    return isObject(value)
      ? new Reader(value, `${this.#at}.${name}`, this.#error)
      : this.#wrong(name, "an object", value);
  }

  optionalObject(name: string): ObjectReader | undefined {
    return this.#optional(name) ? this.object(name) : undefined;
  }

  array(name: string, maxCount: number): readonly Json[] {
    const value = this.json(name);
    if (!Array.isArray(value)) return this.#wrong(name, "an array", value);
    const items: readonly Json[] = value;
    if (items.length > maxCount)
      throw this.#error({ checked: `${this.#at}.${name}`, expected: `at most ${maxCount}`, got: String(items.length) });
    return items;
  }

  optionalArray(name: string, maxCount: number): readonly Json[] | undefined {
    return this.#optional(name) ? this.array(name, maxCount) : undefined;
  }

  optionalBytesArray(name: string, maxCount: number): readonly Uint8Array[] | undefined {
    return this.optionalArray(name, maxCount)?.map((each) =>
      typeof each === "string" ? this.#decoded(`${name}[]`, each) : this.#wrong(`${name}[]`, "a string", each),
    );
  }

  json(name: string): Json {
    this.#see(name);
    const value = Object.hasOwn(this.#value, name) ? this.#value[name] : undefined;
    if (value === undefined) throw this.#error({ checked: `${this.#at}.${name}`, expected: "present", got: "nothing" });
    return value;
  }

  optionalJson(name: string): Json | undefined {
    return this.#optional(name) ? this.json(name) : undefined;
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const text = this.string(name);
    const found = values.find((value) => value === text);
    if (found === undefined)
      throw this.#error({ checked: `${this.#at}.${name}`, expected: values.join(", "), got: quote(text) });
    return found;
  }

  refuseUnknown(): void {
    for (const name of Object.keys(this.#value)) {
      if (!this.#seen.includes(name))
        throw this.#error({ checked: this.#at, expected: "no other members", got: quote(name) });
    }
  }

  #decoded(name: string, text: string): Uint8Array {
    try {
      return parseBase64(text);
    } catch (cause) {
      if (!(cause instanceof TrustError)) throw cause;
      throw this.#error({
        checked: `${this.#at}.${name}`,
        expected: "canonical base64",
        got: quote(text.slice(0, 40)),
      });
    }
  }

  #optional(name: string): boolean {
    this.#see(name);
    return this.has(name);
  }

  #see(name: string): void {
    if (this.#seen.at(-1) !== name) this.#seen.push(name);
  }

  #wrong(name: string, expected: string, value: Json | undefined): never {
    throw this.#error({ checked: `${this.#at}.${name}`, expected, got: kindOf(value) });
  }
}

function parseInteger(value: Json): bigint | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  if (typeof value !== "string" || !/^(?:0|-?[1-9][0-9]{0,18})$/.test(value)) return undefined;
  const integer = BigInt(value);
  return BigInt.asIntN(64, integer) === integer ? integer : undefined;
}
