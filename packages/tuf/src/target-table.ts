import type { Digest, Json, JsonObject, ObjectReader } from "@countersign/core";
import { readCount, readDigests } from "./file-info.ts";
import type { RowForm, RowTable } from "./row-table.ts";

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

/** The targets of one file. */
export type TargetTable = RowTable<TargetFile>;

/** The most targets of one file. */
export const maxTargets: number = 4_000_000;

/** Every row has a length from 0 and the hashes of `readDigests`. */
export const targetRows: RowForm<TargetFile> = {
  at: "targets",
  maxRows: maxTargets,
  plainMember: /"[^"\\\0-\u001f]*":\{"hashes":\{"sha256":"[0-9a-f]{64}"\},"length":(?:0|[1-9][0-9]{0,14})\}/y,
  read: readTargetFile,
};

function readTargetFile(reader: ObjectReader, json: JsonObject): TargetFile {
  const length = readCount(reader, "length", 0);
  const digests = readDigests(reader.object("hashes"));
  const custom = reader.optionalJson("custom");
  return { length, digests, json, ...(custom === undefined ? {} : { custom }) };
}
