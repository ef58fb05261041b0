import {
  compareCodePoints,
  endOfString,
  endOfValue,
  quote,
  readObject,
  readTextValue,
  unescapeCanonical,
  type Digest,
  type Json,
  type JsonObject,
} from "@countersign/core";
import { readCount, readDigests } from "./file-info.ts";
import { metadataMalformed } from "./form.ts";

/** What targets metadata says of one file (specification 1.0.34 §4.5). */
export interface TargetFile {
  /** In bytes. */
  readonly length: number;
  /** At least one; every one must fit. */
  readonly digests: readonly Digest[];
  /** The repository's own, opaque here. */
  readonly custom?: Json;
  /** As the metadata has it. */
  readonly json: JsonObject;
}

/** The targets of one file. They may be many, so that a row is read when it is asked for. */
export interface TargetTable {
  readonly size: number;
  /** By code point. */
  names(): IterableIterator<string>;
  get(name: string): TargetFile | undefined;
}

/** The most targets of one file. */
export const maxTargets: number = 4_000_000;

/** A row as nearly all are: looked at with one test. */
const plainRow = /\{(?:"custom":\{\},)?"hashes":\{"sha256":"[0-9a-f]{64}"\},"length":(?:0|[1-9][0-9]{0,14})\}/y;

/**
 * Indexes `targets` in canonical text, from its opening brace on. Every row's form is checked: a length from 0, and the hashes
 * of `readDigests`. Keeps the text, and four bytes a row. Throws TUF_METADATA_MALFORMED.
 */
export function readTargetTable(text: string, from: number): { readonly table: TargetTable; readonly to: number } {
  if (text[from] !== "{") throw metadataMalformed({ checked: "targets", expected: "an object" });
  const starts: number[] = [];
  let at = from + 1;
  while (text.charCodeAt(at) === 34) {
    starts.push(at);
    if (starts.length > maxTargets) throw metadataMalformed({ checked: "targets", expected: `at most ${maxTargets}` });
    at = endOfRow(text, at) + 1;
  }
  const to = starts.length === 0 ? from + 2 : at;
  return { table: tableOf(text, Uint32Array.from(starts)), to };
}

/** The place after a row, which must have its form. */
function endOfRow(text: string, from: number): number {
  const valueFrom = endOfString(text, from) + 1;
  plainRow.lastIndex = valueFrom;
  if (plainRow.test(text)) return plainRow.lastIndex;
  readRow(text, from);
  return endOfValue(text, valueFrom);
}

function tableOf(text: string, starts: Uint32Array): TargetTable {
  return {
    size: starts.length,
    *names() {
      for (const from of starts) yield nameAt(text, from);
    },
    get(name) {
      const from = findRow(text, starts, name);
      return from === undefined ? undefined : readRow(text, from);
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

function readRow(text: string, from: number): TargetFile {
  const valueFrom = endOfString(text, from) + 1;
  const json = readTextValue(text.slice(valueFrom, endOfValue(text, valueFrom)));
  const reader = readObject(json, `targets.${quote(nameAt(text, from))}`, metadataMalformed);
  const length = readCount(reader, "length", 0);
  const digests = readDigests(reader.object("hashes"));
  const custom = reader.optionalJson("custom");
  return { length, digests, json: json as JsonObject, ...(custom === undefined ? {} : { custom }) };
}
