import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { localSigstoreError } from "./errors.ts";
import type { EntryStore } from "./rekor.ts";
import { makeTree, tileWidth } from "./tree.ts";
import type { Tree } from "./tree.ts";

/**
 * Keeps a log as C2SP tlog-tiles files: tiles and entry bundles first, the checkpoint last, each by rename, so that a
 * stop at any moment leaves the state of the last checkpoint. `load` throws LOCAL_SIGSTORE_STATE_BROKEN if the entries
 * do not have the checkpoint's root; the checkpoint's signature is not checked, since the key lies beside it.
 */
export function makeTileStore(dir: string): EntryStore {
  return {
    load: () => load(dir),
    save: ({ tree, bodies, checkpoint }) => {
      const size = tree.size();
      saveTiles(dir, tree);
      const first = Math.floor((size - 1) / tileWidth) * tileWidth;
      replaceFile(join(dir, "tile", "entries", tilePath(size)), entryBundle(bodies.slice(first, size)));
      replaceFile(join(dir, "checkpoint"), checkpoint);
      dropPartials(dir, size - 1);
    },
  };
}

/** An entry bundle: each entry after its length in two bytes (C2SP tlog-tiles). */
export function entryBundle(bodies: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const parts = bodies.flatMap((body) => [Uint8Array.of(body.length >> 8, body.length & 0xff), body]);
  return new Uint8Array(Buffer.concat(parts));
}

/** Writes a file whole or not at all. */
export function replaceFile(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
}

/** Path of the last tile of a row with `count` entries: groups of three digits, `.p/W` when it is not full. */
function tilePath(count: number): string {
  const width = count % tileWidth;
  const path = groups(Math.floor((count - 1) / tileWidth));
  return width === 0 ? path : `${path}.p/${width}`;
}

function groups(index: number): string {
  const digits = String(index);
  const padded = digits.padStart(Math.ceil(digits.length / 3) * 3, "0");
  const list = padded.match(/\d{3}/g) ?? [];
  return list.map((group, at) => (at === list.length - 1 ? group : `x${group}`)).join("/");
}

function saveTiles(dir: string, tree: Tree): void {
  for (let level = 0, count = tree.size(); count > 0; level++, count = Math.floor(count / tileWidth)) {
    const index = Math.floor((count - 1) / tileWidth);
    const tile = tree.tile(level, index, count - index * tileWidth);
    if (tile !== undefined) replaceFile(join(dir, "tile", String(level), tilePath(count)), tile);
  }
}

/** Removes the narrower tiles that the new checkpoint no longer names; `before` is the size of the checkpoint before. */
function dropPartials(dir: string, before: number): void {
  const remove = (row: string, count: number): void => {
    if (count > 0 && count % tileWidth !== 0) rmSync(join(dir, "tile", row, tilePath(count)), { force: true });
  };
  remove("entries", before);
  for (let level = 0, count = before; count > 0; level++, count = Math.floor(count / tileWidth)) {
    // A higher row stays as it was unless the rows below it just filled up.
    if (level === 0 || (before + 1) % tileWidth ** level === 0) remove(String(level), count);
  }
}

function load(dir: string): readonly Uint8Array[] {
  const file = join(dir, "checkpoint");
  if (!existsSync(file)) return [];
  const [, sizeLine = "", rootLine = ""] = readFileSync(file, "utf8").split("\n");
  const size = Number(sizeLine);
  const tree = makeTree();
  const bodies: Uint8Array[] = [];
  for (let first = 0; first < size; first += tileWidth) {
    const path = tilePath(Math.min(first + tileWidth, size));
    bodies.push(...readBundle(join(dir, "tile", "entries", path)));
  }
  for (const body of bodies) tree.append(body);
  if (bodies.length === size && Buffer.from(tree.root()).toString("base64") === rootLine) return bodies;
  throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "entries of the log do not have the checkpoint's root");
}

function readBundle(path: string): Uint8Array[] {
  if (!existsSync(path)) throw localSigstoreError("LOCAL_SIGSTORE_STATE_BROKEN", "an entry bundle is missing");
  const bytes = new Uint8Array(readFileSync(path));
  const bodies: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
    bodies.push(bytes.slice(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return bodies;
}
