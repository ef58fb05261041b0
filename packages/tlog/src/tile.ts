import { concatBytes, quote } from "@countersign/core";
import { tlogError } from "./errors.ts";
import { maxTreeSize, treeHashBytes } from "./merkle.ts";

/** Names one tile, or one bundle of entries (C2SP tlog-tiles). */
export interface Tile {
  /** Height in steps of 8 tree levels; `entries` for the entries themselves. */
  readonly level: number | "entries";
  readonly index: bigint;
  /** How many hashes or entries it holds: 1 to 256, where 256 is a full tile. */
  readonly width: number;
}

/** A file of a tiled log: its path below the log's prefix, and its content. */
export interface TileFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** How many hashes or entries a full tile holds. */
export const fullWidth = 256;
/** Highest tile level that a path may name (C2SP tlog-tiles, "Merkle tree"). */
export const maxTileLevel = 63;
/** Longest entry in a bundle, in bytes. */
export const maxEntryBytes = 65_535;

/** The path of a tile below the log's prefix, `tile/0/x001/x234/067.p/8`. Error: TLOG_TILE_PATH. C2SP tlog-tiles, "Merkle tree". */
export function formatTilePath({ level, index, width }: Tile): string {
  const path = `tile/${level}/${formatIndex(index)}${width === fullWidth ? "" : `.p/${width}`}`;
  parseTilePath(path);
  return path;
}

/** The inverse of `formatTilePath`; takes no other spelling of the same tile. Error: TLOG_TILE_PATH. */
export function parseTilePath(path: string): Tile {
  // The quantifiers bound the work: 2^64 has 20 digits, hence at most 7 groups.
  const match = /^tile\/(entries|0|[1-9][0-9]?)\/((?:x[0-9]{3}\/){0,6}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/.exec(path);
  const [, level = "", groups = "", width] = match ?? [];
  const index = BigInt(groups.replaceAll(/[x/]/g, "") || "0");
  const tile: Tile = {
    level: level === "entries" ? level : Number(level),
    index,
    width: width === undefined ? fullWidth : Number(width),
  };
  const isPartial = width !== undefined && tile.width < fullWidth;
  const isPath =
    match !== null && Number(tile.level === "entries" ? 0 : tile.level) <= maxTileLevel && index <= maxTreeSize;
  if (isPath && (width === undefined || isPartial) && groups === formatIndex(index)) return tile;
  throw tlogError("TLOG_TILE_PATH", {
    expected: "tile/<level>/<index in groups of 3 digits>[.p/<1 to 255>]",
    got: quote(path),
  });
}

/** How many hashes tile `index` of a level holds in a tree of `size` entries: 256 if full, 0 if there is none. C2SP tlog-tiles, "Partial tiles". */
export function tileWidth(size: bigint, level: number | "entries", index: bigint): number {
  const count = size >> BigInt(8 * (level === "entries" ? 0 : level));
  const width = count - index * BigInt(fullWidth);
  return Number(width < 0n ? 0n : width > fullWidth ? BigInt(fullWidth) : width);
}

/** Splits a tile into its hashes. It must hold exactly `width` of them; where a full tile came in place of a partial one, cut it first. Error: TLOG_TILE_MALFORMED. */
export function parseTile(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  if (bytes.length !== width * treeHashBytes) {
    throw tlogError("TLOG_TILE_MALFORMED", { expected: `${width * treeHashBytes} bytes`, got: `${bytes.length}` });
  }
  return Array.from({ length: width }, (_, i) => bytes.subarray(i * treeHashBytes, (i + 1) * treeHashBytes));
}

/** The inverse of `parseTile`. */
export function formatTile(hashes: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...hashes);
}

/** Splits a bundle of exactly `width` entries, each led by its length in two bytes. The entries are not checked against the tree. Error: TLOG_TILE_MALFORMED. C2SP tlog-tiles, "Log entries". */
export function parseEntryBundle(bytes: Uint8Array, width: number): readonly Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length && entries.length < width) {
    const end = at + 2 + (bytes[at] as number) * 256 + (bytes[at + 1] ?? 0);
    if (at + 2 > bytes.length || end > bytes.length)
      throw tlogError("TLOG_TILE_MALFORMED", `entry ${entries.length} is cut off`);
    entries.push(bytes.subarray(at + 2, end));
    at = end;
  }
  if (at === bytes.length && entries.length === width) return entries;
  throw tlogError("TLOG_TILE_MALFORMED", {
    checked: "entry bundle",
    expected: `${width} entries`,
    got: entries.length < width ? `${entries.length}` : "more",
  });
}

/** The inverse of `parseEntryBundle`. Error: TLOG_TILE_MALFORMED for an entry over `maxEntryBytes`. */
export function formatEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...entries.flatMap((entry) => [lengthOf(entry), entry]));
}

/**
 * The bundles to write when `added` entries come after the first `size`; `last` holds the entries of the bundle that is partial so far.
 * Error: TLOG_TILE_RANGE if `last` is not as long as `size` implies, and that of `formatEntryBundle`.
 */
export function entryFiles(
  size: bigint,
  last: readonly Uint8Array[],
  added: readonly Uint8Array[],
): readonly TileFile[] {
  if (BigInt(last.length) !== size % BigInt(fullWidth)) {
    throw tlogError("TLOG_TILE_RANGE", {
      expected: `${size % BigInt(fullWidth)} entries in the last bundle`,
      got: `${last.length}`,
    });
  }
  if (added.length === 0) return [];
  const rows = inTiles(size / BigInt(fullWidth), [...last, ...added]);
  return rows.map(({ index, items }) => {
    return { path: formatTilePath({ level: "entries", index, width: items.length }), bytes: formatEntryBundle(items) };
  });
}

/** Cuts a row that begins at a tile's border into tiles; the last one may be partial. */
export function inTiles<Item>(
  first: bigint,
  row: readonly Item[],
): readonly { readonly index: bigint; readonly items: readonly Item[] }[] {
  const count = Math.ceil(row.length / fullWidth);
  return Array.from({ length: count }, (_, i) => {
    return { index: first + BigInt(i), items: row.slice(i * fullWidth, (i + 1) * fullWidth) };
  });
}

function lengthOf(entry: Uint8Array): Uint8Array {
  if (entry.length > maxEntryBytes)
    throw tlogError("TLOG_TILE_MALFORMED", {
      checked: "entry",
      expected: `at most ${maxEntryBytes} bytes`,
      got: `${entry.length}`,
    });
  return Uint8Array.of(entry.length >> 8, entry.length & 255);
}

function formatIndex(index: bigint): string {
  const digits = `${index}`;
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  return (
    padded
      .match(/.{3}/g)
      ?.map((group, i, all) => (i === all.length - 1 ? group : `x${group}`))
      .join("/") ?? ""
  );
}
