import { readFileSync, statSync } from "node:fs";
import { hash as hashOf } from "node:crypto";
import { parseUtf8, quote } from "@countersign/core";
import { checkArtifactName, stripPrefix } from "./artifact-name.ts";
import { inTotoError } from "./errors.ts";
import { recordFiles } from "./file-record.node.ts";
import { normalPath, openPath } from "./walk.node.ts";
import type { HashName } from "@countersign/core";
import type { ArtifactHash } from "./file-hash.node.ts";
import type { FileRecord, FileRecordOptions } from "./file-record.node.ts";

/**
 * Turns what stands behind a scheme into artifacts (ITE-4): paths without their scheme in, names with it out. The hashes of
 * each are in the order of the plan.
 */
export type Resolver = (paths: readonly string[], options: FileRecordOptions) => Promise<FileRecord>;

/** The resolvers by scheme; a path without one of these schemes is one of files, recorded under its bare name. */
export const resolvers: ReadonlyMap<string, Resolver> = new Map([
  ["", recordFiles],
  ["file", recordFileUris],
  ["dir", recordDirectories],
  ["ostree", recordCommits],
  ["oci", recordImages],
]);

/** The longest commit object of an OSTree repository that is read, in bytes. */
export const maxCommitBytes: number = 16 * 1024 * 1024;

/** A path and the scheme it is resolved by; what begins with no scheme of these is a file. */
export function splitScheme(uri: string): { readonly scheme: string; readonly path: string } {
  const colon = uri.indexOf(":");
  const scheme = uri.slice(0, Math.max(colon, 0));
  return scheme !== "" && resolvers.has(scheme) ? { scheme, path: uri.slice(colon + 1) } : { scheme: "", path: uri };
}

async function recordFileUris(paths: readonly string[], options: FileRecordOptions): Promise<FileRecord> {
  const { files, ...rest } = await recordFiles(paths, options);
  return { ...rest, files: new Map([...files].map(([name, hashes]) => [`file:${name}`, hashes])) };
}

/**
 * `dir:PATH` is one artifact: the hash of what `sha256sum` would print for the files below, by name in the order of their
 * bytes. Exclude patterns are meant relative to the directory, as in in-toto 2.
 */
async function recordDirectories(paths: readonly string[], options: FileRecordOptions): Promise<FileRecord> {
  const hashes = options.plan.hashes.map(checkPlainHash);
  const files = new Map<string, readonly string[]>();
  const skipped: FileRecord["skipped"][number][] = [];
  const memory = new Map<string, readonly string[]>();
  for (const path of paths.map(normalPath)) {
    const base = openPath(options.base, path);
    if (!isDirectory(base))
      throw inTotoError("INTOTO_RECORD_MISSING", { checked: `dir:${quote(path)}`, expected: "a directory" });
    const inside = await recordFiles(["."], { ...options, base, lstrip: [], names: "strict" });
    const lines = hashes.map((name, at) => hashOf(name, checksumLines(inside.files, at)));
    addArtifact(files, `dir:${checkedName(path, options)}`, lines);
    for (const each of inside.skipped) skipped.push({ ...each, path: `${path}/${each.path}` });
    for (const [stamp, known] of inside.memory) memory.set(stamp, known);
  }
  return { files, skipped, memory };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function checksumLines(files: FileRecord["files"], at: number): string {
  const order = [...files].map(([name, hashes]) => ({ name, bytes: Buffer.from(name), hash: hashes[at] as string }));
  order.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
  return order.map(({ name, hash }) => `${hash}  ${name}\n`).join("");
}

/**
 * `ostree:BRANCH` is the commit that the branch of the repository at the base path points to; its hash is its id.
 * Other hashes are over the same commit object.
 */
// oxlint-disable-next-line typescript/require-await -- a resolver rejects, it does not throw
async function recordCommits(branches: readonly string[], options: FileRecordOptions): Promise<FileRecord> {
  const hashes = options.plan.hashes.map(checkPlainHash);
  const files = new Map<string, readonly string[]>();
  for (const branch of branches) {
    checkArtifactName(branch, "strict");
    const commit = readCommit(options.base, branch);
    addArtifact(
      files,
      `ostree:${branch}`,
      hashes.map((name) => hashOf(name, commit)),
    );
  }
  return { files, skipped: [], memory: new Map() };
}

/**
 * `oci:REFERENCE` is the manifest, or index, that the reference names in its registry, under the name as it was given; its SHA-256 is
 * the image's digest. Say it by digest where a tag may move between two steps.
 */
async function recordImages(references: readonly string[], options: FileRecordOptions): Promise<FileRecord> {
  const hashes = options.plan.hashes.map(checkPlainHash);
  const files = new Map<string, readonly string[]>();
  for (const reference of references) {
    checkArtifactName(reference, "strict");
    // oxlint-disable-next-line no-await-in-loop -- few images, one registry
    const manifest = (await options.images?.(reference)) ?? new Uint8Array(0);
    addArtifact(
      files,
      `oci:${reference}`,
      hashes.map((name) => hashOf(name, manifest)),
    );
  }
  return { files, skipped: [], memory: new Map() };
}

function readCommit(base: string, branch: string): Uint8Array {
  const id = parseUtf8(readSmall(`${base}/refs/heads/${branch}`, 65)).replace(/\n$/, "");
  if (!/^[0-9a-f]{64}$/.test(id))
    throw inTotoError("INTOTO_OSTREE_MALFORMED", {
      checked: `branch ${quote(branch)}`,
      expected: "a commit id",
      got: quote(id),
    });
  const commit = readSmall(`${base}/objects/${id.slice(0, 2)}/${id.slice(2)}.commit`, maxCommitBytes);
  const own = hashOf("sha256", commit);
  if (own !== id)
    throw inTotoError("INTOTO_OSTREE_MALFORMED", { checked: `commit of ${quote(branch)}`, expected: id, got: own });
  return commit;
}

function readSmall(path: string, maxBytes: number): Uint8Array {
  try {
    const stats = statSync(path);
    if (!stats.isFile() || stats.size > maxBytes)
      throw inTotoError("INTOTO_OSTREE_MALFORMED", {
        checked: quote(path),
        expected: `a file of at most ${maxBytes} bytes`,
      });
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code?.startsWith("INTOTO_") === true) throw error;
    throw inTotoError("INTOTO_RECORD_UNREADABLE", { checked: quote(path), got: code ?? "an error" }, error);
  }
}

function checkedName(path: string, { lstrip, names }: FileRecordOptions): string {
  const name = stripPrefix(path, lstrip);
  if (name !== ".") checkArtifactName(name, names);
  return name;
}

function addArtifact(files: Map<string, readonly string[]>, name: string, hashes: readonly string[]): void {
  if (files.has(name)) throw inTotoError("INTOTO_RECORD_TWICE", { checked: quote(name) });
  files.set(name, hashes);
}

/** A gitoid is the id of a file's content. */
function checkPlainHash(name: ArtifactHash): HashName {
  if (name !== "gitoid:blob:sha256") return name;
  throw inTotoError("INTOTO_RESOLVER_HASH", {
    checked: "dir:, ostree: and oci:",
    expected: "sha256, sha384, sha512",
    got: name,
  });
}
