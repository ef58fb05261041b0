import { equalBytes, hash, hex } from "@countersign/core";
import { tlogError } from "./errors.ts";

/** Length of every hash in a tree, in bytes: SHA-256. */
export const treeHashBytes = 32;
/** The largest tree size, 2^64 - 1 entries. */
export const maxTreeSize: bigint = 2n ** 64n - 1n;

/** Where a leaf stands in a tree, and the sibling hashes from the leaf upwards (RFC 9162 §2.1.3). */
export interface InclusionProof {
  readonly index: bigint;
  readonly size: bigint;
  readonly path: readonly Uint8Array[];
}

/** What ties the tree of the first `from` entries to the tree of the first `to` entries (RFC 9162 §2.1.4). */
export interface ConsistencyProof {
  readonly from: bigint;
  readonly to: bigint;
  readonly path: readonly Uint8Array[];
}

/** The root of a tree without entries: SHA-256 of nothing (RFC 9162 §2.1.1). */
export const emptyRoot: Uint8Array = hash("sha256", new Uint8Array(0));

/** The hash of one entry as a leaf: SHA-256(0x00 ‖ data), RFC 9162 §2.1.1. */
export function leafHash(data: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + data.length);
  input.set(data, 1);
  return hash("sha256", input);
}

/** The hash of an inner node: SHA-256(0x01 ‖ left ‖ right), RFC 9162 §2.1.1. Both sides must be 32 bytes, which is not checked. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + treeHashBytes);
  return hash("sha256", nodeInput);
}
// One for all nodes: to make each its own costs as much as the hash.
const nodeInput = new Uint8Array(1 + 2 * treeHashBytes);
nodeInput[0] = 1;

/** The root over a list of leaf hashes (RFC 9162 §2.1.1), or over node hashes that stand for complete subtrees of equal size. */
export function rootOf(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return emptyRoot;
  let row = hashes;
  while (row.length > 1) {
    const above: Uint8Array[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) above.push(nodeHash(row[i] as Uint8Array, row[i + 1] as Uint8Array));
    if (row.length % 2 === 1) above.push(row.at(-1) as Uint8Array);
    row = above;
  }
  return row[0] as Uint8Array;
}

/**
 * Proves that `leaf` is entry `proof.index` of the tree with this root and `proof.size` entries.
 * Not checked: that root and size come from a signed checkpoint.
 * Errors: TLOG_PROOF_RANGE, TLOG_PROOF_LENGTH, TLOG_PROOF_MALFORMED, TLOG_ROOT_MISMATCH. RFC 9162 §2.1.3.2.
 */
export function checkInclusion(proof: InclusionProof, leaf: Uint8Array, root: Uint8Array): void {
  matchRoot("inclusion", rootFromInclusion(proof, leaf), root);
}

/** The root that `leaf` and the proof lead to; proves nothing until it is compared with a known root. Errors as `checkInclusion` but for TLOG_ROOT_MISMATCH. */
export function rootFromInclusion(proof: InclusionProof, leaf: Uint8Array): Uint8Array {
  const { index, size, path } = proof;
  if (size > maxTreeSize || index < 0n || index >= size) {
    throw tlogError("TLOG_PROOF_RANGE", {
      checked: "inclusion",
      expected: `an index below the tree size ${size}`,
      got: `${index}`,
    });
  }
  // Up to `inner` levels the leaf's path and the last leaf's differ; above, every sibling is a complete tree on the left.
  const inner = bitLength(index ^ (size - 1n));
  matchLength(path, inner + countOnes(index >> BigInt(inner)));
  matchHashes([leaf, ...path]);
  return climb(leaf, path, bitsOf(index, inner));
}

/**
 * Proves that the tree with root `rootTo` and `proof.to` entries begins with the very entries of the tree with root `rootFrom` and `proof.from` entries.
 * From size 0 the proof is empty and `rootFrom` must be the empty root. Not checked: that roots and sizes come from signed checkpoints.
 * Errors: TLOG_PROOF_RANGE, TLOG_PROOF_LENGTH, TLOG_PROOF_MALFORMED, TLOG_ROOT_MISMATCH. RFC 9162 §2.1.4.2.
 */
export function checkConsistency(proof: ConsistencyProof, rootFrom: Uint8Array, rootTo: Uint8Array): void {
  const { from, to, path } = proof;
  if (to > maxTreeSize || from < 0n || from > to) {
    throw tlogError("TLOG_PROOF_RANGE", {
      checked: "consistency",
      expected: `an old size up to ${to}`,
      got: `${from}`,
    });
  }
  matchHashes([rootFrom, rootTo, ...path]);
  if (from === 0n || from === to) {
    matchLength(path, 0);
    matchRoot("consistency", from === 0n ? emptyRoot : rootTo, rootFrom);
    // Between two empty trees the new root must be empty as well.
    if (to === 0n) matchRoot("consistency", emptyRoot, rootTo);
    return;
  }
  checkGrowth(proof, rootFrom, rootTo);
}

function checkGrowth({ from, to, path }: ConsistencyProof, rootFrom: Uint8Array, rootTo: Uint8Array): void {
  // The largest complete subtree that ends where the old tree ends has 2^shift leaves. If it is the whole old tree, its hash is known.
  const shift = bitLength(from & -from) - 1;
  const isWhole = from === 1n << BigInt(shift);
  const last = (from - 1n) >> BigInt(shift);
  const inner = bitLength(last ^ ((to - 1n) >> BigInt(shift)));
  matchLength(path, (isWhole ? 0 : 1) + inner + countOnes(last >> BigInt(inner)));
  const seed = isWhole ? rootFrom : (path[0] as Uint8Array);
  const rest = isWhole ? path : path.slice(1);
  const bits = bitsOf(last, inner);
  // Right siblings below `inner` lie beyond the old tree: its root is made of the left ones alone.
  const lefts = rest.filter((_, level) => level >= inner || bits[level]);
  matchRoot("consistency, old root", climb(seed, lefts, []), rootFrom);
  matchRoot("consistency, new root", climb(seed, rest, bits), rootTo);
}

/** Hashes `node` with each sibling in turn; `isRight[level]` says that the node is the right one of the two, as it always is beyond the list. */
function climb(node: Uint8Array, siblings: readonly Uint8Array[], isRight: readonly boolean[]): Uint8Array {
  let top = node;
  for (let level = 0; level < siblings.length; level++) {
    const sibling = siblings[level] as Uint8Array;
    top = (isRight[level] ?? true) ? nodeHash(sibling, top) : nodeHash(top, sibling);
  }
  return top;
}

function matchRoot(checked: string, got: Uint8Array, expected: Uint8Array): void {
  if (!equalBytes(got, expected))
    throw tlogError("TLOG_ROOT_MISMATCH", { checked, expected: hex(expected), got: hex(got) });
}

function matchLength(path: readonly Uint8Array[], expected: number): void {
  if (path.length !== expected)
    throw tlogError("TLOG_PROOF_LENGTH", { expected: `${expected}`, got: `${path.length}` });
}

/** A hash of another length would move the border between left and right inside a node's input. */
function matchHashes(hashes: readonly Uint8Array[]): void {
  for (const { length } of hashes) {
    if (length !== treeHashBytes)
      throw tlogError("TLOG_PROOF_MALFORMED", { expected: `hashes of ${treeHashBytes} bytes`, got: `${length} bytes` });
  }
}

/** The `count` lowest bits, lowest first. */
function bitsOf(value: bigint, count: number): boolean[] {
  const low = Number(BigInt.asUintN(32, value));
  const high = Number(value >> 32n);
  const bits: boolean[] = [];
  for (let bit = 0; bit < count; bit++) bits.push(((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 1);
  return bits;
}

function bitLength(value: bigint): number {
  const high = Number(value >> 32n);
  return high === 0 ? 32 - Math.clz32(Number(value)) : 64 - Math.clz32(high);
}

function countOnes(value: bigint): number {
  let count = 0;
  for (let rest = value; rest > 0n; rest >>= 1n) if ((rest & 1n) === 1n) count++;
  return count;
}
