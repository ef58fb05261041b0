import { readdirSync, readFileSync } from "node:fs";
import { parseBase64 } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { codeOf } from "../vectors/code-of.ts";
import { makeVectors, type Input, type Vector } from "../vectors/make.ts";
import { checkConsistency, checkInclusion } from "./merkle.ts";
import { checkNote, parseNote } from "./note.ts";
import { checkQuorum, makeQuorum } from "./quorum.ts";
import { formatTilePath } from "./tile.ts";
import { checkEntryBundle, openTree } from "./tree.ts";
import { parseVkey } from "./vkey.ts";

const folder = new URL("../vectors/attacks/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const vectors = names.map((name) => ({
  name,
  vector: JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Vector,
}));

describe.each([
  ["L1", "key id of a vkey not equal to its hash; one witness counted twice"],
  ["L2", "known key with a bad signature beside a good one"],
  ["L3", "proof too long, too short, index or size out of range"],
  ["L4", "tile or entry bundle that is not the checkpoint's"],
])("%s", (row, title) => {
  const own = vectors.filter(({ vector }) => vector.row === row);

  test(`${row} ${title}: there are vectors, and controls that pass`, () => {
    expect(own.length).toBeGreaterThan(5);
    expect(own.some(({ vector }) => vector.expect === "accepted")).toBe(true);
  });

  test.each(own.map(({ name, vector }) => [vector.about, vector.expect, name, vector] as const))(
    `${row} %s: %s`,
    async (_, code, __, vector) => {
      expect(await codeOf(() => check(vector.input))).toBe(code);
    },
  );
});

test("the vectors are what their script makes", async () => {
  const made = await makeVectors();
  expect(names.toSorted()).toEqual([...made.keys()].map((name) => `${name}.json`).toSorted());
  for (const { name, vector } of vectors) expect(vector, name).toEqual(made.get(name.slice(0, -".json".length)));
});

async function check(input: Input): Promise<unknown> {
  if (input.kind === "vkey") return parseVkey(input.vkey);
  if (input.kind === "note") return checkNote(parseNote(input.note), input.keys.map(parseVkey));
  if (input.kind === "quorum")
    return checkQuorum(parseNote(input.note), makeQuorum(input.threshold, input.witnesses.map(parseVkey)));
  if (input.kind === "inclusion") {
    const proof = { index: BigInt(input.index), size: BigInt(input.size), path: input.path.map(parseBase64) };
    return checkInclusion(proof, parseBase64(input.leaf), parseBase64(input.root));
  }
  if (input.kind === "consistency") {
    const proof = { from: BigInt(input.from), to: BigInt(input.to), path: input.path.map(parseBase64) };
    return checkConsistency(proof, parseBase64(input.rootFrom), parseBase64(input.rootTo));
  }
  return checkEntries(input);
}

async function checkEntries(input: Extract<Input, { kind: "entries" }>): Promise<unknown> {
  const readTile = (level: number, index: bigint, width: number): Uint8Array =>
    parseBase64(input.tiles[formatTilePath({ level, index, width })] as string);
  const tree = await openTree({ size: BigInt(input.size), root: parseBase64(input.root) }, readTile);
  return checkEntryBundle(tree, { index: BigInt(input.index), bytes: parseBase64(input.bundle) }, readTile);
}
