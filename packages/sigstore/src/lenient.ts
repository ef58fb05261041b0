import {
  quote,
  readObject,
  type Finding,
  type Json,
  type ObjectReader,
  type ShapeError,
  type TrustError,
} from "@countersign/core";

/** The error said as a warning, for what was passed over instead of refused. */
export function warningOf(error: TrustError): Finding {
  return { level: "warn", code: error.code, message: error.message, fix: error.fix };
}

/** One warning, made by `error` from the name, for each member of the object that is not among `known`. At most eight. */
export function passOverUnknown(value: Json, known: readonly string[], error: (got: string) => TrustError): Finding[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [];
  const unknown = Object.keys(value).filter((name) => !known.includes(name));
  return unknown.slice(0, 8).map((name) => warningOf(error(quote(name))));
}

/**
 * The bytes of a member whose base64 may be in lines, as tools that wrap it write it and people paste it: only for strict DER
 * that somebody signed, where a line break can hide nothing (timestamps), and for what the caller gave to be trusted.
 */
export function readLines(reader: ObjectReader, name: string, o: { at: string; error: ShapeError }): Uint8Array {
  const text = reader.string(name);
  if (!text.includes("\n")) return reader.bytes(name);
  return readObject({ [name]: text.replace(/\r?\n/g, "") }, o.at, o.error).bytes(name);
}
