import { quote, type ObjectReader, type ShapeError } from "@countersign/core";

/** A stretch of time in milliseconds since 1970, closed on both ends; without an end it is open. */
export interface Window {
  readonly startMs: number;
  readonly endMs?: number;
}

/** Whether `timeMs` is inside; both ends count (protobuf `TimeRange`, `CertificateAuthority.valid_for`). */
export function isWithin(window: Window, timeMs: number): boolean {
  return timeMs >= window.startMs && (window.endMs === undefined || timeMs <= window.endMs);
}

const timePattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

/**
 * Milliseconds of a protobuf JSON timestamp (RFC 3339, upper-case T and Z, at most nine digits of fraction, which are
 * cut to three); undefined if it is not one or names a day that does not exist. Leap seconds are not times here.
 */
export function parseTime(text: string): number | undefined {
  const match = text.length > 40 ? null : timePattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const [offsetHour, offsetMinute] = [Number(match[9] ?? 0), Number(match[10] ?? 0)];
  if (year === 0 || hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  // Date.UTC reads years below 100 as 19xx, and rolls a 31st of June over: both show as another date.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const fraction = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const local = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction;
  return local - (match[8] === "-" ? -1 : 1) * (offsetHour * 60 + offsetMinute) * 60_000;
}

/**
 * Reads a protobuf `TimeRange`, which must have a start and must not end before it. `at` names it in messages,
 * `error` makes them.
 */
export function readWindow(reader: ObjectReader, at: string, error: ShapeError): Window {
  const startMs = readInstant(reader, "start", { at, error });
  const endMs = readInstant(reader, "end", { at, error });
  if (startMs === undefined) throw error({ checked: at, expected: "a start" });
  if (endMs === undefined) return { startMs };
  if (endMs < startMs) throw error({ checked: at, got: "an end before the start" });
  return { startMs, endMs };
}

function readInstant(reader: ObjectReader, name: string, o: { at: string; error: ShapeError }): number | undefined {
  const text = reader.optionalString(name);
  const ms = text === undefined ? undefined : parseTime(text);
  if (text === undefined || ms !== undefined) return ms;
  throw o.error({ checked: `${o.at}.${name}`, expected: "an RFC 3339 time", got: quote(text) });
}
