import { type Digest } from "@countersign/core";
import { ociError } from "./errors.ts";
import { cosignTag } from "./find.ts";
import { listReferrers } from "./referrers.ts";
import { pinReference, tagReference, type Reference } from "./reference.ts";
import type { Descriptor } from "./descriptor.ts";
import type { FetchedManifest, Registry, Repository } from "./registry.ts";

/** Where an image is copied to. Everything may be done twice: what is there already stays. */
export interface CopyTarget {
  /** Stores a blob unless it is there; `read` is called only if its content is needed. */
  putBlob(blob: Descriptor, read: () => Promise<AsyncIterable<Uint8Array>>): Promise<boolean>;
  putManifest(manifest: FetchedManifest, tag?: string): Promise<void>;
  /** Makes the image known as what was copied: under a tag, or by its digest alone. */
  putRoot(manifest: FetchedManifest, tag?: string): Promise<void>;
  /** Makes sure that these manifests are found as referrers of `subject`. */
  listReferrers(subject: Digest, referrers: readonly FetchedManifest[]): Promise<void>;
}

/** What goes along. */
export interface CopyOptions {
  /** The tag that the root gets; none unless given. */
  readonly tag?: string;
  /** Leaves signatures, attestations and other referrers behind. */
  readonly withoutEvidence?: true;
}

/** What was copied. */
export interface Copied {
  readonly digest: Digest;
  readonly manifests: number;
  /** Blobs that had to be sent; the others were there. */
  readonly blobs: number;
  /** Signatures, attestations and other referrers, and cosign's older tags. */
  readonly evidence: number;
}

/** The most manifests of one copy. */
export const maxCopiedManifests: number = 2000;
/** How deep referrers of referrers are followed, and indexes in indexes. */
export const maxCopyDepth: number = 4;

/**
 * Copies an image with all that its index names and all evidence beside any of it, in every layout. Each manifest goes after
 * what it names, evidence after its subject, and the tag last: a copy that stops half way leaves nothing that points to
 * what is missing, and is taken up again by another copy. Nothing is verified but that bytes are those of their digests.
 */
export async function copyImage(
  source: Registry,
  from: Reference,
  target: CopyTarget,
  options: CopyOptions = {},
): Promise<Copied> {
  const root = await source.manifest(from);
  const copy: Copy = { source, from, target, done: new Map(), counts: { blobs: 0, evidence: 0 } };
  await copyTree(copy, root, 1);
  // The list grows while evidence is copied, which has been looked into by then.
  const images = options.withoutEvidence === true ? [] : Array.from(copy.done.keys());
  for (const digest of images) await copyEvidence(copy, digest, 1);
  await target.putRoot(root, options.tag);
  return { digest: root.digest, manifests: copy.done.size, ...copy.counts };
}

interface Copy {
  readonly source: Registry;
  readonly from: Repository;
  readonly target: CopyTarget;
  readonly done: Map<Digest, FetchedManifest>;
  readonly counts: { blobs: number; evidence: number };
}

async function copyTree(copy: Copy, fetched: FetchedManifest, depth: number): Promise<void> {
  const { digest, manifest } = fetched;
  if (copy.done.has(digest)) return;
  if (depth > maxCopyDepth)
    throw ociError("OCI_TOO_MANY", { checked: "indexes in indexes", expected: `at most ${maxCopyDepth}` });
  if (copy.done.size >= maxCopiedManifests)
    throw ociError("OCI_TOO_MANY", { checked: "manifests", expected: `at most ${maxCopiedManifests}` });
  if (manifest.kind === "image")
    await Promise.all(uniqueBlobs([manifest.config, ...manifest.layers]).map((blob) => copyBlob(copy, blob)));
  else
    for (const entry of manifest.manifests)
      await copyTree(copy, await copy.source.manifest(pinReference(copy.from, entry.digest)), depth + 1);
  await copy.target.putManifest(fetched);
  copy.done.set(digest, fetched);
}

function uniqueBlobs(blobs: readonly Descriptor[]): readonly Descriptor[] {
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

async function copyBlob({ source, from, target, counts }: Copy, blob: Descriptor): Promise<void> {
  const isSent = await target.putBlob(blob, () => source.blobStream(from, blob));
  if (isSent) counts.blobs++;
}

/** The referrers and cosign's tags of one digest, and what speaks about those. A source that cannot list stops the copy. */
async function copyEvidence(copy: Copy, subject: Digest, depth: number): Promise<void> {
  const { source, from, target } = copy;
  const { entries, problems } = await listReferrers(source, from, subject);
  const [problem] = problems;
  if (problem !== undefined) throw problem;
  const referrers: FetchedManifest[] = [];
  for (const entry of entries) {
    const fetched = await source.findManifest(pinReference(from, entry.digest));
    if (fetched?.manifest.subject?.digest !== subject) continue;
    await copyTree(copy, fetched, 1);
    referrers.push(fetched);
    copy.counts.evidence++;
    if (depth < maxCopyDepth) await copyEvidence(copy, entry.digest, depth + 1);
  }
  if (referrers.length > 0) await target.listReferrers(subject, referrers);
  for (const suffix of ["sig", "att", "sbom"] as const) {
    const tag = cosignTag(subject, suffix);
    const fetched = await source.findManifest(tagReference(from, tag));
    if (fetched === undefined) continue;
    await copyTree(copy, fetched, 1);
    await target.putManifest(fetched, tag);
    copy.counts.evidence++;
  }
}
