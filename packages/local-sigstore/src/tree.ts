import { sha256 } from "./keyring.ts";

/**
 * An append-only Merkle tree (RFC 6962 §2.1) that keeps every complete subtree's hash: roots and proofs of any earlier
 * size cost a logarithm. Written apart from @countersign/tlog, so that each checks the other.
 */
export interface Tree {
  readonly size: () => number;
  /** Appends one leaf and returns its index. */
  readonly append: (data: Uint8Array) => number;
  readonly leafHash: (index: number) => Uint8Array;
  /** Root of the first `size` leaves. */
  readonly root: (size?: number) => Uint8Array;
  /** Audit path of a leaf in the tree of `size` leaves, leaf sibling first. */
  readonly inclusion: (index: number, size?: number) => Uint8Array[];
  /** Consistency proof between two sizes (RFC 6962 §2.1.2). */
  readonly consistency: (from: number, to?: number) => Uint8Array[];
  /** Up to 256 node hashes of one C2SP tile: level counts in tiles, `width` entries from `index * 256`. */
  readonly tile: (level: number, index: number, width: number) => Uint8Array | undefined;
}

/** Hashes in one full tile (C2SP tlog-tiles). */
export const tileWidth = 256;

/** An empty tree. */
export function makeTree(): Tree {
  const levels: Uint8Array[][] = [[]];
  const size = (): number => levels[0]?.length ?? 0;
  const complete = (level: number, index: number): Uint8Array => levels[level]?.[index] ?? new Uint8Array(32);
  const range = (start: number, end: number): Uint8Array => hashOfRange(complete, start, end);
  return {
    size,
    append: (data) => append(levels, sha256(Uint8Array.of(0), data)),
    leafHash: (index) => complete(0, index),
    root: (upTo = size()) => (upTo === 0 ? sha256() : range(0, upTo)),
    inclusion: (index, upTo = size()) => pathOf(range, index, { start: 0, end: upTo }),
    consistency: (from, to = size()) => (from === 0 || from === to ? [] : subproof(range, from, { start: 0, end: to })),
    tile: (level, index, width) => {
      const row = levels[level * 8];
      const first = index * tileWidth;
      if (row === undefined || width < 1 || row.length < first + width) return undefined;
      return new Uint8Array(Buffer.concat(row.slice(first, first + width)));
    },
  };
}

type RangeHash = (start: number, end: number) => Uint8Array;
interface Span {
  readonly start: number;
  readonly end: number;
}

function append(levels: Uint8Array[][], leaf: Uint8Array): number {
  let hash = leaf;
  for (let level = 0; ; level++) {
    const row = (levels[level] ??= []);
    row.push(hash);
    if (row.length % 2 === 1) break;
    hash = node(row[row.length - 2] as Uint8Array, hash);
  }
  return (levels[0]?.length ?? 1) - 1;
}

function hashOfRange(complete: (level: number, index: number) => Uint8Array, start: number, end: number): Uint8Array {
  const count = end - start;
  if (Number.isInteger(Math.log2(count)) && start % count === 0) return complete(Math.log2(count), start / count);
  const split = start + splitOf(count);
  return node(hashOfRange(complete, start, split), hashOfRange(complete, split, end));
}

function pathOf(range: RangeHash, index: number, span: Span): Uint8Array[] {
  if (span.end - span.start <= 1) return [];
  const split = span.start + splitOf(span.end - span.start);
  if (index < split) return [...pathOf(range, index, { ...span, end: split }), range(split, span.end)];
  return [...pathOf(range, index, { ...span, start: split }), range(span.start, split)];
}

/** SUBPROOF of RFC 6962 §2.1.2; a subtree that the old tree already had whole needs no hash of its own when leftmost. */
function subproof(range: RangeHash, from: number, span: Span): Uint8Array[] {
  if (from === span.end) return span.start === 0 ? [] : [range(span.start, span.end)];
  const split = span.start + splitOf(span.end - span.start);
  if (from <= split) return [...subproof(range, from, { ...span, end: split }), range(split, span.end)];
  return [...subproof(range, from, { ...span, start: split }), range(span.start, split)];
}

/** The largest power of two below `count`. */
function splitOf(count: number): number {
  return 2 ** Math.floor(Math.log2(count - 1));
}

function node(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(Uint8Array.of(1), left, right);
}
