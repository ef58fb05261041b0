import { checkConsistency, checkInclusion, leafHash, rootOf } from "@countersign/tlog";
import { expect, test } from "vitest";
import { makeTree } from "./tree.ts";

const leaf = (index: number): Uint8Array => Buffer.from(`entry ${index}`);

test("roots, audit paths and consistency proofs of every size up to 70 are those that tlog proves", () => {
  const tree = makeTree();
  const hashes: Uint8Array[] = [];
  for (let index = 0; index < 70; index++) {
    expect(tree.append(leaf(index))).toBe(index);
    hashes.push(leafHash(leaf(index)));
  }
  for (let size = 1; size <= 70; size++) {
    const root = tree.root(size);
    expect(Buffer.from(root)).toEqual(Buffer.from(rootOf(hashes.slice(0, size))));
    for (let index = 0; index < size; index++) {
      const path = tree.inclusion(index, size);
      checkInclusion({ index: BigInt(index), size: BigInt(size), path }, tree.leafHash(index), root);
    }
    for (let from = 1; from <= size; from++) {
      const path = tree.consistency(from, size);
      checkConsistency({ from: BigInt(from), to: BigInt(size), path }, tree.root(from), root);
    }
  }
});

test("an empty tree has the hash of nothing as its root, and no tile", () => {
  expect(Buffer.from(makeTree().root()).toString("hex")).toMatch(/^e3b0c442/);
  expect(makeTree().tile(0, 0, 1)).toBeUndefined();
});

test("tiles hold the node hashes of their row", () => {
  const tree = makeTree();
  for (let index = 0; index < 300; index++) tree.append(leaf(index));
  expect(tree.tile(0, 0, 256)?.length).toBe(8192);
  expect(tree.tile(0, 1, 44)?.subarray(0, 32)).toEqual(tree.leafHash(256));
  expect(tree.tile(0, 1, 45)).toBeUndefined();
  expect(Buffer.from(tree.tile(1, 0, 1) ?? [])).toEqual(Buffer.from(tree.root(256)));
  expect(tree.tile(2, 0, 1)).toBeUndefined();
});
