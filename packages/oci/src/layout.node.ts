import { createReadStream } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { attempt, parseJson, quote, readObject, TrustError, utf8, type Digest } from "@countersign/core";
import { verifiedStream } from "./body.ts";
import { formatDescriptor, malformed, readDescriptor, type Descriptor } from "./descriptor.ts";
import { ociError } from "./errors.ts";
import {
  formatManifest,
  maxIndexEntries,
  maxManifestBytes,
  ociIndexType,
  parseManifest,
  type Manifest,
} from "./manifest.ts";
import { entryOf } from "./attach.ts";
import { isCosignRoot, markForCosign, namedByKind, refName } from "./layout-kind.ts";
import { formatReference, parseReference } from "./reference.ts";
import type { CopyTarget } from "./copy.ts";
import type { OciHttp, OciResponse } from "./http.ts";
import type { FetchedManifest } from "./registry.ts";

/** The most blobs of a folder that are looked through for referrers that its index.json does not list. */
export const maxLooseBlobs: number = 10_000;
/** The most that is read of them, in bytes; blobs that are too large for a manifest do not count. */
export const maxLooseBytes: number = 256 * 1024 * 1024;

/**
 * An OCI image layout in a folder, spoken to as a registry that can only be read (image-spec 1.1, "Image Layout"): every
 * repository is the same one, tags are the names in index.json, in full or not, and referrers are the manifests in it whose subject is the
 * digest. What `cosign save` wrote is read as well, see `layout-kind.ts`. Opens no socket. What it gives is hashed by `Registry` like anything else.
 */
export function layoutHttp(folder: string): OciHttp {
  return async (request) => {
    const { host, pathname } = new URL(request.url);
    const match = /^\/v2\/(.+)\/(manifests|blobs|referrers)\/([^/]+)$/.exec(pathname);
    if (match === null || (request.method !== "GET" && request.method !== "HEAD")) return answer(405);
    const [, repository = "", kind, last = ""] = match;
    const what = decodeURIComponent(last);
    if (kind === "blobs") return await blobAnswer(folder, what);
    if (kind === "referrers") return await referrersAnswer(folder, what);
    return await manifestAnswer(
      folder,
      what,
      `${host.replace(/^registry-1\.docker\.io$/, "docker.io")}/${repository}:${what}`,
    );
  };
}

/** The names that a layout's index.json gives, sorted. */
export async function layoutTags(folder: string): Promise<readonly string[]> {
  const entries = await readIndex(folder);
  return entries.flatMap(({ annotations }) => annotations.get(refName) ?? []).toSorted();
}

/** The digest of the one image of a layout that gives it no name, as `cosign save` writes it. */
export async function layoutOnly(folder: string): Promise<Digest | undefined> {
  const entries = await readIndex(folder);
  const [only, ...others] = new Set(
    entries.flatMap(({ digest }) => (isCosignRoot(entries, digest) || entries.length === 1 ? digest : [])),
  );
  return others.length === 0 ? only : undefined;
}

/** A folder as the target of a copy: a conformant layout, made if there is none, added to if there is one. */
export async function layoutTarget(folder: string): Promise<CopyTarget> {
  await makeFolder(join(folder, "blobs", "sha256"));
  await writeWhole(join(folder, "oci-layout"), utf8('{"imageLayoutVersion":"1.0.0"}'));
  if ((await readIfThere(join(folder, "index.json"))) === undefined) await writeIndex(folder, []);
  return {
    async putBlob(blob, read) {
      const path = blobPath(folder, blob.digest);
      if ((await lengthOf(path)) === blob.size) return false;
      await writeStream(path, verifiedStream(await read(), blob, `blob ${blob.digest}`));
      return true;
    },
    async putManifest(fetched, tag) {
      const path = blobPath(folder, fetched.digest);
      if ((await lengthOf(path)) !== fetched.bytes.length) await writeWhole(path, fetched.bytes);
      if (tag !== undefined) await addEntries(folder, [namedEntry(fetched, tag)]);
    },
    async putRoot(fetched, tag) {
      await addEntries(folder, [namedEntry(fetched, tag)]);
      await writeIndex(folder, markForCosign(await readIndex(folder), fetched));
    },
    async listReferrers(_, referrers) {
      await addEntries(folder, referrers.map(entryOf));
    },
  };
}

function answer(
  status: number,
  headers: OciResponse["headers"] = {},
  body: Uint8Array = new Uint8Array(),
): OciResponse {
  // oxlint-disable-next-line typescript/require-await -- a stream
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    if (body.length > 0) yield body;
  };
  return { status, headers, body: stream() };
}

async function blobAnswer(folder: string, digest: string): Promise<OciResponse> {
  const path = digestPath(folder, digest);
  // Build tools make layouts of links; what comes is hashed, wherever it lies. Only a pipe or a device is never opened.
  if (path === undefined || (await lengthOf(path, stat)) === undefined) return answer(404);
  return { status: 200, headers: {}, body: createReadStream(path) };
}

async function manifestAnswer(folder: string, what: string, whole: string): Promise<OciResponse> {
  const entries = await readIndex(folder);
  const named = entries.filter(({ annotations }) => isNamed(annotations.get(refName), what, whole));
  const [entry = namedByKind(entries, what), ...others] = named;
  // Two entries of one name would be two images under it.
  if (others.some((other) => other.digest !== entry?.digest))
    throw ociError("OCI_LAYOUT_MALFORMED", {
      checked: "index.json",
      expected: "one entry of that name",
      got: quote(what),
    });
  const path = digestPath(folder, entry?.digest ?? what);
  const bytes = path === undefined ? undefined : await readIfThere(path, maxManifestBytes);
  if (bytes === undefined) return answer(404, {}, path === undefined ? utf8(namesOf(entries)) : undefined);
  const mediaType = entry?.mediaType ?? entries.find(({ digest }) => digest === what)?.mediaType;
  return answer(
    200,
    {
      ...(mediaType !== undefined && { "content-type": mediaType }),
      ...(entry !== undefined && { "docker-content-digest": entry.digest }),
    },
    bytes,
  );
}

/** By a tag, or as some tools write it by the image's name in full. */
function isNamed(name: string | undefined, tag: string, whole: string): boolean {
  if (name === undefined || name === tag) return name === tag;
  if (!/[/:]/.test(name)) return false;
  const reference = attempt(() => parseReference(name));
  return reference !== undefined && reference.digest === undefined && formatReference(reference) === whole;
}

/** What a layout could be asked for instead: cosign writes no names, so that only digests are left. */
function namesOf(entries: readonly Descriptor[]): string {
  const names = entries.flatMap(({ annotations }) => annotations.get(refName) ?? []);
  const images = names.filter((name) => !/^sha256-[0-9a-f]{64}/.test(name));
  const told = images.length > 0 ? images : entries.map(({ digest }) => `@${digest}`);
  const more = told.length > maxNamesTold ? ", …" : "";
  return `the layout has ${told.length === 0 ? "no images" : told.slice(0, maxNamesTold).join(", ")}${more}`;
}

const maxNamesTold = 5;

async function referrersAnswer(folder: string, subject: string): Promise<OciResponse> {
  const entries = await readIndex(folder);
  const listed: Descriptor[] = [];
  for (const entry of entries) {
    const manifest = await attemptManifest(folder, entry);
    if (manifest?.subject?.digest === subject && !listed.some(({ digest }) => digest === entry.digest))
      listed.push(entry);
  }
  const isLoose = listed.length === 0 && isCosignRoot(entries, subject);
  const manifests = isLoose ? await looseReferrers(folder, subject) : listed;
  const body = formatManifest({
    schemaVersion: 2,
    mediaType: ociIndexType,
    manifests: manifests.map(formatDescriptor),
  });
  return answer(200, { "content-type": ociIndexType }, body);
}

/** cosign's save writes the manifests of bundles among the blobs, and lists them nowhere. */
async function looseReferrers(folder: string, subject: string): Promise<readonly Descriptor[]> {
  const names = await readdir(join(folder, "blobs", "sha256"));
  if (names.length > maxLooseBlobs)
    throw ociError("OCI_TOO_MANY", { checked: "blobs of the layout", expected: `at most ${maxLooseBlobs}` });
  const found: Descriptor[] = [];
  let read = 0;
  for (const name of names.toSorted()) {
    const digest = `sha256:${name}` as Digest;
    const path = digestPath(folder, digest);
    const length = path === undefined ? undefined : await lengthOf(path);
    if (path === undefined || length === undefined || length > maxManifestBytes) continue;
    if ((read += length) > maxLooseBytes)
      throw ociError("OCI_TOO_MANY", { checked: "blobs of the layout", expected: `at most ${maxLooseBytes} bytes` });
    const bytes = await readFile(path);
    const manifest = attemptParse(bytes);
    if (manifest?.subject?.digest === subject) found.push(entryOf({ digest, bytes, manifest }));
  }
  return found;
}

function attemptParse(bytes: Uint8Array): Manifest | undefined {
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

/** What cannot be read as a manifest speaks about nothing. */
async function attemptManifest(folder: string, { digest }: Descriptor): Promise<Manifest | undefined> {
  try {
    const bytes = await readIfThere(blobPath(folder, digest), maxManifestBytes);
    return bytes && parseManifest(bytes);
  } catch (error) {
    if (error instanceof TrustError) return undefined;
    throw error;
  }
}

async function readIndex(folder: string): Promise<readonly Descriptor[]> {
  const bytes = await readIfThere(join(folder, "index.json"), maxManifestBytes);
  if (bytes === undefined)
    throw ociError("OCI_LAYOUT_MALFORMED", { checked: quote(folder), expected: "index.json", got: "none" });
  const reader = readObject(parseJson(bytes, { maxBytes: maxManifestBytes, maxDepth: 32 }), "index.json", malformed);
  return reader
    .array("manifests", maxIndexEntries)
    .map((each, index) => readDescriptor(each, `index.json manifests[${index}]`));
}

function namedEntry({ digest, bytes, manifest }: FetchedManifest, tag: string | undefined): Descriptor {
  const annotations = new Map<string, string>(tag === undefined ? [] : [[refName, tag]]);
  return { mediaType: manifest.mediaType, digest, size: bytes.length, annotations };
}

/** Entries of the same name are replaced, those of the same digest kept once. */
async function addEntries(folder: string, added: readonly Descriptor[]): Promise<void> {
  const names = new Set(added.flatMap(({ annotations }) => annotations.get(refName) ?? []));
  const isReplaced = (old: Descriptor): boolean =>
    names.has(old.annotations.get(refName) ?? "") ||
    added.some(
      (entry) => entry.digest === old.digest && entry.annotations.get(refName) === old.annotations.get(refName),
    );
  const kept = (await readIndex(folder)).filter((old) => !isReplaced(old));
  await writeIndex(folder, [...kept, ...added]);
}

async function writeIndex(folder: string, manifests: readonly Descriptor[]): Promise<void> {
  const bytes = formatManifest({
    schemaVersion: 2,
    mediaType: ociIndexType,
    manifests: manifests.map(formatDescriptor),
  });
  await writeWhole(join(folder, "index.json"), bytes);
}

function blobPath(folder: string, digest: Digest): string {
  return join(folder, "blobs", ...digest.split(":"));
}

/** Only what is a digest is ever a path. */
function digestPath(folder: string, text: string): string | undefined {
  return /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text) ? blobPath(folder, text as Digest) : undefined;
}

/** Of a plain file; when writing, a link is none. */
async function lengthOf(path: string, look: typeof lstat = lstat): Promise<number | undefined> {
  try {
    const found = await look(path);
    return found.isFile() ? found.size : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw diskError(error, path);
  }
}

async function readIfThere(path: string, maxBytes = maxManifestBytes): Promise<Uint8Array | undefined> {
  try {
    const found = await stat(path);
    // A pipe or a device would give no end.
    if (!found.isFile()) throw ociError("OCI_LAYOUT_MALFORMED", { checked: quote(path), expected: "a plain file" });
    if (found.size > maxBytes)
      throw ociError("OCI_TOO_LARGE", { checked: quote(path), expected: `at most ${maxBytes} bytes` });
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw diskError(error, path);
  }
}

// oxlint-disable-next-line typescript/require-await -- a stream
async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  await writeStream(path, once(bytes));
}

async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (error) {
    throw diskError(error, path);
  }
}

/** Under another name until all of it is there and on the disk. */
async function writeStream(path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  try {
    await makeFolder(dirname(path));
    const file = await open(temporary, "w");
    try {
      for await (const chunk of content) await file.write(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw diskError(error, path);
  }
}

function diskError(error: unknown, path: string): unknown {
  if (error instanceof TrustError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  return code === undefined ? error : ociError("OCI_LAYOUT_DISK", { checked: quote(path), got: code });
}
