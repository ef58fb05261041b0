import { equalBytes, hex } from "@countersign/core";
import { tlogError } from "./errors.ts";
import {
  emptyRoot,
  leafHash,
  maxTreeSize,
  nodeHash,
  rootOf,
  type ConsistencyProof,
  type InclusionProof,
} from "./merkle.ts";
import {
  formatTile,
  formatTilePath,
  fullWidth,
  inTiles,
  parseEntryBundle,
  parseTile,
  tileWidth,
  type TileFile,
} from "./tile.ts";

/** Fetches a tile of exactly `width` hashes. If a log has only the full tile left, the reader cuts it. What it gives back is trusted in nothing. */
export type TileReader = (level: number, index: bigint, width: number) => Uint8Array | Promise<Uint8Array>;

/** A tree whose right edge is known: enough to add leaves, and to check any other tile against. Made by `openTree`, `emptyTree` and `appendLeaves`. */
export interface Tree {
  readonly size: bigint;
  readonly root: Uint8Array;
  /** For each level, lowest first, the hashes of its partial tile; empty where the size leaves none. */
  readonly edge: readonly (readonly Uint8Array[])[];
}

/** The tree without entries. */
export const emptyTree: Tree = { size: 0n, root: emptyRoot, edge: [] };

/**
 * Fetches the partial tiles of a tree, at most 8, and proves that they hash to its root.
 * Not checked: that size and root come from a signed checkpoint. Errors: TLOG_PROOF_RANGE, TLOG_TILE_MALFORMED, TLOG_TILE_MISMATCH, and the reader's own.
 */
export async function openTree(
  { size, root }: { readonly size: bigint; readonly root: Uint8Array },
  readTile: TileReader,
): Promise<Tree> {
  if (size < 0n || size > maxTreeSize) throw tlogError("TLOG_PROOF_RANGE", { checked: "tree size", got: `${size}` });
  const edge = await Promise.all(
    edgeTiles(size).map(async ({ level, index, width }) =>
      width === 0 ? [] : parseTile(await readTile(level, index, width), width),
    ),
  );
  const got = rootOfEdge(edge);
  if (!equalBytes(got, root))
    throw tlogError("TLOG_TILE_MISMATCH", {
      checked: `right edge of the tree of ${size}`,
      expected: hex(root),
      got: hex(got),
    });
  return { size, root, edge };
}

/**
 * The tree with more leaves, and the tile files to write before a checkpoint of its size may be published.
 * Partial tiles of earlier sizes may be deleted once the full one is there. Error: TLOG_PROOF_RANGE past 2^64 - 1 entries. C2SP tlog-tiles.
 */
export function appendLeaves(
  tree: Tree,
  leaves: readonly Uint8Array[],
): { readonly tree: Tree; readonly files: readonly TileFile[] } {
  const size = tree.size + BigInt(leaves.length);
  if (size > maxTreeSize) throw tlogError("TLOG_PROOF_RANGE", { checked: "tree size", got: `${size}` });
  const files: TileFile[] = [];
  const edge: (readonly Uint8Array[])[] = [...tree.edge];
  let added = leaves;
  for (let level = 0; added.length > 0; level++) {
    const first = tree.size >> BigInt(8 * (level + 1));
    const tiles = inTiles(first, [...(edge[level] ?? []), ...added]);
    for (const { index, items } of tiles)
      files.push({ path: formatTilePath({ level, index, width: items.length }), bytes: formatTile(items) });
    const full = tiles.filter(({ items }) => items.length === fullWidth);
    edge[level] = tiles[full.length]?.items ?? [];
    added = full.map(({ items }) => rootOf(items));
  }
  return { tree: { size, root: rootOfEdge(edge), edge }, files };
}

/**
 * A tile of the tree, proved to be part of it by the tiles above.
 * Errors: TLOG_TILE_RANGE if the tree has no such tile, TLOG_TILE_MALFORMED, TLOG_TILE_MISMATCH.
 */
export function checkedTile(tree: Tree, place: TilePlace, readTile: TileReader): Promise<readonly Uint8Array[]> {
  return tileSource(tree, readTile)(place);
}

/** Which tile: its level, in steps of 8 tree levels, and its index there. */
export interface TilePlace {
  readonly level: number;
  readonly index: bigint;
}

/**
 * The entries of bundle `index`, each proved to be in the tree: its leaf hash is that in the level-0 tile, which hashes into the root.
 * `bundle` must hold as many entries as the tree's size implies. Errors: those of `checkedTile`, TLOG_ENTRY_MISMATCH.
 */
export async function checkEntryBundle(
  tree: Tree,
  bundle: EntryBundle,
  readTile: TileReader,
): Promise<readonly Uint8Array[]> {
  const tile = await checkedTile(tree, { level: 0, index: bundle.index }, readTile);
  const entries = parseEntryBundle(bundle.bytes, tile.length);
  const odd = entries.findIndex((entry, i) => !equalBytes(leafHash(entry), tile[i] as Uint8Array));
  if (odd >= 0)
    throw tlogError("TLOG_ENTRY_MISMATCH", { checked: `entry ${bundle.index * BigInt(fullWidth) + BigInt(odd)}` });
  return entries;
}

/** A fetched entry bundle: its index and its unchecked content. */
export interface EntryBundle {
  readonly index: bigint;
  readonly bytes: Uint8Array;
}

/** Makes the proof that entry `index` is in the tree, out of checked tiles. Errors: TLOG_PROOF_RANGE, and those of `checkedTile`. RFC 9162 §2.1.3.1. */
export async function proveInclusion(tree: Tree, index: bigint, readTile: TileReader): Promise<InclusionProof> {
  if (index < 0n || index >= tree.size)
    throw tlogError("TLOG_PROOF_RANGE", {
      checked: "inclusion",
      expected: `an index below ${tree.size}`,
      got: `${index}`,
    });
  const path: Range[] = [];
  let [start, end] = [0n, tree.size];
  while (end - start > 1n) {
    const middle = start + largestPowerBelow(end - start);
    path.push(index < middle ? [middle, end] : [start, middle]);
    [start, end] = index < middle ? [start, middle] : [middle, end];
  }
  return { index, size: tree.size, path: await hashRanges(tree, path.toReversed(), readTile) };
}

/** Makes the proof that the tree of the first `from` entries is the beginning of this one. Errors: TLOG_PROOF_RANGE, and those of `checkedTile`. RFC 9162 §2.1.4.1. */
export async function proveConsistency(tree: Tree, from: bigint, readTile: TileReader): Promise<ConsistencyProof> {
  if (from < 0n || from > tree.size)
    throw tlogError("TLOG_PROOF_RANGE", {
      checked: "consistency",
      expected: `an old size up to ${tree.size}`,
      got: `${from}`,
    });
  const path: Range[] = [];
  let [start, end] = [0n, from === 0n ? 0n : tree.size];
  while (end > from) {
    const middle = start + largestPowerBelow(end - start);
    path.push(from <= middle ? [middle, end] : [start, middle]);
    [start, end] = from <= middle ? [start, middle] : [middle, end];
  }
  // The old tree's own root is known to whoever checks; any smaller subtree that it ends with is not.
  if (start > 0n) path.push([start, end]);
  return { from, to: tree.size, path: await hashRanges(tree, path.toReversed(), readTile) };
}

/** Entries from the first number up to but without the second. */
type Range = readonly [start: bigint, end: bigint];
/** One complete subtree: the `index`th with 2^height leaves. */
type Node = readonly [height: number, index: bigint];

type TileSource = (place: TilePlace) => Promise<readonly Uint8Array[]>;

/** Checked tiles, each fetched and hashed once: many nodes of one proof live in the same few. */
function tileSource(tree: Tree, readTile: TileReader): TileSource {
  const seen = new Map<string, Promise<readonly Uint8Array[]>>();
  const load: TileSource = async ({ level, index }) => {
    const width = !Number.isInteger(level) || level < 0 || index < 0n ? 0 : tileWidth(tree.size, level, index);
    if (width === 0)
      throw tlogError("TLOG_TILE_RANGE", { checked: `tile ${index} of level ${level}`, got: `a tree of ${tree.size}` });
    if (width < fullWidth) return tree.edge[level] as readonly Uint8Array[];
    const [bytes, above] = await Promise.all([
      readTile(level, index, fullWidth),
      source({ level: level + 1, index: index >> 8n }),
    ]);
    const tile = parseTile(bytes, fullWidth);
    if (equalBytes(rootOf(tile), above[Number(index & 255n)] as Uint8Array)) return tile;
    throw tlogError("TLOG_TILE_MISMATCH", { checked: `tile ${index} of level ${level}` });
  };
  const source: TileSource = (place) => {
    const key = `${place.level} ${place.index}`;
    const tile = seen.get(key) ?? load(place);
    seen.set(key, tile);
    return tile;
  };
  return source;
}

function hashRanges(tree: Tree, ranges: readonly Range[], readTile: TileReader): Promise<Uint8Array[]> {
  const source = tileSource(tree, readTile);
  return Promise.all(
    ranges.map(async (range) => {
      const hashes = await Promise.all(nodesOf(range).map((node) => hashNode(source, node)));
      return hashes.reduceRight((right, left) => nodeHash(left, right));
    }),
  );
}

/** The node's hash out of the tile it lives in, where 2^(height mod 8) hashes stand for it. */
async function hashNode(source: TileSource, [height, index]: Node): Promise<Uint8Array> {
  const [level, rest] = [height >> 3, height & 7];
  const first = index << BigInt(rest);
  const tile = await source({ level, index: first >> 8n });
  const at = Number(first & 255n);
  return rootOf(tile.slice(at, at + (1 << rest)));
}

/** The complete subtrees that a range consists of, largest first; its start must be a multiple of the largest one's size. */
function nodesOf([start, end]: Range): Node[] {
  const nodes: Node[] = [];
  for (let at = start; at < end;) {
    const height = (end - at).toString(2).length - 1;
    nodes.push([height, at >> BigInt(height)]);
    at += 1n << BigInt(height);
  }
  return nodes;
}

function edgeTiles(size: bigint): { level: number; index: bigint; width: number }[] {
  const levels = Math.ceil(size.toString(2).length / 8);
  return Array.from({ length: levels }, (_, level) => {
    const index = size >> BigInt(8 * (level + 1));
    return { level, index, width: tileWidth(size, level, index) };
  });
}

/** Each partial tile holds complete subtrees to the right of those in the tiles above it. */
function rootOfEdge(edge: readonly (readonly Uint8Array[])[]): Uint8Array {
  let right: Uint8Array | undefined;
  for (const tile of edge) {
    if (tile.length === 0) continue;
    right = foldLeft(tile, right);
  }
  return right ?? emptyRoot;
}

/** The root over a partial tile's subtrees with a smaller tree, if any, to the right of them. */
function foldLeft(tile: readonly Uint8Array[], smaller: Uint8Array | undefined): Uint8Array {
  let right = smaller;
  for (let end = tile.length, width = 1; end > 0; width *= 2) {
    if ((tile.length & width) === 0) continue;
    const node = rootOf(tile.slice(end - width, end));
    right = right === undefined ? node : nodeHash(node, right);
    end -= width;
  }
  return right as Uint8Array;
}

function largestPowerBelow(size: bigint): bigint {
  return 1n << BigInt((size - 1n).toString(2).length - 1);
}
