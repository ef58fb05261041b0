import { utf8, type Digest } from "@countersign/core";
import {
  attachBundle,
  attachLayer,
  descriptorOf,
  findEvidence,
  formatManifest,
  ociIndexType,
  ociManifestType,
  putManifest,
  Registry,
  type OciHttp,
  type Repository,
} from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

export const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
export const open = (http: OciHttp = makeOciHttp()): Registry => new Registry({ http, sleep: async () => {} });
export let folder = "";
export let source: TestRegistry;
export let repository: Repository;
export let root: Digest;
export let children: readonly Digest[] = [];

/** An index of two images with evidence at a registry, and a folder, for the tests of a file. */
export function useCopySource(): void {
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "countersign-copy-"));
    source = await startRegistry();
    repository = { registry: source.host, repository: "team/app" };
    children = [await pushImage(open(), repository, "amd64"), await pushImage(open(), repository, "arm64")];
    const manifests = await Promise.all(
      children.map(async (digest, index) => {
        const { bytes } = await open().manifest({ ...repository, digest });
        return {
          mediaType: ociManifestType,
          digest,
          size: bytes.length,
          platform: { os: "linux", architecture: index === 0 ? "amd64" : "arm64" },
        };
      }),
    );
    const index = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests });
    ({ digest: root } = await putManifest(open(), repository, index, { mediaType: ociIndexType, tag: "1.0" }));
    await attach(root, '{"of":"index"}');
    await attach(children[1] as Digest, '{"of":"arm64"}');
    await attachLayer(open(), repository, {
      digest: root,
      kind: "sig",
      bytes: utf8("payload"),
      annotations: new Map([["a", "b"]]),
    });
  });
  afterAll(async () => {
    await source.close();
    await rm(folder, { recursive: true, force: true });
  });
}

async function attach(digest: Digest, text: string): Promise<Digest> {
  const subject = descriptorOf(await open().manifest({ ...repository, digest }));
  const attachment = {
    subject,
    bundle: utf8(text),
    content: "dsse-envelope",
    created: "2026-01-01T00:00:00Z",
  } as const;
  return (await attachBundle(open(), repository, attachment, { random: () => 0 })).digest;
}

export async function evidenceIn(registry: Registry, place: Repository, digest: Digest): Promise<readonly string[]> {
  const found = await findEvidence(registry, { repository: place, digest, wanted: "all" });
  expect(found.problems).toEqual([]);
  return found.evidence.map(({ layout, bytes }) => `${layout} ${new TextDecoder().decode(bytes)}`).toSorted();
}

export async function expectWhole(registry: Registry, place: Repository): Promise<void> {
  expect((await registry.manifest({ ...place, tag: "2.0" })).digest).toBe(root);
  expect(await evidenceIn(registry, place, root)).toEqual(['bundle {"of":"index"}', "sig-tag payload"]);
  expect(await evidenceIn(registry, place, children[1] as Digest)).toEqual(['bundle {"of":"arm64"}']);
  const { manifest } = await registry.manifest({ ...place, digest: children[0] as Digest });
  if (manifest.kind !== "image") throw new Error("an image");
  for (const blob of [manifest.config, ...manifest.layers]) await registry.blob(place, blob);
}
