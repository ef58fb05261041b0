import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { judge, makeAttacks, valueAt, type Loose, type Mode, type Vector, type VectorFiles } from "./index.ts";

const folder = new URL("../../sigstore/vectors/attacks/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const vectors = names.map((name) => ({
  name: name.slice(0, -".json".length),
  vector: JSON.parse(read(name)) as Vector,
}));
const rows = [...new Set(vectors.map(({ vector }) => vector.row))];

describe.each(rows)("%s", (row: string) => {
  const own = vectors.filter(({ vector }) => vector.row === row);

  test.each(own.map(({ name, vector }) => [`${row} ${vector.about}: ${vector.expect}`, name, vector] as const))(
    "%s",
    async (_, name, vector) => {
      for (const mode of modesOf(vector)) await checkVerdict(name, vector, mode);
    },
  );
});

test("every row of Sigstore attacks has vectors, and each refusal has an honest bundle beside it", () => {
  // S21 to S23 are about signing: sign-attacks.test.ts.
  const wanted = Array.from({ length: 25 }, (_, index) => `S${index + 1}`).filter(
    (row) => !["S21", "S22", "S23"].includes(row),
  );
  expect(wanted.filter((row) => !rows.includes(row))).toEqual([]);
  expect(vectors.filter(({ vector }) => vector.control === true && vector.expect !== "ok")).toEqual([]);
  const kinds = ["S1-control-v2", "S1-control-v1-dsse", "S1-control-message-v1", "S18-control-key", "S19-control-v02"];
  expect(kinds.filter((kind) => !names.includes(`${kind}.json`))).toEqual([]);
});

test("usage errors are thrown as such: S3 and S25", async () => {
  const usage = [
    "S3-nobody",
    "S3-nobody-key",
    "S3-empty",
    "S3-negative",
    "S3-key-for-certificate",
    "S3-identity-for-key",
    "S25-p384-sha256",
    "S25-ed25519-over-digest",
  ];
  for (const name of usage) {
    const vector = vectors.find((each) => each.name === name)?.vector as Vector;
    expect({ name, kind: (await judge(vector, filesOf(vector), "digest")).kind }).toEqual({ name, kind: "usage" });
  }
});

test.each([
  ["32 times the same entry count once", "tlogEntries", 32, "ok"],
  ["33 entries", "tlogEntries", 33, "SIGSTORE_BUNDLE_MALFORMED"],
  ["32 times the same timestamp", "timestampVerificationData.rfc3161Timestamps", 32, "ok"],
  ["33 timestamps", "timestampVerificationData.rfc3161Timestamps", 33, "SIGSTORE_BUNDLE_MALFORMED"],
] as const)("X2 %s", async (_, list, count, expected) => {
  const vector = vectors.find(({ name }) => name === "S1-control-message-v2")?.vector as Vector;
  const path = `verificationMaterial.${list}`;
  const [only] = valueAt(JSON.parse(filesOf(vector).bundle) as Loose, path) as Loose[];
  const many = { ...vector, edits: [[path, Array.from({ length: count }, () => only ?? null)]] } as Vector;
  const { code, claims } = await judge(many, filesOf(vector), "path");
  expect(code).toBe(expected);
  expect(claims?.logs.length).toBe(expected === "ok" ? 1 : undefined);
});

test("the vectors are those that their script makes", () => {
  const made = makeAttacks().map(({ name, vector }) => ({
    name,
    row: vector.row,
    about: vector.about,
    expect: vector.expect,
  }));
  const written = vectors.map(({ name, vector }) => ({
    name,
    row: vector.row,
    about: vector.about,
    expect: vector.expect,
  }));
  const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1);
  expect(written.toSorted(byName)).toEqual(made.toSorted(byName));
});

test("attacks made just now, with other keys, come to the same", async () => {
  const others: string[] = [];
  for (const { name, vector, bundle, root } of makeAttacks()) {
    const { code } = await judge({ ...vector, bundle: "", trustedRoot: "" }, { bundle, root }, "path");
    if (code !== vector.expect) others.push(`${name}: ${code}`);
  }
  expect(others).toEqual([]);
});

async function checkVerdict(name: string, vector: Vector, mode: Mode): Promise<void> {
  const expected = mode === "digest" ? (vector.expectByDigest ?? vector.expect) : vector.expect;
  const verdict = await judge(vector, filesOf(vector), mode);
  expect(`${mode}: ${verdict.code}`, name).toBe(`${mode}: ${expected}`);
  if (verdict.claims !== undefined && vector.claims !== undefined) expect(verdict.claims).toMatchObject(vector.claims);
  expect(verdict.code === "ok", "claims exactly when nothing failed").toBe(verdict.claims !== undefined);
}

function filesOf({ bundle, trustedRoot }: Vector): VectorFiles {
  return { bundle: read(`bundle/${bundle}`), root: read(`root/${trustedRoot}`) };
}

function modesOf(vector: Vector): Mode[] {
  return vector.artifact.digests.length === 0 ? ["path"] : ["path", "digest"];
}

function read(path: string): string {
  return readFileSync(new URL(path, folder), "utf8");
}
