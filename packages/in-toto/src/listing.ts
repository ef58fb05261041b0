import {
  digestBytes,
  digestName,
  digestOf,
  hash,
  hex,
  parseDigest,
  parseJson,
  quote,
  readObject,
  TrustError,
  type Digest,
  type Json,
  type ObjectReader,
} from "@countersign/core";
import type { Artifacts } from "./artifacts.ts";
import { inTotoError } from "./errors.ts";
import { formatHashes, type Hashes } from "./hashes.ts";
import type { Lister, Product } from "./inspection.ts";
import { checkArtifactPath } from "./name.ts";
import { parseTar, type TarEntry } from "./tar.ts";

/** The largest archive, manifest or layer that is listed, unpacked, in bytes. */
export const maxArchiveBytes: number = 1024 * 1024 * 1024;
/** The most manifests and the most layers of an image layout. */
export const maxImageBlobs = 1000;

/** What declarative inspections can look at, by the word behind `countersign:`. */
export const declarativeListers: ReadonlyMap<string, Lister> = new Map([
  ["archive", listArchive],
  ["dir", listDirectory],
  ["oci-layout", listImageLayout],
]);

/** The product's files below a directory, by their path in it; `.` is all of it. A directory that is not there has none. */
function listDirectory(product: Product, target: string): Artifacts {
  if (target === ".") return product.record();
  const prefix = `${checkArtifactPath(target.replace(/\/$/, ""))}/`;
  const below = [...product.record()].filter(([path]) => path.startsWith(prefix));
  return new Map(below.map(([path, hashes]) => [path.slice(prefix.length), hashes]));
}

/** The files in a tar archive, plain or gzip. */
function listArchive(product: Product, target: string): Artifacts {
  return listEntries(
    parseTar(product.read(checkArtifactPath(target), { maxBytes: maxArchiveBytes, isUnpacked: true })),
    "refuse-links",
  );
}

/**
 * Files by path. A path that comes twice, or that unpacking would write elsewhere, is refused; so are links where the
 * listing stands for the files that would be there, since what is behind one is not in the archive.
 */
function listEntries(entries: readonly TarEntry[], links: "refuse-links" | "skip-links"): Artifacts {
  const found = new Map<string, Hashes>();
  for (const entry of entries) {
    if (entry.kind === "directory") continue;
    if (entry.kind === "link" && links === "skip-links") continue;
    const path = checkArtifactPath(withoutDot(entry.path));
    if (entry.kind === "link") throw malformed("INTOTO_ARCHIVE_MALFORMED", quote(entry.path), "no symbolic links");
    const hashes =
      entry.kind === "file"
        ? formatHashes({ sha256: hex(hash("sha256", entry.content)) })
        : found.get(withoutDot(entry.target));
    if (hashes === undefined)
      throw malformed("INTOTO_ARCHIVE_MALFORMED", quote(entry.path), "hard links to files before them");
    if (found.has(path)) throw malformed("INTOTO_ARCHIVE_MALFORMED", quote(path), "each path once");
    found.set(path, hashes);
  }
  return found;
}

/** `tar -C dir .` writes `./` in front of every path. */
function withoutDot(path: string): string {
  return path.startsWith("./") ? path.slice(2) : path;
}

/**
 * The blobs of an OCI image layout that its index leads to, as `blobs/<algorithm>/<hex>`, each with the digest that names
 * it, and the files of every layer as `layers/<hex>/<path>`. Symbolic links of layers are passed over.
 */
function listImageLayout(product: Product, target: string): Artifacts {
  const base = checkArtifactPath(target.replace(/\/$/, ""));
  const found = new Map<string, Hashes>();
  readImage(() => {
    const marker = readJson(product.read(`${base}/oci-layout`, { maxBytes: maxManifestBytes }), "oci-layout");
    if (marker.string("imageLayoutVersion") !== "1.0.0")
      throw malformed("INTOTO_OCI_LAYOUT_MALFORMED", "oci-layout", "imageLayoutVersion 1.0.0");
    const pending = [
      ...readJson(product.read(`${base}/index.json`, { maxBytes: maxManifestBytes }), "index.json").array(
        "manifests",
        maxImageBlobs,
      ),
    ];
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const digest = descriptorOf(next);
      const path = `blobs/${digest.replace(":", "/")}`;
      if (found.has(path)) continue;
      const manifest = readJson(readBlob(product, base, digest, found), path);
      pending.push(...(manifest.optionalArray("manifests", maxImageBlobs) ?? []));
      if (manifest.has("config")) readBlob(product, base, descriptorOf(manifest.json("config")), found);
      for (const layer of manifest.optionalArray("layers", maxImageBlobs) ?? [])
        addLayer(product, base, descriptorOf(layer), found);
      if (found.size > maxLayoutEntries)
        throw inTotoError("INTOTO_TOO_LARGE", {
          checked: "image layout",
          expected: `at most ${maxLayoutEntries} files`,
        });
    }
  });
  return found;
}

const maxManifestBytes = 4 * 1024 * 1024;
const maxLayoutEntries = 1_000_000;

function addLayer(product: Product, base: string, digest: Digest, found: Map<string, Hashes>): void {
  const name = `blobs/${digest.replace(":", "/")}`;
  if (found.has(name)) return;
  readBlob(product, base, digest, found);
  const entries = parseTar(product.read(`${base}/${name}`, { maxBytes: maxArchiveBytes, isUnpacked: true }));
  for (const [path, hashes] of listEntries(entries, "skip-links"))
    found.set(`layers/${hex(digestBytes(digest))}/${path}`, hashes);
}

/** A blob whose content has the digest that names it. */
function readBlob(product: Product, base: string, digest: Digest, found: Map<string, Hashes>): Uint8Array {
  const path = `blobs/${digest.replace(":", "/")}`;
  const bytes = product.read(`${base}/${path}`, { maxBytes: maxArchiveBytes });
  if (digestOf(digestName(digest), bytes) !== digest)
    throw malformed("INTOTO_OCI_LAYOUT_MALFORMED", path, "the content that its name says");
  found.set(path, formatHashes({ [digestName(digest)]: hex(digestBytes(digest)) }));
  return bytes;
}

function descriptorOf(value: Json): Digest {
  return parseDigest(
    readObject(value, "descriptor", (detail) => inTotoError("INTOTO_OCI_LAYOUT_MALFORMED", detail)).string("digest"),
  );
}

function readJson(bytes: Uint8Array, at: string): ObjectReader {
  return readObject(parseJson(bytes), at, (detail) => inTotoError("INTOTO_OCI_LAYOUT_MALFORMED", detail));
}

/** Errors of core say nothing of what was read. */
function readImage(read: () => void): void {
  try {
    read();
  } catch (error) {
    if (!(error instanceof TrustError) || !error.code.startsWith("CORE_")) throw error;
    throw inTotoError("INTOTO_OCI_LAYOUT_MALFORMED", error.message, error);
  }
}

function malformed(
  code: "INTOTO_ARCHIVE_MALFORMED" | "INTOTO_OCI_LAYOUT_MALFORMED",
  checked: string,
  expected: string,
): TrustError {
  return inTotoError(code, { checked, expected });
}
