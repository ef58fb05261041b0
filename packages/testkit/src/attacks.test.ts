import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { judge, makeAttacks, type Mode, type Vector } from "./index.ts";

const folder = new URL("../../sigstore/vectors/attacks/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const vectors = names.map((name) => ({ name: name.slice(0, -".json".length), vector: JSON.parse(read(name)) as Vector }));
const rows = [...new Set(vectors.map(({ vector }) => vector.row))];

describe.each(rows)("%s", (row) => {
  const own = vectors.filter(({ vector }) => vector.row === row);

  test.each(own.map(({ name, vector }) => [`${row} ${vector.about}: ${vector.expect}`, name, vector] as const))("%s", async (_, name, vector) => {
    for (const mode of modesOf(vector)) await checkVerdict(name, vector, mode);
  });
});

test("the vectors are those that their script makes", () => {
  const made = makeAttacks().map(({ name, vector }) => ({ name, row: vector.row, about: vector.about, expect: vector.expect }));
  const written = vectors.map(({ name, vector }) => ({ name, row: vector.row, about: vector.about, expect: vector.expect }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(written.toSorted(byName)).toEqual(made.toSorted(byName));
});

async function checkVerdict(name: string, vector: Vector, mode: Mode): Promise<void> {
  const expected = mode === "digest" ? (vector.expectByDigest ?? vector.expect) : vector.expect;
  const verdict = await judge(vector, { bundle: read(`bundle/${vector.bundle}`), root: read(`root/${vector.trustedRoot}`) }, mode);
  expect(`${mode}: ${verdict.code}`, name).toBe(`${mode}: ${expected}`);
  if (verdict.claims !== undefined && vector.claims !== undefined) expect(verdict.claims).toMatchObject(vector.claims);
  expect(verdict.code === "ok", "claims exactly when nothing failed").toBe(verdict.claims !== undefined);
}

function modesOf(vector: Vector): Mode[] {
  return vector.artifact.digests.length === 0 ? ["path"] : ["path", "digest"];
}

function read(path: string): string {
  return readFileSync(new URL(path, folder), "utf8");
}
