import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hash, TrustError } from "@countersign/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOfSync as codeOf } from "../vectors/code-of.ts";
import {
  checkConsistency,
  checkInclusion,
  emptyRoot,
  leafHash,
  nodeHash,
  rootFromInclusion,
  rootOf,
  type InclusionProof,
} from "./merkle.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const leaves = Array.from({ length: 72 }, (_, i) => leafHash(bytes(`entry ${i}`)));
const sizes = Array.from({ length: 70 }, (_, i) => i + 1);

describe("the recursive definitions of RFC 9162 §2.1, as reference", () => {
  test("roots of all trees up to 70 leaves", () => {
    for (const size of [0, ...sizes]) expect(rootOf(leaves.slice(0, size))).toEqual(slowRoot(leaves.slice(0, size)));
  });

  test("every leaf of every tree is included, and nothing else is", () => {
    for (const size of sizes) {
      const tree = leaves.slice(0, size);
      const root = slowRoot(tree);
      for (let index = 0; index < size; index++) {
        const proof = { index: BigInt(index), size: BigInt(size), path: slowPath(index, tree) };
        checkInclusion(proof, tree[index]!, root);
        expect(codeOf(() => checkInclusion(proof, leaves[index + 1]!, root))).toBe("TLOG_ROOT_MISMATCH");
      }
    }
  });

  test("every pair of sizes is consistent, and not with another root", () => {
    for (const to of sizes) {
      for (let from = 0; from <= to; from++) {
        const proof = { from: BigInt(from), to: BigInt(to), path: slowConsistency(from, leaves.slice(0, to)) };
        const [old, now] = [slowRoot(leaves.slice(0, from)), slowRoot(leaves.slice(0, to))];
        checkConsistency(proof, old, now);
        expect(codeOf(() => checkConsistency(proof, leaves[71]!, now))).toBe("TLOG_ROOT_MISMATCH");
        if (from > 0) expect(codeOf(() => checkConsistency(proof, old, leaves[71]!))).toBe("TLOG_ROOT_MISMATCH");
      }
    }
  });
});

test("the empty root is SHA-256 of nothing, and from size 0 only it will do", () => {
  expect(emptyRoot).toEqual(hash("sha256", new Uint8Array(0)));
  const path: Uint8Array[] = [];
  checkConsistency({ from: 0n, to: 0n, path }, emptyRoot, emptyRoot);
  checkConsistency({ from: 0n, to: 9n, path }, emptyRoot, leaves[0]!);
  expect(codeOf(() => checkConsistency({ from: 0n, to: 9n, path }, leaves[0]!, leaves[0]!))).toBe("TLOG_ROOT_MISMATCH");
  expect(codeOf(() => checkConsistency({ from: 0n, to: 0n, path }, emptyRoot, leaves[0]!))).toBe("TLOG_ROOT_MISMATCH");
  expect(codeOf(() => checkConsistency({ from: 0n, to: 0n, path }, leaves[0]!, leaves[0]!))).toBe("TLOG_ROOT_MISMATCH");
  expect(codeOf(() => checkConsistency({ from: 0n, to: 9n, path: [emptyRoot] }, emptyRoot, leaves[0]!))).toBe(
    "TLOG_PROOF_LENGTH",
  );
});

test("the algorithm of RFC 9162 §2.1.3.2 gives the same roots, also near 2^64", () => {
  const size = fc.oneof(
    fc.bigInt(1n, 300n),
    fc.bigInt(1n, 2n ** 64n - 1n),
    fc.bigInt(2n ** 53n - 3n, 2n ** 53n + 300n),
    fc.constant(2n ** 64n - 1n),
  );
  const tree = fc.tuple(size, fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 0, max: 66 }));
  fc.assert(
    fc.property(tree, ([size, seed, length]) => {
      for (const index of [seed % size, size - 1n, 0n]) {
        const path = leaves.slice(1, 1 + length);
        const proof = { index, size, path };
        const reference = loopRoot(proof, leaves[0]!);
        if (reference === undefined)
          expect(codeOf(() => rootFromInclusion(proof, leaves[0]!))).toBe("TLOG_PROOF_LENGTH");
        else expect(rootFromInclusion(proof, leaves[0]!)).toEqual(reference);
      }
    }),
    { numRuns: 500 },
  );
});

test("no mangled proof passes", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 70 }),
      fc.nat(),
      fc.nat(),
      fc.nat(254),
      fc.constantFrom(...mangles),
      (size, at, where, flip, mangle) => {
        const tree = leaves.slice(0, size);
        const index = at % size;
        const inclusion = slowPath(index, tree);
        const bad = mangle(inclusion, where, flip + 1);
        if (isSamePath(bad, inclusion)) return;
        expect(
          codeOf(() =>
            checkInclusion({ index: BigInt(index), size: BigInt(size), path: bad }, tree[index]!, slowRoot(tree)),
          ),
        ).toMatch(/^TLOG_/);
        const from = 1 + (at % (size - 1));
        const consistency = slowConsistency(from, tree);
        const worse = mangle(consistency, where, flip + 1);
        if (isSamePath(worse, consistency)) return;
        const check = (): void =>
          checkConsistency(
            { from: BigInt(from), to: BigInt(size), path: worse },
            slowRoot(tree.slice(0, from)),
            slowRoot(tree),
          );
        expect(codeOf(check)).toMatch(/^TLOG_/);
      },
    ),
    { numRuns: 500 },
  );
});

test("hashes of another length are refused", () => {
  const path = [leaves[1]!.subarray(0, 31)];
  expect(codeOf(() => checkInclusion({ index: 0n, size: 2n, path }, leaves[0]!, emptyRoot))).toBe(
    "TLOG_PROOF_MALFORMED",
  );
  expect(codeOf(() => checkInclusion({ index: 0n, size: 1n, path: [] }, new Uint8Array(33), emptyRoot))).toBe(
    "TLOG_PROOF_MALFORMED",
  );
  expect(codeOf(() => checkConsistency({ from: 1n, to: 2n, path }, leaves[0]!, emptyRoot))).toBe(
    "TLOG_PROOF_MALFORMED",
  );
});

const data = new URL("../../../../shared/data/tlog/merkle/testdata/", import.meta.url).pathname;
describe.skipIf(!existsSync(data))("vectors of transparency-dev/merkle", () => {
  for (const kind of ["inclusion", "subtreeinclusion"]) {
    const cases = read<Inclusion>(kind);
    test(`${kind}: ${cases.length} cases`, () => {
      expect(cases.length).toBe(kind === "inclusion" ? 98 : 204);
      for (const { path, vector } of cases)
        expect(
          accepts(() => checkVector(vector)),
          path,
        ).toBe(!vector.wantErr);
    });
  }

  const cases = read<Consistency>("consistency");
  test(`consistency: ${cases.length} cases`, () => {
    expect(cases.length).toBe(98);
    const odd: string[] = [];
    for (const { path, vector } of cases) {
      const proof = { from: BigInt(vector.size1), to: BigInt(vector.size2), path: decodeAll(vector.proof) };
      const accepted = accepts(() => checkConsistency(proof, decode(vector.root1), decode(vector.root2)));
      if (accepted === vector.wantErr) odd.push(path);
    }
    // Its roots have 12 bytes.
    expect(odd).toEqual(["additional/sizes-are-equal-one-and-proof-is-empty.json"]);
  });
});

interface Inclusion {
  readonly leafIdx: string;
  readonly treeSize?: string;
  readonly start?: string;
  readonly end?: string;
  readonly root: string;
  readonly leafHash: string;
  readonly proof: string[] | null;
  readonly wantErr: boolean;
}
interface Consistency {
  readonly size1: string;
  readonly size2: string;
  readonly root1: string;
  readonly root2: string;
  readonly proof: string[] | null;
  readonly wantErr: boolean;
}

/** A subtree that starts at a multiple of a power of two not below its length is proved as a tree of its own. */
function checkVector(vector: Inclusion): void {
  const start = BigInt(vector.start ?? 0);
  const size = BigInt(vector.treeSize ?? BigInt(vector.end ?? 0) - start);
  let span = 1n;
  while (span < size) span *= 2n;
  if (start % span !== 0n) throw new TrustError("TEST_START", { kind: "malformed", says: "no subtree", fix: "" });
  const proof = { index: BigInt(vector.leafIdx) - start, size, path: decodeAll(vector.proof) };
  checkInclusion(proof, decode(vector.leafHash), decode(vector.root));
}

function read<Vector>(kind: string): { path: string; vector: Vector }[] {
  if (!existsSync(data)) return [];
  const paths = readdirSync(join(data, kind), { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".json"),
  );
  return paths.map((path) => ({ path, vector: parseVector<Vector>(readFileSync(join(data, kind, path), "utf8")) }));
}

/** Sizes go beyond 2^53, so they are kept as text. */
function parseVector<Vector>(text: string): Vector {
  return JSON.parse(text.replaceAll(/": (-?[0-9]+)/g, '": "$1"')) as Vector;
}

const decode = (text: string | null): Uint8Array => new Uint8Array(Buffer.from(text ?? "", "base64"));
const decodeAll = (list: string[] | null): Uint8Array[] => (list ?? []).map(decode);

function slowRoot(tree: readonly Uint8Array[]): Uint8Array {
  if (tree.length === 0) return hash("sha256", new Uint8Array(0));
  if (tree.length === 1) return tree[0]!;
  const k = split(tree.length);
  return nodeHash(slowRoot(tree.slice(0, k)), slowRoot(tree.slice(k)));
}

function slowPath(index: number, tree: readonly Uint8Array[]): Uint8Array[] {
  if (tree.length === 1) return [];
  const k = split(tree.length);
  if (index < k) return [...slowPath(index, tree.slice(0, k)), slowRoot(tree.slice(k))];
  return [...slowPath(index - k, tree.slice(k)), slowRoot(tree.slice(0, k))];
}

function slowConsistency(from: number, tree: readonly Uint8Array[], isWhole = true): Uint8Array[] {
  if (from === 0) return [];
  if (from === tree.length) return isWhole ? [] : [slowRoot(tree)];
  const k = split(tree.length);
  if (from <= k) return [...slowConsistency(from, tree.slice(0, k), isWhole), slowRoot(tree.slice(k))];
  return [...slowConsistency(from - k, tree.slice(k), false), slowRoot(tree.slice(0, k))];
}

/** The largest power of two below `size`. */
function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

/** RFC 9162 §2.1.3.2 as written; undefined where it fails. */
function loopRoot({ index, size, path }: InclusionProof, leaf: Uint8Array): Uint8Array | undefined {
  let [fn, sn, root] = [index, size - 1n, leaf];
  for (const sibling of path) {
    if (sn === 0n) return undefined;
    if (fn % 2n === 1n || fn === sn) {
      root = nodeHash(sibling, root);
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn / 2n, sn / 2n];
    } else root = nodeHash(root, sibling);
    [fn, sn] = [fn / 2n, sn / 2n];
  }
  return sn === 0n ? root : undefined;
}

type Mangle = (path: readonly Uint8Array[], where: number, flip: number) => Uint8Array[];
const mangles: Mangle[] = [
  (path, where, flip) =>
    path.map((item, i) => (i === where % path.length ? item.with(where % 32, item[where % 32]! ^ flip) : item)),
  (path, where) => path.filter((_, i) => i !== where % path.length),
  (path, where) => path.flatMap((item, i) => (i === where % path.length ? [item, item] : [item])),
  (path, where) => path.map((item, i) => (i === where % path.length ? item.subarray(0, where % 32) : item)),
  (path) => path.toReversed(),
  (path) => [...path, leaves[0]!],
];

function isSamePath(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return a.length === b.length && a.every((item, i) => Buffer.compare(item, b[i]!) === 0);
}

function accepts(check: () => void): boolean {
  return codeOf(check) === "accepted";
}
