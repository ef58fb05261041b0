import { digestOf, utf8, type Digest } from "@countersign/core";
import {
  formatManifest,
  ociManifestType,
  pushBlob,
  putManifest,
  type Registry,
  type Repository,
} from "@countersign/oci";

/** Pushes an image of one layer; its manifest's digest. */
export async function pushImage(
  registry: Registry,
  repository: Repository,
  text: string,
  tag?: string,
): Promise<Digest> {
  const layer = utf8(text);
  const config = utf8(`{"architecture":"amd64","os":"linux","note":${JSON.stringify(text)}}`);
  const describe = (bytes: Uint8Array, mediaType: string) => ({
    mediaType,
    digest: digestOf("sha256", bytes),
    size: bytes.length,
  });
  const parts = [
    describe(config, "application/vnd.oci.image.config.v1+json"),
    describe(layer, "application/vnd.oci.image.layer.v1.tar"),
  ] as const;
  await pushBlob(registry, repository, parts[0], config);
  await pushBlob(registry, repository, parts[1], layer);
  const manifest = formatManifest({
    schemaVersion: 2,
    mediaType: ociManifestType,
    config: parts[0],
    layers: [parts[1]],
  });
  const put = await putManifest(registry, repository, manifest, {
    mediaType: ociManifestType,
    ...(tag !== undefined && { tag }),
  });
  return put.digest;
}
