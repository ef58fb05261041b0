import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { quote } from "@countersign/core";
import { makeNodeDisk } from "./disk.node.ts";
import { closing, type Disk, type DiskFile } from "./disk.ts";
import { tufError } from "./errors.ts";
import { escapeSegment } from "./http-address.ts";
import { slashed } from "./store.node.ts";
import type { Fetcher, FetchOptions } from "./fetch.ts";

/** A repository in folders, such as a copy on a stick. */
export interface DirectoryMirror {
  /** A path or a file: address. */
  readonly metadata: string;
  /** A path or a file: address. Unless given, `targets` beside a folder named `metadata`, and else `targets` below it. */
  readonly targets?: string;
}

/** How much of a target is read at once, in bytes. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * A repository in folders: file names are those of the addresses, escaped where an address would escape them, so that a copy
 * of a web server's files will do. Links in it are not followed. Rejects as a `Fetcher` does, with TUF_DISK_* for what cannot
 * be read. Throws TUF_FETCH_URL for an address that is no folder's.
 */
export function makeDirectoryFetcher(mirror: DirectoryMirror, disk: Disk = makeNodeDisk()): Fetcher {
  const metadata = folderOf(mirror.metadata);
  const targets =
    mirror.targets === undefined
      ? slashed(resolve(metadata, metadata.endsWith("/metadata") ? "../targets" : "targets"))
      : folderOf(mirror.targets);
  return {
    metadata: async (name, options) => {
      const found = await openFile(disk, `${metadata}/${escapeSegment(name)}`, options);
      if (found === undefined) return undefined;
      const bytes = await closing(found.file, async () => readWhole(found, options.maxBytes));
      options.accept?.(bytes);
      return bytes;
    },
    target: async (path, options) => {
      if ((options.fromMirror ?? 0) > 0) return undefined;
      const found = await openFile(disk, `${targets}/${path.split("/").map(nameOf).join("/")}`, options);
      const start = Math.min(options.start ?? 0, found?.size ?? 0);
      return found && { start, mirror: 0, body: pieces(found.file, start, options) };
    },
  };
}

function folderOf(text: string): string {
  if (!text.startsWith("file:")) return slashed(resolve(text));
  try {
    return slashed(fileURLToPath(text)).replace(/\/+$/, "");
  } catch (error) {
    throw tufError("TUF_FETCH_URL", { got: quote(text) }, error);
  }
}

// Spaces and the like stand in file names as they are; what would lead elsewhere does not.
function nameOf(segment: string): string {
  escapeSegment(segment);
  return segment.replace(/[\0\\]/g, encodeURIComponent);
}

interface Found {
  readonly path: string;
  readonly file: DiskFile;
  readonly size: number;
}

async function openFile(disk: Disk, path: string, { maxBytes }: FetchOptions): Promise<Found | undefined> {
  const entry = await disk.stat(path);
  if (entry === undefined || entry.kind === "directory") return undefined;
  if (entry.size > maxBytes) throw tooLarge(path, maxBytes);
  const file = await disk.open(path);
  return file && { path, file, size: entry.size };
}

async function readWhole({ path, file, size }: Found, maxBytes: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(size, maxBytes) + 1);
  const read = await file.read(bytes, 0);
  if (read === bytes.length) throw tooLarge(path, maxBytes);
  return bytes.subarray(0, read);
}

/** While one piece is looked at, the next one is read. */
async function* pieces(file: DiskFile, start: number, { maxBytes, signal }: FetchOptions): AsyncGenerator<Uint8Array> {
  const size = Math.max(1, Math.min(pieceBytes, maxBytes - start + 1));
  let [piece, other] = [new Uint8Array(size), new Uint8Array(size)];
  let reading = file.read(piece, start);
  try {
    for (let at = start; ;) {
      if (signal?.aborted === true) throw tufError("TUF_FETCH_ABORTED");
      const read = await reading;
      if (at + read > maxBytes) throw tooLarge("the target", maxBytes);
      at += read;
      const isLast = read < piece.length;
      if (!isLast) reading = file.read(other, at);
      // Its failure is thrown where it is awaited.
      reading.catch(() => {});
      if (read > 0) yield piece.subarray(0, read);
      if (isLast) return;
      [piece, other] = [other, piece];
    }
  } finally {
    await reading.catch(() => {});
    await file.close();
  }
}

function tooLarge(path: string, maxBytes: number): Error {
  return tufError("TUF_FETCH_TOO_LARGE", { checked: quote(path), expected: `at most ${maxBytes} bytes` });
}
