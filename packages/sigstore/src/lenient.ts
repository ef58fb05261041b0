import { quote, type Finding, type Json, type TrustError } from "@countersign/core";

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
