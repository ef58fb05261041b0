import { cosignTag } from "./find.ts";
import type { Descriptor } from "./descriptor.ts";
import type { FetchedManifest } from "./registry.ts";

/** The annotation that names an entry of index.json (image-spec, "Image Layout"). */
export const refName = "org.opencontainers.image.ref.name";

/*
 * By the annotation `kind` and not by names cosign 3 knows what an entry of index.json is: the one image or index of the folder,
 * and its signatures and attestations of the older layout (pkg/oci/layout). It writes no names at all.
 */
const kind = "kind";
const kinds = {
  image: "dev.cosignproject.cosign/image",
  index: "dev.cosignproject.cosign/imageIndex",
  sig: "dev.cosignproject.cosign/sigs",
  att: "dev.cosignproject.cosign/atts",
} as const;
const allKinds: ReadonlySet<string> = new Set(Object.values(kinds));

/** Whether the folder is about this digest, as cosign sees it. */
export function isCosignRoot(entries: readonly Descriptor[], digest: string): boolean {
  return entries.some(({ digest: own, annotations }) => {
    const its = annotations.get(kind);
    return own === digest && (its === kinds.image || its === kinds.index);
  });
}

/** The entry that has no name and holds what one of cosign's tags would name: `sha256-….sig` or `.att` of the folder's image. */
export function namedByKind(entries: readonly Descriptor[], tag: string): Descriptor | undefined {
  const [, hex, suffix] = /^sha256-([0-9a-f]{64})\.(sig|att)$/.exec(tag) ?? [];
  if (hex === undefined || !isCosignRoot(entries, `sha256:${hex}`)) return undefined;
  const [entry, ...others] = entries.filter(
    ({ annotations }) => annotations.get(kind) === kinds[suffix as "sig" | "att"] && !annotations.has(refName),
  );
  return others.length === 0 ? entry : undefined;
}

/** Marks one image, and what its tags name, for cosign, which sees one image in a folder: the one that was saved last. */
export function markForCosign(entries: readonly Descriptor[], { digest, manifest }: FetchedManifest): Descriptor[] {
  const [sig, att] = [cosignTag(digest, "sig"), cosignTag(digest, "att")];
  return entries.map((entry) => {
    const annotations = new Map(entry.annotations);
    if (allKinds.has(annotations.get(kind) ?? "")) annotations.delete(kind);
    const name = annotations.get(refName);
    if (entry.digest === digest) annotations.set(kind, kinds[manifest.kind]);
    else if (name === sig) annotations.set(kind, kinds.sig);
    else if (name === att) annotations.set(kind, kinds.att);
    return { ...entry, annotations };
  });
}
