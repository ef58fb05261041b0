import { digestOf, quote, TrustError, utf8, type Digest, type Json } from "@countersign/core";
import { formatDescriptor, type Descriptor } from "./descriptor.ts";
import { ociError } from "./errors.ts";
import { formatManifest, ociIndexType, ociManifestType } from "./manifest.ts";
import { deleteManifest, pushBlob, putManifest } from "./push.ts";
import { pinReference, tagReference } from "./reference.ts";
import { fallbackTag, maxReferrers } from "./referrers.ts";
import { discard } from "./send.ts";
import type { FetchedManifest, Registry, Repository } from "./registry.ts";

/** The media type, and its version, of the bundles that are attached. */
export const bundleMediaType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const emptyJson: Uint8Array = utf8("{}");
/** image-spec, "Guidance for an empty descriptor". */
const emptyConfig = { mediaType: "application/vnd.oci.empty.v1+json", digest: digestOf("sha256", emptyJson), size: 2 };

/** A bundle to be attached to an image. */
export interface Attachment {
  readonly subject: Descriptor;
  readonly bundle: Uint8Array;
  /** What the bundle holds, for those who choose by annotations; nobody may believe it. */
  readonly content: "dsse-envelope" | "message-signature";
  readonly predicateType?: string;
  /** RFC 3339. */
  readonly created: string;
}

/** What became of an attachment. */
export interface Attached {
  readonly digest: Digest;
  /** How others find it: by the registry's own list, or by the tag that stands in for one. */
  readonly listedBy: "api" | "tag";
  /** How often the tag had to be written until the entry stayed. */
  readonly writes: number;
  /** Entries that were taken out of the tag because their manifests are gone. */
  readonly pruned: readonly Digest[];
}

/** How often the fallback tag is written at most until an entry stays in it. */
export const maxTagWrites: number = 12;
/** The longest random wait before the tag is read again, in milliseconds; it grows with each write. */
export const settleMs: number = 80;

/** What attaching needs besides the registry. */
export interface AttachWorld {
  /** From 0 up to, but not including, 1. */
  readonly random: () => number;
}

/**
 * Stores a bundle as a referrer of its subject: blobs, manifest, then the list (cosign 3's and GitHub's layout). Where the
 * registry keeps no list, the fallback tag is read, extended, written, and read again after a random wait, until the entry
 * is found there twice in a row. A registry that ignores If-Match can still lose it to a writer that comes later.
 */
export async function attachBundle(
  registry: Registry,
  repository: Repository,
  attachment: Attachment,
  world: AttachWorld,
): Promise<Attached> {
  const bytes = formatManifest(bundleManifest(attachment));
  const layer = { digest: digestOf("sha256", attachment.bundle), size: attachment.bundle.length };
  await pushBlob(registry, repository, emptyConfig, emptyJson);
  await pushBlob(registry, repository, layer, attachment.bundle);
  const { digest, isSubjectListed } = await putManifest(registry, repository, bytes, { mediaType: ociManifestType });
  const entry: Descriptor = {
    mediaType: ociManifestType,
    digest,
    size: bytes.length,
    artifactType: bundleMediaType,
    annotations: annotationsOf(attachment),
  };
  // ECR says OCI-Subject without having the list.
  if (isSubjectListed && (await hasList(registry, repository, attachment.subject.digest)))
    return { digest, listedBy: "api", writes: 0, pruned: [] };
  const subject = attachment.subject.digest;
  const { writes, pruned } = await registry.inTurn(tagKey(repository, subject), () =>
    enterIntoTag(registry, repository, { subject, entry }, world),
  );
  return { digest, listedBy: "tag", writes, pruned };
}

function bundleManifest(attachment: Attachment): Json {
  return {
    schemaVersion: 2,
    mediaType: ociManifestType,
    artifactType: bundleMediaType,
    // cosign clean finds bundles by this member of the config.
    config: { ...emptyConfig, artifactType: bundleMediaType },
    layers: [
      {
        mediaType: bundleMediaType,
        digest: digestOf("sha256", attachment.bundle),
        size: attachment.bundle.length,
      },
    ],
    subject: formatDescriptor({ ...bare(attachment.subject), annotations: new Map() }),
    annotations: Object.fromEntries(annotationsOf(attachment)),
  };
}

function bare({ mediaType, digest, size }: Descriptor): Pick<Descriptor, "mediaType" | "digest" | "size"> {
  return { mediaType, digest, size };
}

function annotationsOf({ created, content, predicateType }: Attachment): ReadonlyMap<string, string> {
  return new Map([
    ["org.opencontainers.image.created", created],
    ["dev.sigstore.bundle.content", content],
    ...(predicateType === undefined ? [] : ([["dev.sigstore.bundle.predicateType", predicateType]] as const)),
  ]);
}

async function hasList(registry: Registry, repository: Repository, digest: Digest): Promise<boolean> {
  const path = `/referrers/${digest}`;
  const response = await registry.ask({ method: "GET", repository, path, headers: { accept: ociIndexType } });
  await discard(response);
  return response.status === 200;
}

/** What one writer at a time works on. */
export function tagKey({ registry, repository }: Repository, subject: Digest): string {
  return `${registry}/${repository} ${subject}`;
}

interface TagEntry {
  readonly subject: Digest;
  readonly entry: Descriptor;
}

async function enterIntoTag(
  registry: Registry,
  repository: Repository,
  { subject, entry }: TagEntry,
  { random }: AttachWorld,
): Promise<{ readonly writes: number; readonly pruned: readonly Digest[] }> {
  const tag = fallbackTag(subject);
  const pruned: Digest[] = [];
  let writes = 0;
  let seen = 0;
  for (;;) {
    const current = await readTag(registry, repository, { tag, subject });
    if (current.some((each) => each.digest === entry.digest)) {
      if (++seen === 2 || writes === 0) return { writes, pruned };
    } else {
      if (writes === maxTagWrites)
        throw ociError("OCI_TAG_CONTESTED", { checked: `tag ${tag}`, expected: `${maxTagWrites} writes` });
      seen = 0;
      pruned.push(...(await writeTag(registry, repository, tag, [...current, entry])));
      writes++;
    }
    await registry.sleep(Math.floor(random() * settleMs * Math.min(writes, 8)));
  }
}

/** What the tag lists now; empty if there is none. Throws OCI_TAG_OCCUPIED where it is something else. */
async function readTag(
  registry: Registry,
  repository: Repository,
  { tag, subject }: { readonly tag: string; readonly subject: Digest },
): Promise<readonly Descriptor[]> {
  const found = await registry.findManifest(tagReference(repository, tag));
  if (found === undefined || found.digest === subject) return [];
  if (found.manifest.kind !== "index")
    throw ociError("OCI_TAG_OCCUPIED", { checked: `tag ${tag}`, got: quote(found.manifest.mediaType) });
  return found.manifest.manifests;
}

/** Writes the tag; where the registry refuses because listed manifests are gone, without those. Returns what was left out. */
async function writeTag(
  registry: Registry,
  repository: Repository,
  tag: string,
  entries: readonly Descriptor[],
): Promise<readonly Digest[]> {
  if (entries.length > maxReferrers)
    throw ociError("OCI_TOO_MANY", {
      checked: `tag ${tag}`,
      expected: `at most ${maxReferrers}`,
      got: `${entries.length}`,
    });
  try {
    await putManifest(registry, repository, indexOf(entries), { mediaType: ociIndexType, tag });
    return [];
  } catch (error) {
    if (!(error instanceof TrustError) || error.code !== "OCI_REGISTRY_REFUSED") throw error;
    const there = await Promise.all(entries.map((each) => isThere(registry, repository, each)));
    const kept = entries.filter((_, index) => there[index]);
    if (kept.length === entries.length) throw error;
    await putManifest(registry, repository, indexOf(kept), { mediaType: ociIndexType, tag });
    return entries.filter((_, index) => !there[index]).map((each) => each.digest);
  }
}

function indexOf(entries: readonly Descriptor[]): Uint8Array {
  return formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: entries.map(formatDescriptor) });
}

async function isThere(registry: Registry, repository: Repository, { digest }: Descriptor): Promise<boolean> {
  return (await registry.findManifest(pinReference(repository, digest))) !== undefined;
}

/** The descriptor by which a fetched manifest is named as a subject. */
export function descriptorOf({ digest, bytes, manifest }: FetchedManifest): Descriptor {
  return { mediaType: manifest.mediaType, digest, size: bytes.length, annotations: new Map() };
}

/** The entry that a list holds for a referrer (distribution-spec, "Pushing Manifests with Subject"). */
export function entryOf({ digest, bytes, manifest }: FetchedManifest): Descriptor {
  const { mediaType, artifactType, annotations } = manifest;
  return { mediaType, digest, size: bytes.length, ...(artifactType !== undefined && { artifactType }), annotations };
}

/** Enters manifests into a fallback tag beside those that it lists; what it lists and is gone goes. */
export async function mergeTag(
  registry: Registry,
  repository: Repository,
  subject: Digest,
  entries: readonly Descriptor[],
): Promise<void> {
  const tag = fallbackTag(subject);
  await registry.inTurn(tagKey(repository, subject), async () => {
    const listed = await readTag(registry, repository, { tag, subject });
    const added = entries.filter((entry) => !listed.some(({ digest }) => digest === entry.digest));
    if (added.length > 0) await writeTag(registry, repository, tag, [...listed, ...added]);
  });
}

/**
 * Rebuilds a fallback tag from the manifests that exist and speak about the subject: those it lists, and those the caller
 * knows of besides. Returns what it lists now and what was left out.
 */
export async function repairTag(
  registry: Registry,
  repository: Repository,
  subject: Digest,
  known: readonly Digest[] = [],
): Promise<{ readonly entries: readonly Descriptor[]; readonly dropped: readonly Digest[] }> {
  const tag = fallbackTag(subject);
  const listed = await readTag(registry, repository, { tag, subject });
  const digests = [...new Set([...listed.map((each) => each.digest), ...known])];
  const found = await Promise.all(digests.map((digest) => registry.findManifest(pinReference(repository, digest))));
  const entries = found.flatMap((each) =>
    each?.manifest.kind === "image" && each.manifest.subject?.digest === subject ? [entryOf(each)] : [],
  );
  const kept = new Set(entries.map((each) => each.digest));
  if (entries.length > 0) await putManifest(registry, repository, indexOf(entries), { mediaType: ociIndexType, tag });
  return { entries, dropped: digests.filter((digest) => !kept.has(digest)) };
}

/** Removes a referrer: from the fallback tag first, so that the tag never lists what is gone. False if it was not there. */
export async function removeReferrer(
  registry: Registry,
  repository: Repository,
  { subject, digest }: { readonly subject: Digest; readonly digest: Digest },
): Promise<boolean> {
  const tag = fallbackTag(subject);
  const listed = await readTag(registry, repository, { tag, subject });
  const kept = listed.filter((each) => each.digest !== digest);
  if (kept.length < listed.length)
    await putManifest(registry, repository, indexOf(kept), { mediaType: ociIndexType, tag });
  // zot takes away what an index that is written over listed, so that nothing may be left to delete.
  return (await deleteManifest(registry, repository, digest)) || kept.length < listed.length;
}
