import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  realpathSync,
  statSync,
  type Dirent,
} from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { quote, type TrustError } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import type { Product } from "./inspection.ts";
import { formatHashes, type Hashes } from "./hashes.ts";
import type { Artifacts } from "./artifacts.ts";

/** How many files a final product may have. */
export const maxProductFiles = 1_000_000;
/** How deep its directories may nest. */
export const maxProductDepth = 128;

/** One file of a product: its path in it, with `/`, and where it lies. */
export interface ProductFile {
  readonly path: string;
  readonly absolute: string;
}

/** What a walk leaves out; both get paths in the product, with `/`. */
export interface WalkOptions {
  /** Of files that are not part of the product: the links that this verification loaded. */
  readonly isHidden: (path: string) => boolean;
  /** The reference's way: leaves out directory links, broken links and whatever is neither file nor directory. */
  readonly isLax?: boolean;
  /** Whether a directory is not walked into; only with `isLax`. */
  readonly isSkipped?: (path: string) => boolean;
}

/** The final product in `directory`. `isHidden` is asked anew each time. */
export function openProduct(directory: string, isHidden: (path: string) => boolean): Product {
  return {
    record: () => recordProduct(walkProduct(directory, { isHidden })),
    read: (path, { maxBytes, isUnpacked }) => {
      const bytes = readInside(directory, path, maxBytes);
      return isUnpacked === true ? unpack(bytes, path, maxBytes) : bytes;
    },
  };
}

/**
 * Every file below `directory`, sorted. A link to a file inside counts as the file. Throws INTOTO_PRODUCT_UNSUPPORTED
 * for what would otherwise go unseen: directory links, links that lead out or nowhere, sockets, pipes and devices, and
 * names that are not UTF-8 or hold a backslash.
 */
export function walkProduct(directory: string, options: WalkOptions): readonly ProductFile[] {
  const files: ProductFile[] = [];
  const root = realpathSync(directory);
  const pending = [{ path: "", depth: 0 }];
  for (let here = pending.pop(); here !== undefined; here = pending.pop()) {
    if (here.depth > maxProductDepth)
      throw unsupported(here.path, `directories nested more than ${maxProductDepth} deep`);
    for (const entry of readdirSync(join(root, here.path), { withFileTypes: true })) {
      const path = here.path === "" ? entry.name : `${here.path}/${entry.name}`;
      const kind = kindOf(entry, { root, path, options });
      if (kind === "directory") pending.push({ path, depth: here.depth + 1 });
      if (kind === "file") files.push({ path, absolute: join(root, path) });
      if (files.length > maxProductFiles) throw unsupported(here.path, `more than ${maxProductFiles} files`);
    }
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Hashes (SHA-256) of files, read in pieces. */
export function recordProduct(files: readonly ProductFile[]): Artifacts {
  return new Map(files.map(({ path, absolute }) => [path, hashesOf(absolute)]));
}

/** Copies the files to a directory, so that a command may change them freely. */
export function copyProduct(files: readonly ProductFile[], target: string): void {
  for (const { path, absolute } of files) {
    const to = join(target, path);
    mkdirSync(dirname(to), { recursive: true });
    copyFileSync(absolute, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
  }
}

interface Place {
  readonly root: string;
  readonly path: string;
  readonly options: WalkOptions;
}

function kindOf(entry: Dirent, place: Place): "file" | "directory" | "nothing" {
  const { path, options } = place;
  if (options.isHidden(path)) return "nothing";
  if (entry.isDirectory()) return options.isSkipped?.(path) === true ? "nothing" : "directory";
  if (options.isLax !== true) checkName(path);
  if (entry.isFile()) return "file";
  if (options.isLax === true) return isFileAt(join(place.root, path)) ? "file" : "nothing";
  if (!entry.isSymbolicLink()) throw unsupported(path, "neither a file nor a directory");
  if (!isFileAt(join(place.root, path))) throw unsupported(path, "a link to something that is no file");
  const target = realpathSync(join(place.root, path));
  if (!isInside(place.root, target)) throw unsupported(path, "a link that leads out of the product");
  return "file";
}

function checkName(path: string): void {
  // U+FFFD: Node puts it where the name is not UTF-8.
  if (/[\\\uFFFD]/u.test(path)) throw unsupported(path, "a name with a backslash or bytes that are not UTF-8");
}

function isFileAt(absolute: string): boolean {
  try {
    return statSync(absolute).isFile();
  } catch {
    // A link to nothing, or to itself.
    return false;
  }
}

function isInside(root: string, target: string): boolean {
  return target === root || target.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

const pieceBytes = 1024 * 1024;

function hashesOf(absolute: string): Hashes {
  const hash = createHash("sha256");
  const piece = new Uint8Array(pieceBytes);
  const fd = openSync(absolute, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (let count = readSync(fd, piece); count > 0; count = readSync(fd, piece)) hash.update(piece.subarray(0, count));
  } finally {
    closeSync(fd);
  }
  return formatHashes({ sha256: hash.digest("hex") });
}

function readInside(directory: string, path: string, maxBytes: number): Uint8Array {
  const checked = `product file ${quote(path)}`;
  try {
    const root = realpathSync(directory);
    const absolute = realpathSync(resolve(root, path));
    if (!isInside(root, absolute) || relative(root, absolute) === "")
      throw inTotoError("INTOTO_PRODUCT_UNREADABLE", { checked, got: "a path out of the product" });
    return readUpTo(absolute, maxBytes, checked);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (typeof code !== "string" || code.startsWith("INTOTO_")) throw error;
    throw inTotoError("INTOTO_PRODUCT_UNREADABLE", { checked, got: code }, error);
  }
}

function readUpTo(absolute: string, maxBytes: number, checked: string): Uint8Array {
  const fd = openSync(absolute, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw inTotoError("INTOTO_PRODUCT_UNREADABLE", { checked, got: "not a file" });
    if (stat.size > maxBytes)
      throw inTotoError("INTOTO_TOO_LARGE", { checked, expected: `at most ${maxBytes} bytes`, got: `${stat.size}` });
    const bytes = new Uint8Array(stat.size);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count)
      count = readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}

/** Gzip is known by its first two bytes. */
function unpack(bytes: Uint8Array, path: string, maxBytes: number): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    throw inTotoError(
      "INTOTO_ARCHIVE_MALFORMED",
      { checked: quote(path), expected: `gzip of at most ${maxBytes} bytes` },
      cause,
    );
  }
}

function unsupported(path: string, got: string): TrustError {
  return inTotoError("INTOTO_PRODUCT_UNSUPPORTED", { checked: quote(path), got });
}
