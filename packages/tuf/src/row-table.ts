import {
  compareCodePoints,
  endOfString,
  endOfValue,
  quote,
  readObject,
  readTextValue,
  unescapeCanonical,
  type JsonObject,
  type ObjectReader,
} from "@countersign/core";
import { metadataMalformed, textLimits } from "./form.ts";

/** An object of metadata that may have very many members of one form, so that each is read when it is asked for. */
export interface RowTable<T> {
  readonly size: number;
  /** By code point. */
  names(): IterableIterator<string>;
  get(name: string): T | undefined;
  [Symbol.iterator](): IterableIterator<[name: string, row: T]>;
}

/** What the members are like. */
export interface RowForm<T> {
  /** For messages: the name of the object. */
  readonly at: string;
  readonly maxRows: number;
  /**
   * Fits, from its start, every member of the common kind, name and colon included, and none whose row `read` would refuse or that is
   * not canonical JSON or has an escape in its name. Sticky.
   */
  readonly plainMember: RegExp;
  /** Reads one row; throws if it has not its form. */
  readonly read: (reader: ObjectReader, json: JsonObject) => T;
}

/**
 * Indexes an object in canonical text, from its opening brace on, and checks the form of every row. Keeps the text, and four bytes
 * a row. Gives the place after it. Throws TUF_METADATA_MALFORMED.
 */
export function readRowTable<T>(
  text: string,
  from: number,
  form: RowForm<T>,
): { readonly table: RowTable<T>; readonly to: number } {
  const { at: checked, maxRows } = form;
  if (text[from] !== "{") throw metadataMalformed({ checked, expected: "an object" });
  const starts: number[] = [];
  let at = from + 1;
  while (text.charCodeAt(at) === 34) {
    starts.push(at);
    if (starts.length > maxRows) throw metadataMalformed({ checked, expected: `at most ${maxRows}` });
    at = endOfRow(text, at, form) + 1;
  }
  const to = starts.length === 0 ? from + 2 : at;
  return { table: tableOf(text, Uint32Array.from(starts), form), to };
}

/** The place after a row, which must have its form. */
function endOfRow<T>(text: string, from: number, form: RowForm<T>): number {
  const { plainMember } = form;
  plainMember.lastIndex = from;
  if (plainMember.test(text)) return plainMember.lastIndex;
  readRow(text, from, form);
  return endOfValue(text, endOfString(text, from) + 1);
}

function tableOf<T>(text: string, starts: Uint32Array, form: RowForm<T>): RowTable<T> {
  return {
    size: starts.length,
    *names() {
      for (const from of starts) yield nameAt(text, from);
    },
    get(name) {
      const from = findRow(text, starts, name);
      return from === undefined ? undefined : readRow(text, from, form);
    },
    *[Symbol.iterator]() {
      for (const from of starts) yield [nameAt(text, from), readRow(text, from, form)] as [string, T];
    },
  };
}

/** Canonical text has its members in order, so that half of them can be left out each time. */
function findRow(text: string, starts: Uint32Array, name: string): number | undefined {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const from = starts[middle] as number;
    const order = compareCodePoints(nameAt(text, from), name);
    if (order === 0) return from;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}

function nameAt(text: string, from: number): string {
  return unescapeCanonical(text.slice(from + 1, endOfString(text, from) - 1));
}

function readRow<T>(text: string, from: number, { at, read }: RowForm<T>): T {
  const valueFrom = endOfString(text, from) + 1;
  const json = readTextValue(text.slice(valueFrom, endOfValue(text, valueFrom)), textLimits);
  return read(readObject(json, `${at}.${quote(nameAt(text, from))}`, metadataMalformed), json as JsonObject);
}
