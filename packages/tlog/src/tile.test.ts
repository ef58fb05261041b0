import { existsSync, readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { codeOfSync } from "../vectors/code-of.ts";
import { parseCheckpoint } from "./checkpoint.ts";
import { leafHash, rootOf } from "./merkle.ts";
import { parseNote } from "./note.ts";
import {
  entryFiles,
  formatEntryBundle,
  formatTile,
  formatTilePath,
  parseEntryBundle,
  parseTile,
  parseTilePath,
  tileWidth,
  type Tile,
} from "./tile.ts";

describe("paths", () => {
  test.each<[string, Tile]>([
    ["tile/0/x001/x234/067", { level: 0, index: 1234067n, width: 256 }],
    ["tile/63/000.p/1", { level: 63, index: 0n, width: 1 }],
    ["tile/entries/x273/999.p/255", { level: "entries", index: 273999n, width: 255 }],
    ["tile/7/x018/x446/x744/x073/x709/x551/615", { level: 7, index: 2n ** 64n - 1n, width: 256 }],
  ])("%s", (path, tile) => {
    expect(parseTilePath(path)).toEqual(tile);
    expect(formatTilePath(tile)).toBe(path);
  });

  test.each([
    "",
    "tile/0/0",
    "tile/0/1000",
    "tile/0/x000/001",
    "tile/0/001/002",
    "tile/0/x001/x002",
    "tile/00/001",
    "tile/64/001",
    "tile/-1/001",
    "tile/data/001",
    "tile/0/001.p/0",
    "tile/0/001.p/01",
    "tile/0/001.p/256",
    "tile/0/001.p/",
    "tile/0/001.p/1/",
    "/tile/0/001",
    "tile/0/001\n",
    "tile/0/../000",
    "tile/0/x018/x446/x744/x073/x709/x551/616",
    `tile/0/${"x001/".repeat(10_000)}001`,
    "tile/0/x01\u0661/000",
  ])("refuses %j", (path) => {
    expect(codeOfSync(() => parseTilePath(path))).toBe("TLOG_TILE_PATH");
  });

  test("no path for a tile that cannot be", () => {
    const tile: Tile = { level: 0, index: 0n, width: 1 };
    for (const bad of [
      { width: 0 },
      { width: 257 },
      { width: 1.5 },
      { index: -1n },
      { index: 2n ** 64n },
      { level: 64 },
      { level: 0.5 },
    ]) {
      expect(codeOfSync(() => formatTilePath({ ...tile, ...bad }))).toBe("TLOG_TILE_PATH");
    }
  });

  test("format and parse are inverse", () => {
    const level = fc.oneof(fc.integer({ min: 0, max: 63 }), fc.constant("entries" as const));
    fc.assert(
      fc.property(level, fc.bigInt(0n, 2n ** 64n - 1n), fc.integer({ min: 1, max: 256 }), (at, index, width) => {
        expect(parseTilePath(formatTilePath({ level: at, index, width }))).toEqual({ level: at, index, width });
      }),
      { numRuns: 200 },
    );
  });
});

test("widths: the examples of C2SP tlog-tiles", () => {
  const rows: [bigint, number, bigint, number][] = [
    [256n, 0, 0n, 256],
    [256n, 0, 1n, 0],
    [256n, 1, 0n, 1],
    [70_000n, 0, 272n, 256],
    [70_000n, 0, 273n, 112],
    [70_000n, 0, 274n, 0],
    [70_000n, 1, 0n, 256],
    [70_000n, 1, 1n, 17],
    [70_000n, 2, 0n, 1],
    [70_000n, 3, 0n, 0],
    [2n ** 64n - 1n, 7, 0n, 255],
    [0n, 0, 0n, 0],
  ];
  for (const [size, level, index, width] of rows) expect(tileWidth(size, level, index)).toBe(width);
  expect(tileWidth(70_000n, "entries", 273n)).toBe(112);
});

test("tiles must have their exact width", () => {
  const hashes = [1, 2, 3].map((n) => leafHash(Uint8Array.of(n)));
  expect(parseTile(formatTile(hashes), 3)).toEqual(hashes);
  for (const length of [0, 1, 95, 97, 64, 128])
    expect(codeOfSync(() => parseTile(new Uint8Array(length), 3))).toBe("TLOG_TILE_MALFORMED");
});

describe("entry bundles", () => {
  test("format and parse are inverse; any change of length is refused", () => {
    const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(entries, (list) => {
        const bundle = formatEntryBundle(list);
        expect(parseEntryBundle(bundle, list.length)).toEqual(list);
        for (const width of [list.length - 1, list.length + 1])
          expect(codeOfSync(() => parseEntryBundle(bundle, width))).toBe("TLOG_TILE_MALFORMED");
        expect(codeOfSync(() => parseEntryBundle(bundle.subarray(0, -1), list.length))).toBe("TLOG_TILE_MALFORMED");
        expect(codeOfSync(() => parseEntryBundle(Uint8Array.of(...bundle, 0), list.length))).toBe(
          "TLOG_TILE_MALFORMED",
        );
      }),
      { numRuns: 50 },
    );
  });

  test("entries have at most 65,535 bytes", () => {
    expect(parseEntryBundle(formatEntryBundle([new Uint8Array(65_535)]), 1)[0]?.length).toBe(65_535);
    expect(codeOfSync(() => formatEntryBundle([new Uint8Array(65_536)]))).toBe("TLOG_TILE_MALFORMED");
  });

  test("files to write after entries were added", () => {
    const entries = Array.from({ length: 600 }, (_, i) => Uint8Array.of(i >> 8, i & 255));
    expect(entryFiles(0n, [], []).length).toBe(0);
    const files = entryFiles(250n, entries.slice(0, 250), entries.slice(250));
    expect(files.map(({ path }) => path)).toEqual(["tile/entries/000", "tile/entries/001", "tile/entries/002.p/88"]);
    expect(files.flatMap(({ path, bytes }) => parseEntryBundle(bytes, parseTilePath(path).width))).toEqual(entries);
    expect(codeOfSync(() => entryFiles(250n, entries.slice(0, 249), entries))).toBe("TLOG_TILE_RANGE");
  });
});

const tessera = new URL("../../../../shared/data/tlog/tessera/testdata/log/", import.meta.url).pathname;
test.skipIf(!existsSync(tessera))("tessera's test log: 15 checkpoints, each with bundle, tile and root", () => {
  const widths = readdirSync(`${tessera}tile/0/000.p`).map(Number);
  expect(widths.length).toBe(15);
  for (const width of widths) {
    const { root, size } = parseCheckpoint(parseNote(readFileSync(`${tessera}checkpoint.${width}`)).text);
    const tile = parseTile(
      readFileSync(tessera + formatTilePath({ level: 0, index: 0n, width })),
      tileWidth(size, 0, 0n),
    );
    const entries = parseEntryBundle(
      readFileSync(tessera + formatTilePath({ level: "entries", index: 0n, width })),
      width,
    );
    expect(entries.map(leafHash).map(hexOf)).toEqual(tile.map(hexOf));
    expect(hexOf(rootOf(tile))).toBe(hexOf(root));
  }
});

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
