import { type Digest } from "@countersign/core";
import {
  copyImage,
  findEvidence,
  maxManifestBytes,
  ociManifestType,
  registryTarget,
  type Repository,
} from "@countersign/oci";
import { layoutHttp, layoutOnly, layoutTarget, maxLooseBlobs, maxLooseBytes } from "@countersign/oci/node";
import { linkSync } from "node:fs";
import { open as openFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  code,
  open,
  folder,
  source,
  repository,
  root,
  children,
  evidenceIn,
  useCopySource,
} from "./copy-stage.contract.ts";

useCopySource();

describe("layouts as cosign writes and reads them", () => {
  const kind = (name: string): object => ({ kind: `dev.cosignproject.cosign/${name}` });
  const any: Repository = { registry: "anything.invalid", repository: "any/name" };
  interface Entry {
    digest: string;
    annotations?: Record<string, string>;
  }
  const entriesOf = async (layout: string): Promise<Entry[]> =>
    (JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as { manifests: Entry[] }).manifests;

  /** As `cosign save` leaves a folder: no names, the older signatures by kind, and bundles among the blobs, listed nowhere. */
  async function makeTheirs(name: string, more: readonly object[] = []): Promise<string> {
    const layout = join(folder, name);
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout));
    const entries = await entriesOf(layout);
    const rooted = entries
      .filter(({ digest }) => digest === root)
      .map((each) => ({ ...each, annotations: kind("imageIndex") }));
    const signed = entries
      .filter(({ annotations }) => annotations?.["org.opencontainers.image.ref.name"]?.endsWith(".sig") === true)
      .map((each) => ({ ...each, annotations: kind("sigs") }));
    const index = { schemaVersion: 2, manifests: [...rooted, ...signed, ...more] };
    await writeFile(join(layout, "index.json"), JSON.stringify(index));
    return layout;
  }

  test("what we save is marked for it: one image, and the signatures and attestations of that", async () => {
    const layout = join(folder, "marked");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    const marks = async (): Promise<object> =>
      Object.fromEntries(
        (await entriesOf(layout)).flatMap((each) =>
          each.annotations?.["kind"] === undefined
            ? []
            : [
                [
                  each.digest === root ? "root" : each.digest === children[0] ? "child" : "sig",
                  each.annotations["kind"],
                ],
              ],
        ),
      );
    expect(await marks()).toEqual({
      root: "dev.cosignproject.cosign/imageIndex",
      sig: "dev.cosignproject.cosign/sigs",
    });
    await copyImage(open(), { ...repository, digest: children[0] as Digest }, await layoutTarget(layout));
    expect(await marks()).toEqual({ child: "dev.cosignproject.cosign/image" });
  });

  test("what it saves is found: older signatures by their kind, bundles among the blobs", async () => {
    const layout = await makeTheirs("theirs");
    expect(await evidenceIn(open(layoutHttp(layout)), any, root)).toEqual(['bundle {"of":"index"}', "sig-tag payload"]);
    expect(await evidenceIn(open(layoutHttp(layout)), any, children[1] as Digest)).toEqual([]);
    expect(await layoutOnly(layout)).toBe(root);
    const place: Repository = { registry: source.host, repository: "theirs/app" };
    const copied = await copyImage(open(layoutHttp(layout)), { ...any, digest: root }, registryTarget(open(), place), {
      tag: "1",
    });
    expect(copied.evidence).toBe(2);
    expect(await evidenceIn(open(), place, root)).toEqual(['bundle {"of":"index"}', "sig-tag payload"]);
  });

  test("two entries of one kind are nobody's, and a folder full of blobs is not looked through", async () => {
    const other = { mediaType: ociManifestType, digest: children[0], size: 1, annotations: kind("sigs") };
    const twice = await makeTheirs("twice-kind", [other]);
    expect(await evidenceIn(open(layoutHttp(twice)), any, root)).toEqual(['bundle {"of":"index"}']);
    const full = await makeTheirs("full");
    const nameOf = (layout: string, n: number): string =>
      join(layout, "blobs", "sha256", n.toString(16).padStart(64, "0"));
    await writeFile(nameOf(full, 0), "{}");
    // Many names of one file are made sooner than many files.
    for (let n = 1; n < maxLooseBlobs; n++) linkSync(nameOf(full, 0), nameOf(full, n));
    const large = await makeTheirs("large");
    const holes = await Promise.all(
      Array.from({ length: maxLooseBytes / maxManifestBytes }, (_, n) => openFile(nameOf(large, n), "w")),
    );
    for (const file of holes) {
      await file.truncate(maxManifestBytes);
      await file.close();
    }
    for (const layout of [full, large]) {
      const found = await findEvidence(open(layoutHttp(layout)), { repository: any, digest: root, wanted: "all" });
      expect(found.problems).toEqual([code("OCI_TOO_MANY")]);
    }
  });
});
