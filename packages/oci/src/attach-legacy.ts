import { digestOf, quote, utf8, type Digest } from "@countersign/core";
import { tagKey, type Attached } from "./attach.ts";
import { formatDescriptor, type Descriptor } from "./descriptor.ts";
import { ociError } from "./errors.ts";
import { cosignTag } from "./find.ts";
import { formatManifest, ociManifestType } from "./manifest.ts";
import { pushBlob, putManifest } from "./push.ts";
import { tagReference } from "./reference.ts";
import type { Registry, Repository } from "./registry.ts";

/** A layer for cosign's older tags. */
export interface LegacyLayer {
  /** The image it is about. */
  readonly digest: Digest;
  readonly kind: "sig" | "att";
  readonly bytes: Uint8Array;
  readonly annotations: ReadonlyMap<string, string>;
}

const legacyTypes = {
  sig: "application/vnd.dev.cosign.simplesigning.v1+json",
  att: "application/vnd.dsse.envelope.v1+json",
} as const;

/**
 * Adds a layer to cosign's tag `sha256-….sig` or `.att`, beside those that are there, and reads the tag back. Registries
 * have no way to do this safely beside another writer: one of two may be lost, and the read back tells which.
 * Throws OCI_TAG_OCCUPIED, OCI_TAG_CONTESTED.
 */
export async function attachLayer(registry: Registry, repository: Repository, layer: LegacyLayer): Promise<Attached> {
  const tag = cosignTag(layer.digest, layer.kind);
  return await registry.inTurn(tagKey(repository, layer.digest), async () => {
    const entry: Descriptor = {
      mediaType: legacyTypes[layer.kind],
      digest: digestOf("sha256", layer.bytes),
      size: layer.bytes.length,
      annotations: layer.annotations,
    };
    await pushBlob(registry, repository, entry, layer.bytes);
    const layers = [...(await legacyLayers(registry, repository, tag)), entry];
    const config = utf8(
      JSON.stringify({
        architecture: "",
        os: "",
        config: {},
        rootfs: { type: "layers", diff_ids: layers.map((each) => each.digest) },
      }),
    );
    const configEntry = {
      mediaType: "application/vnd.oci.image.config.v1+json",
      digest: digestOf("sha256", config),
      size: config.length,
    };
    await pushBlob(registry, repository, configEntry, config);
    const manifest = formatManifest({
      schemaVersion: 2,
      mediaType: ociManifestType,
      config: configEntry,
      layers: layers.map(formatDescriptor),
    });
    const { digest } = await putManifest(registry, repository, manifest, { mediaType: ociManifestType, tag });
    const kept = await legacyLayers(registry, repository, tag);
    if (!kept.some((each) => isSameLayer(each, entry))) throw ociError("OCI_TAG_CONTESTED", { checked: `tag ${tag}` });
    return { digest, listedBy: "tag", writes: 1, pruned: [] };
  });
}

async function legacyLayers(registry: Registry, repository: Repository, tag: string): Promise<readonly Descriptor[]> {
  const found = await registry.findManifest(tagReference(repository, tag));
  if (found === undefined) return [];
  if (found.manifest.kind !== "image")
    throw ociError("OCI_TAG_OCCUPIED", { checked: `tag ${tag}`, got: quote(found.manifest.mediaType) });
  return found.manifest.layers;
}

/** Two signatures of one payload differ in their annotations alone. */
function isSameLayer(a: Descriptor, b: Descriptor): boolean {
  return a.digest === b.digest && JSON.stringify(formatDescriptor(a)) === JSON.stringify(formatDescriptor(b));
}
