/** RFC 3339 §5.6; `t` and `z` may be small. */
const form = /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/;

/**
 * The instant an RFC 3339 date and time names, in milliseconds since 1970, finer fractions cut off; undefined if the text
 * is not one or the day does not exist. A leap second counts as the second after it.
 */
export function parseTime(text: string): number | undefined {
  const [, ...parts] = form.exec(text) ?? [];
  if (parts.length === 0) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(0, 6).map(Number) as Six;
  const [fraction = "", sign, offsetHour = "0", offsetMinute = "0"] = parts.slice(6);
  if (Number(offsetHour) > 23 || Number(offsetMinute) > 59) return undefined;
  if (month < 1 || month > 12 || day < 1 || day > daysOf(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const offsetMinutes = (Number(offsetHour) * 60 + Number(offsetMinute)) * (sign === "-" ? -1 : 1);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute - offsetMinutes, second, Number(fraction.slice(0, 3).padEnd(3, "0")));
  return date.getTime();
}

type Six = [number, number, number, number, number, number];

function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31;
}

/** An instant as reports spell it: ISO 8601 in UTC, whole seconds where there are no others. */
export function formatInstant(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
