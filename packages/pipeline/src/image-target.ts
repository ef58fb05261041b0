import { parseJson, quote, readObject, type Detail, type Digest, type TrustError } from "@countersign/core";
import {
  choosePlatforms,
  formatPlatform,
  isForPlatform,
  maxManifestBytes,
  maxPlatforms,
  ociError,
  pinReference,
  type Descriptor,
  type FetchedManifest,
  type ImageManifest,
  type Platform,
  type PlatformChoice,
  type Reference,
  type Registry,
  type Repository,
} from "@countersign/oci";
import type { ImageQuestion, Target } from "./image.ts";

/** How deep indexes may lie in indexes. */
export const maxIndexDepth: number = 4;

/** The digest that a reference names now, and after it those of the platforms that were asked for, each once. */
export async function findTargets(
  registry: Registry,
  question: ImageQuestion,
): Promise<readonly [Target, ...Target[]]> {
  const { reference, platforms = "root" } = question;
  const root = await registry.manifest(fetchedAs(question));
  const home: Home = { registry, repository: question.fetchFrom ?? reference };
  if (platforms === "root") return [{ digest: root.digest }];
  if (root.manifest.kind === "image") {
    if (platforms !== "all") await checkPlatform(home, root.manifest, platforms);
    return [{ digest: root.digest }];
  }
  const found: Found = { images: new Map(), indexes: new Set([root.digest]) };
  await collect(home, { fetched: root, platforms, depth: 1 }, found);
  return [{ digest: root.digest }, ...found.images.values()];
}

/** The same tag or digest, in the repository that it is fetched from. */
function fetchedAs({ reference, fetchFrom = reference }: ImageQuestion): Reference {
  const { registry, repository } = fetchFrom;
  return { ...reference, registry, repository };
}

interface Home {
  readonly registry: Registry;
  readonly repository: Repository;
}

interface Level {
  readonly fetched: FetchedManifest;
  readonly platforms: PlatformChoice;
  readonly depth: number;
}

/** What was come across so far: nothing is fetched or judged twice, however often it is listed. */
interface Found {
  readonly images: Map<Digest, Target>;
  readonly indexes: Set<Digest>;
}

/** Only the outermost index has to know each platform that was asked for. */
async function collect(home: Home, { fetched, platforms, depth }: Level, found: Found): Promise<void> {
  // Runtimes go by what a manifest is, whatever the entry says: an image that is called an index runs.
  if (fetched.manifest.kind !== "index")
    throw ociError("OCI_MANIFEST_TYPE", {
      checked: fetched.digest,
      expected: "an index, as its entry says",
      got: fetched.manifest.mediaType,
    });
  if (depth > maxIndexDepth)
    throw ociError("OCI_TOO_MANY", { checked: "indexes in indexes", expected: `at most ${maxIndexDepth}` });
  for (const entry of choosePlatforms(fetched.manifest, platforms)) {
    const { digest, platform } = entry;
    if (found.images.has(digest) || found.indexes.has(digest)) continue;
    if (found.images.size + found.indexes.size > maxPlatforms)
      throw ociError("OCI_TOO_MANY", { checked: "platforms", expected: `at most ${maxPlatforms}` });
    if (!isIndex(entry)) {
      found.images.set(digest, { digest, ...(platform && { platform }) });
      continue;
    }
    found.indexes.add(digest);
    const inner = await home.registry.manifest(pinReference(home.repository, digest));
    await collect(home, { fetched: inner, platforms: "all", depth: depth + 1 }, found);
  }
}

function isIndex({ mediaType }: Descriptor): boolean {
  return mediaType.endsWith("image.index.v1+json") || mediaType.endsWith("manifest.list.v2+json");
}

/** What a single image runs on is in its config (image-spec, "Image Configuration"). */
async function checkPlatform(
  { registry, repository }: Home,
  { config }: ImageManifest,
  wanted: readonly Platform[],
): Promise<void> {
  const bytes = await registry.blob(repository, config, maxManifestBytes);
  const reader = readObject(parseJson(bytes, { maxBytes: maxManifestBytes }), "image config", malformed);
  const variant = reader.optionalString("variant") ?? "";
  const own: Platform = {
    os: reader.string("os"),
    architecture: reader.string("architecture"),
    ...(variant !== "" && { variant }),
  };
  for (const platform of wanted) {
    if (isForPlatform(own, platform)) continue;
    const got = quote(formatPlatform(own));
    throw ociError("OCI_PLATFORM_MISSING", { expected: formatPlatform(platform), got });
  }
}

function malformed(detail: Detail): TrustError {
  return ociError("OCI_MANIFEST_MALFORMED", detail);
}
