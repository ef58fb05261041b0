import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOf } from "../vectors/code-of.ts";
import { checkConsistency, checkInclusion, emptyRoot, leafHash, maxTreeSize, rootOf } from "./merkle.ts";
import { entryFiles, formatTilePath, fullWidth } from "./tile.ts";
import {
  appendLeaves,
  checkEntryBundle,
  checkedTile,
  emptyTree,
  openTree,
  proveConsistency,
  proveInclusion,
  type Tree,
  type TileReader,
} from "./tree.ts";

const count = 66_500;
const entries = Array.from({ length: count }, (_, i) => Uint8Array.of(i >> 16, (i >> 8) & 255, i & 255));
const leaves = entries.map(leafHash);
const roots = new Map<number, Uint8Array>();

function rootAt(size: number): Uint8Array {
  const root = roots.get(size) ?? rootOf(leaves.slice(0, size));
  roots.set(size, root);
  return root;
}

/** A log on a disk that keeps every file ever written. */
interface Disk {
  readonly files: Map<string, Uint8Array>;
  readonly readTile: TileReader;
  reads: number;
}

function makeDisk(): Disk {
  const files = new Map<string, Uint8Array>();
  const disk: Disk = {
    files,
    reads: 0,
    readTile(level, index, width) {
      disk.reads++;
      const path = formatTilePath({ level, index, width });
      const file = files.get(path);
      if (file === undefined) throw new Error(`asked for ${path}, which no checkpoint implies`);
      return file;
    },
  };
  return disk;
}

/** Writes the log up to each size in turn. */
function grow(disk: Disk, sizes: readonly number[]): Tree {
  let tree = emptyTree;
  for (const size of sizes) {
    const step = appendLeaves(tree, leaves.slice(Number(tree.size), size));
    for (const { path, bytes } of step.files) disk.files.set(path, bytes);
    tree = step.tree;
    expect(tree.root).toEqual(rootAt(size));
  }
  return tree;
}

test("every size up to 70, one entry at a time: all proofs out of tiles", async () => {
  const disk = makeDisk();
  for (let size = 1; size <= 70; size++) {
    grow(
      disk,
      Array.from({ length: size }, (_, i) => i + 1),
    );
    const tree = await openTree({ size: BigInt(size), root: rootAt(size) }, disk.readTile);
    for (let at = 0; at < size; at++) {
      checkInclusion(await proveInclusion(tree, BigInt(at), disk.readTile), leaves[at]!, tree.root);
      checkConsistency(await proveConsistency(tree, BigInt(at), disk.readTile), rootAt(at), tree.root);
    }
    expect((await proveConsistency(tree, tree.size, disk.readTile)).path).toEqual([]);
  }
});

describe("sizes around the borders of tiles", () => {
  const sizes = [255, 256, 257, 511, 512, 513, 1000, 65_535, 65_536, 65_537, 66_048, count];
  const disk = makeDisk();
  grow(disk, sizes);

  test.each(sizes)("%i entries", async (size) => {
    const tree = await openTree({ size: BigInt(size), root: rootAt(size) }, disk.readTile);
    for (const at of [0, 1, 254, 255, 256, 511, 512, 65_279, 65_280, 65_535, 65_536, size - 2, size - 1].filter(
      (n) => n < size,
    )) {
      disk.reads = 0;
      checkInclusion(await proveInclusion(tree, BigInt(at), disk.readTile), leaves[at]!, tree.root);
      expect(disk.reads).toBeLessThanOrEqual(4);
      checkConsistency(await proveConsistency(tree, BigInt(at), disk.readTile), rootAt(at), tree.root);
    }
    for (const from of sizes.filter((n) => n <= size)) {
      checkConsistency(await proveConsistency(tree, BigInt(from), disk.readTile), rootAt(from), tree.root);
    }
  });

  test("from a tree opened again, appending goes on where it stopped", async () => {
    const tree = await openTree({ size: 65_537n, root: rootAt(65_537) }, disk.readTile);
    expect(appendLeaves(tree, leaves.slice(65_537, 66_048)).tree.root).toEqual(rootAt(66_048));
  });
});

test("batches of any size give the same tree as one entry at a time", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 700 }), { maxLength: 6 }), (batches) => {
      const ends = batches.map((_, i) => batches.slice(0, i + 1).reduce((sum, n) => sum + n, 0));
      const step = makeDisk();
      const tree = grow(step, ends);
      const once = makeDisk();
      expect(grow(once, ends.slice(-1)).edge).toEqual(tree.edge);
      for (const [path, bytes] of once.files) expect(step.files.get(path)).toEqual(bytes);
    }),
    { numRuns: 20 },
  );
});

test("an empty tree", async () => {
  const none: TileReader = () => {
    throw new Error("an empty tree has no tiles");
  };
  expect(await openTree({ size: 0n, root: emptyRoot }, none)).toMatchObject({ size: 0n, root: emptyRoot });
  expect(await codeOf(() => openTree({ size: 0n, root: leaves[0]! }, none))).toBe("TLOG_TILE_MISMATCH");
  expect(await codeOf(() => proveInclusion(emptyTree, 0n, none))).toBe("TLOG_PROOF_RANGE");
  expect((await proveConsistency(emptyTree, 0n, none)).path).toEqual([]);
  expect(appendLeaves(emptyTree, [])).toEqual({ tree: emptyTree, files: [] });
});

test("numbers out of range", async () => {
  const disk = makeDisk();
  const tree = grow(disk, [300]);
  expect(await codeOf(() => openTree({ size: maxTreeSize + 1n, root: emptyRoot }, disk.readTile))).toBe(
    "TLOG_PROOF_RANGE",
  );
  expect(await codeOf(() => openTree({ size: -1n, root: emptyRoot }, disk.readTile))).toBe("TLOG_PROOF_RANGE");
  expect(await codeOf(() => appendLeaves({ ...tree, size: maxTreeSize }, leaves.slice(0, 1)))).toBe("TLOG_PROOF_RANGE");
  for (const at of [-1n, 300n, 2n ** 70n]) {
    expect(await codeOf(() => proveInclusion(tree, at, disk.readTile))).toBe("TLOG_PROOF_RANGE");
    if (at !== 300n) expect(await codeOf(() => proveConsistency(tree, at, disk.readTile))).toBe("TLOG_PROOF_RANGE");
  }
  for (const [level, index] of [
    [0, 2n],
    [1, 1n],
    [2, 0n],
    [-1, 0n],
    [0.5, 0n],
    [1e9, 0n],
    [0, -1n],
  ] as const) {
    expect(await codeOf(() => checkedTile(tree, { level, index }, disk.readTile))).toBe("TLOG_TILE_RANGE");
  }
});

describe("a log that lies", () => {
  const size = 66_000;
  const disk = makeDisk();
  const tree = grow(disk, [size]);
  const lying = (path: string, change: (bytes: Uint8Array) => Uint8Array): TileReader => {
    return (level, index, width) => {
      const bytes = disk.readTile(level, index, width) as Uint8Array;
      return formatTilePath({ level, index, width }) === path ? change(bytes) : bytes;
    };
  };

  test("about the right edge", async () => {
    const edge = [`tile/0/257.p/${size % fullWidth}`, "tile/1/001.p/1", "tile/2/000.p/1"];
    for (const path of edge) {
      const flipped = lying(path, (bytes) => bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
      expect(await codeOf(() => openTree(tree, flipped)), path).toBe("TLOG_TILE_MISMATCH");
      for (const change of [
        (bytes: Uint8Array) => bytes.subarray(1),
        (bytes: Uint8Array) => Uint8Array.of(...bytes, 0),
        () => new Uint8Array(0),
      ]) {
        expect(await codeOf(() => openTree(tree, lying(path, change))), path).toBe("TLOG_TILE_MALFORMED");
      }
    }
    expect(await codeOf(() => openTree({ size: tree.size, root: leaves[0]! }, disk.readTile))).toBe(
      "TLOG_TILE_MISMATCH",
    );
  });

  test("about a full tile or one above it", async () => {
    for (const path of ["tile/0/003", "tile/1/000"]) {
      for (const at of [0, 4000, 8191]) {
        const flipped = lying(path, (bytes) => bytes.with(at, bytes[at]! ^ 0x80));
        expect(await codeOf(() => proveInclusion(tree, 800n, flipped)), path).toBe("TLOG_TILE_MISMATCH");
        expect(await codeOf(() => proveConsistency(tree, 800n, flipped)), path).toBe("TLOG_TILE_MISMATCH");
      }
      expect(
        await codeOf(() =>
          proveInclusion(
            tree,
            800n,
            lying(path, (bytes) => bytes.subarray(32)),
          ),
        ),
      ).toBe("TLOG_TILE_MALFORMED");
    }
    const swapped = lying("tile/0/003", () => disk.files.get("tile/0/004")!);
    expect(await codeOf(() => checkedTile(tree, { level: 0, index: 3n }, swapped))).toBe("TLOG_TILE_MISMATCH");
  });

  test("about an entry", async () => {
    const bundles = new Map(entryFiles(0n, [], entries.slice(0, size)).map(({ path, bytes }) => [path, bytes]));
    for (const [index, path] of [
      [3n, "tile/entries/003"],
      [257n, `tile/entries/257.p/${size % fullWidth}`],
    ] as const) {
      const bytes = bundles.get(path)!;
      const start = Number(index) * fullWidth;
      expect(await checkEntryBundle(tree, { index, bytes }, disk.readTile)).toEqual(
        entries.slice(start, Math.min(start + fullWidth, size)),
      );
      const forged = bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1);
      expect(await codeOf(() => checkEntryBundle(tree, { index, bytes: forged }, disk.readTile))).toBe(
        "TLOG_ENTRY_MISMATCH",
      );
      expect(await codeOf(() => checkEntryBundle(tree, { index, bytes: bytes.subarray(0, -5) }, disk.readTile))).toBe(
        "TLOG_TILE_MALFORMED",
      );
    }
    const moved = bundles.get("tile/entries/004")!;
    expect(await codeOf(() => checkEntryBundle(tree, { index: 3n, bytes: moved }, disk.readTile))).toBe(
      "TLOG_ENTRY_MISMATCH",
    );
    expect(await codeOf(() => checkEntryBundle(tree, { index: 258n, bytes: moved }, disk.readTile))).toBe(
      "TLOG_TILE_RANGE",
    );
  });
});
