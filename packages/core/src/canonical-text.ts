import { utf8 } from "./bytes.ts";
import { canonicalise, unescapeCanonical, type CanonicalErrors } from "./canonical-scan.ts";
import type { ShapeError } from "./decode.ts";
import type { Json, JsonObject } from "./json.ts";

/*
 * Walks over text that `canonical-scan.ts` wrote. It is well formed, has no white space and escapes nothing but `"` and `\`,
 * so that the end of a value is found without reading it.
 */

/** A member's name, and where its value starts and ends in the text. */
export interface TextMember {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/** Calls `read` with each member's name and the start of its value; it must give the place after the value. */
export function walkMembers(text: string, read: (name: string, from: number) => number): void {
  let at = text.startsWith("{") ? 1 : text.length;
  while (text[at] === '"') {
    const nameEnd = endOfString(text, at);
    at = read(unescapeCanonical(text.slice(at + 1, nameEnd - 1)), nameEnd + 1) + 1;
  }
}

/** The members of the object that the text is, in their order; none if it is something else. */
export function readTextMembers(text: string): readonly TextMember[] {
  const members: TextMember[] = [];
  walkMembers(text, (name, from) => {
    const to = endOfValue(text, from);
    members.push({ name, from, to });
    return to;
  });
  return members;
}

/** The items of the array that the text is. */
export function readTextItems(text: string): readonly string[] {
  const items: string[] = [];
  let at = 1;
  while (at < text.length - 1) {
    const to = endOfValue(text, at);
    items.push(text.slice(at, to));
    at = to + 1;
  }
  return items;
}

/**
 * The value that canonical text spells; numbers as JavaScript reads them. Not by way of JSON.parse, for which control
 * characters would have to be escaped: V8 13.6 then sometimes loses a member whose name has an escape. Throws the error of the
 * limits, if there are any.
 */
export function readTextValue(text: string, { maxMembers, malformed }: Partial<TextLimits> = {}): Json {
  const limits = maxMembers === undefined || malformed === undefined ? undefined : { maxMembers, malformed };
  return readValue({ text, at: 0, limits });
}

/** What one value may be. */
export interface TextLimits {
  /** How many members one object may have: a million in one take an engine most of a minute. */
  readonly maxMembers: number;
  readonly malformed: ShapeError;
}

interface Cursor {
  readonly text: string;
  at: number;
  readonly limits: TextLimits | undefined;
}

function readValue(cursor: Cursor): Json {
  const code = cursor.text.charCodeAt(cursor.at);
  if (code === 34) return readString(cursor);
  if (code === 123) return readObject(cursor);
  if (code === 91) return readArray(cursor);
  const from = cursor.at;
  cursor.at = endOfValue(cursor.text, from);
  const word = cursor.text.slice(from, cursor.at);
  return words.has(word) ? (words.get(word) as boolean | null) : Number(word);
}

const words: ReadonlyMap<string, boolean | null> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);

function readString(cursor: Cursor): string {
  const from = cursor.at + 1;
  cursor.at = endOfString(cursor.text, cursor.at);
  return unescapeCanonical(cursor.text.slice(from, cursor.at - 1));
}

function readArray(cursor: Cursor): readonly Json[] {
  const items: Json[] = [];
  cursor.at++;
  while (cursor.text.charCodeAt(cursor.at) !== 93) {
    items.push(readValue(cursor));
    if (cursor.text.charCodeAt(cursor.at) === 44) cursor.at++;
  }
  cursor.at++;
  return items;
}

function readObject(cursor: Cursor): JsonObject {
  const members: Record<string, Json> = {};
  const { maxMembers = Number.POSITIVE_INFINITY, malformed } = cursor.limits ?? {};
  cursor.at++;
  for (let count = 1; cursor.text.charCodeAt(cursor.at) !== 125; count++) {
    if (count > maxMembers && malformed) throw malformed({ expected: `at most ${maxMembers} members in one object` });
    const name = readString(cursor);
    cursor.at++;
    const value = readValue(cursor);
    // An assignment would set the prototype.
    if (name === "__proto__")
      Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true });
    else members[name] = value;
    if (cursor.text.charCodeAt(cursor.at) === 44) cursor.at++;
  }
  cursor.at++;
  return members;
}

/** Checks text that was read with numbers kept: that canonical JSON could write them. Throws the `number` error. */
export function checkIntegers(text: string, errors: CanonicalErrors): void {
  // A string may look like it, so only the slow way tells.
  const isSuspect = /[:,[]-?[0-9]+[.eE]/.test(text);
  if (isSuspect) canonicalise(utf8(escapeControls(text)), { numbers: "refuse", duplicates: "refuse", errors });
}

/** All that keeps canonical text from being JSON are control characters that stand in strings as they are. */
function escapeControls(text: string): string {
  return text.replaceAll(/[\0-\u001f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The place after the closing quote of the string that starts at `from`. */
export function endOfString(text: string, from: number): number {
  let at = text.indexOf('"', from + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
}

/** Whether an odd number of backslashes stands before. */
function isEscaped(text: string, at: number): boolean {
  let from = at;
  while (text.charCodeAt(from - 1) === 92) from--;
  return (at - from) % 2 === 1;
}

/** The place after the value that starts at `from`. */
export function endOfValue(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const code = text.charCodeAt(at);
    if (code === 34) at = endOfString(text, at);
    else {
      if (code === 123 || code === 91) depth++;
      if (code === 125 || code === 93) depth--;
      at++;
    }
    // After a number or a word stands a comma or the end of what it is in.
  } while (at < text.length && (depth > 0 || !isEnd(text.charCodeAt(at))));
  return at;
}

function isEnd(code: number): boolean {
  return code === 44 || code === 125 || code === 93;
}
