import { digestOf, generateSigner, makeVerifier, utf8, type Digest } from "@countersign/core";
import {
  attachBundle,
  copyImage,
  descriptorOf,
  fallbackTag,
  listReferrers,
  maxCopyDepth,
  ociManifestType,
  Registry,
  registryTarget,
  type Repository,
} from "@countersign/oci";
import { layoutHttp, layoutTags, layoutTarget } from "@countersign/oci/node";
import { inspectImage, loadTrust, makeHttp, signImage } from "@countersign/pipeline";
import { mkdir, readdir, readFile, rm, writeFile, rename, symlink } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasDockerRegistry, startDockerRegistry } from "./docker-registry.ts";
import { pushImage } from "./registry-sample.ts";
import { startRegistry } from "./registry.ts";
import {
  code,
  open,
  folder,
  source,
  repository,
  root,
  children,
  evidenceIn,
  expectWhole,
  useCopySource,
} from "./copy-stage.contract.ts";

useCopySource();

describe.each([
  { name: "another repository of the registry", start: undefined },
  { name: "a registry without a list of referrers", start: () => startRegistry({ referrers: 404 as const }) },
  { name: "Debian's docker-registry", start: startDockerRegistry },
])("copying to $name", ({ name, start }) => {
  const isMissing = name.startsWith("Debian") && !hasDockerRegistry();
  test.skipIf(isMissing)("takes everything along, twice if need be", async () => {
    const running = start === undefined ? undefined : await start();
    try {
      const place: Repository = { registry: running?.host ?? source.host, repository: "copy/app" };
      const registry = open();
      const target = registryTarget(registry, place, running === undefined ? repository.repository : undefined);
      const copied = await copyImage(registry, { ...repository, tag: "1.0" }, target, { tag: "2.0" });
      expect(copied).toMatchObject({ digest: root, evidence: 3 });
      await expectWhole(open(), place);
      expect((await copyImage(open(), { ...repository, tag: "1.0" }, target, { tag: "2.0" })).blobs).toBe(0);
      await expectWhole(open(), place);
      // What others attached at the target stays.
      const { bytes, manifest } = await open().manifest({ ...place, tag: "2.0" });
      const subject = descriptorOf({ digest: root, bytes, manifest });
      await attachBundle(
        open(),
        place,
        { subject, bundle: utf8("own"), content: "dsse-envelope", created: "2026-01-01T00:00:00Z" },
        { random: () => 0 },
      );
      await copyImage(open(), { ...repository, tag: "1.0" }, target);
      expect(await evidenceIn(open(), place, root)).toContain("bundle own");
    } finally {
      await running?.close();
    }
  });
});

test("without evidence only the image goes", async () => {
  const place: Repository = { registry: source.host, repository: "bare/app" };
  const copied = await copyImage(open(), { ...repository, tag: "1.0" }, registryTarget(open(), place), {
    tag: "2.0",
    withoutEvidence: true,
  });
  expect(copied.evidence).toBe(0);
  expect((await listReferrers(open(), place, root)).entries).toEqual([]);
});

describe("image layouts", () => {
  test("save, read without a socket, load elsewhere", async () => {
    const layout = join(folder, "layout");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    expect(JSON.parse(await readFile(join(layout, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
    expect(await layoutTags(layout)).toEqual(["2.0", `sha256-${root.slice(7)}.sig`]);
    await expectWhole(open(layoutHttp(layout)), { registry: "anything.invalid", repository: "any/name" });
    const files = await readdir(join(layout, "blobs", "sha256"));
    for (const file of files)
      expect(digestOf("sha256", await readFile(join(layout, "blobs", "sha256", file)))).toBe(`sha256:${file}`);
    const place: Repository = { registry: source.host, repository: "loaded/app" };
    await copyImage(
      open(layoutHttp(layout)),
      { registry: "x.invalid", repository: "x", tag: "2.0" },
      registryTarget(open(), place),
      { tag: "2.0" },
    );
    await expectWhole(open(), place);
    // Saving again changes nothing.
    const before = await readFile(join(layout, "index.json"), "utf8");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    expect(JSON.parse(await readFile(join(layout, "index.json"), "utf8"))).toMatchObject({
      manifests: expect.arrayContaining((JSON.parse(before) as { manifests: unknown[] }).manifests) as unknown,
    });
  });

  test("an image by its digest alone is listed too, and found by it", async () => {
    const layout = join(folder, "by-digest");
    await copyImage(open(), { ...repository, digest: root }, await layoutTarget(layout));
    const { manifests } = JSON.parse(await readFile(join(layout, "index.json"), "utf8")) as {
      manifests: { digest: string }[];
    };
    expect(manifests.map((each) => each.digest)).toContain(root);
    expect((await open(layoutHttp(layout)).manifest({ ...repository, digest: root })).digest).toBe(root);
  });

  test("names in full, as skopeo writes them, are found by that name alone, and can be asked for as they are", async () => {
    const layout = join(folder, "full-names");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    const path = join(layout, "index.json");
    const renamed = async (name: string): Promise<Registry> => {
      const text = (await readFile(path, "utf8")).replace(
        /"org.opencontainers.image.ref.name":"[^"]*[^g"]"/,
        `"org.opencontainers.image.ref.name":"${name}"`,
      );
      await writeFile(path, text);
      return open(layoutHttp(layout));
    };
    const full = await renamed("ghcr.io/acme/app:3.0");
    const acme = { registry: "ghcr.io", repository: "acme/app" };
    expect((await full.manifest({ ...acme, tag: "3.0" })).digest).toBe(root);
    expect((await full.manifest({ ...acme, tag: "ghcr.io/acme/app:3.0" })).digest).toBe(root);
    for (const other of [
      { ...acme, repository: "eve/app" },
      { ...acme, registry: "quay.io" },
    ])
      await expect(full.manifest({ ...other, tag: "3.0" })).rejects.toEqual(code("OCI_NOT_FOUND"));
    await expect(full.manifest({ ...acme, tag: "3.1" })).rejects.toThrow("the layout has ghcr.io/acme/app:3.0");
    const short = await renamed("busybox:1");
    const busybox = { registry: "docker.io", repository: "library/busybox", tag: "1" };
    expect((await short.manifest(busybox)).digest).toBe(root);
    await expect(short.manifest({ ...busybox, tag: "../../../etc" })).rejects.toEqual(code("OCI_NOT_FOUND"));
  });

  test("a blob that was changed on disk is refused", async () => {
    const layout = join(folder, "changed");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    await writeFile(join(layout, "blobs", "sha256", root.slice(7)), "{}");
    const registry = open(layoutHttp(layout));
    await expect(registry.manifest({ ...repository, tag: "2.0" })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
    await expect(registry.manifest({ ...repository, digest: root })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
  });

  test("blobs that are links, as build tools lay them, are read; what they lead to is hashed", async () => {
    const layout = join(folder, "links");
    const blobs = join(layout, "blobs", "sha256");
    await copyImage(open(), { ...repository, tag: "1.0" }, await layoutTarget(layout), { tag: "2.0" });
    const moved = join(folder, "moved");
    await rename(blobs, moved);
    await mkdir(blobs);
    for (const name of await readdir(moved)) await symlink(join(moved, name), join(blobs, name));
    await expectWhole(open(layoutHttp(layout)), { registry: "anything.invalid", repository: "any/name" });
    for (const name of await readdir(moved)) await writeFile(join(moved, name), "changed");
    await expect(open(layoutHttp(layout)).manifest({ ...repository, digest: root })).rejects.toEqual(
      code("OCI_DIGEST_MISMATCH"),
    );
  });

  test("folders that are no layout, names twice, names that are paths", async () => {
    await expect(open(layoutHttp(folder)).manifest({ ...repository, tag: "1.0" })).rejects.toEqual(
      code("OCI_LAYOUT_MALFORMED"),
    );
    const layout = join(folder, "twice");
    await layoutTarget(layout);
    const entry = (digest: Digest) => ({
      mediaType: ociManifestType,
      digest,
      size: 1,
      annotations: { "org.opencontainers.image.ref.name": "x" },
    });
    const index = { schemaVersion: 2, manifests: [entry(root), entry(children[0] as Digest)] };
    await writeFile(join(layout, "index.json"), JSON.stringify(index));
    await expect(open(layoutHttp(layout)).manifest({ ...repository, tag: "x" })).rejects.toEqual(
      code("OCI_LAYOUT_MALFORMED"),
    );
    const answer = await layoutHttp(layout)({
      method: "GET",
      url: "http://x/v2/a/blobs/..%2f..%2foci-layout",
      headers: {},
      timeoutMs: 1,
    });
    expect(answer.status).toBe(404);
    expect(
      (await layoutHttp(layout)({ method: "PUT", url: "http://x/v2/a/manifests/x", headers: {}, timeoutMs: 1 })).status,
    ).toBe(405);
  });

  test("a disk that cannot be written to", async () => {
    await writeFile(join(folder, "file"), "");
    await expect(layoutTarget(join(folder, "file"))).rejects.toMatchObject({
      code: expect.stringMatching(/^(OCI_LAYOUT_DISK|EEXIST|ENOTDIR)$/) as unknown,
    });
    const layout = join(folder, "blocked");
    const target = await layoutTarget(layout);
    await rm(join(layout, "blobs"), { recursive: true });
    await writeFile(join(layout, "blobs"), "");
    const image = await open().manifest({ ...repository, tag: "1.0" });
    await expect(target.putManifest(image)).rejects.toEqual(code("OCI_LAYOUT_DISK"));
  });

  test("an image that was signed verifies from a layout as from its registry, for each platform", async () => {
    const layout = join(folder, "signed");
    const key = generateSigner("ecdsa-p256-sha256");
    const verifier = makeVerifier(key.spki);
    const now = new Date(Date.now());
    const trust = { ...(await loadTrust({ now })), keys: [verifier] };
    const reference = { ...repository, digest: root };
    const image = await open().manifest(reference);
    const world = {
      registry: open(),
      random: () => 0,
      trust,
      http: makeHttp((url, init) => fetch(url, init)),
      now: () => now,
      sleep: async () => {},
    };
    await signImage({ image, reference, statement: { kind: "signature" } }, { kind: "key", signer: key }, world);
    await copyImage(open(), reference, await layoutTarget(layout), { tag: "signed" });
    const policy = { signers: [{ kind: "key", keyid: verifier.keyid }], require: { logEntries: 0 } } as const;
    const report = await inspectImage(
      { reference: { ...repository, tag: "signed" }, role: { kind: "signature" }, platforms: "all" },
      policy,
      { now: () => now, trust: () => Promise.resolve(trust), registry: open(layoutHttp(layout)) },
    );
    expect(report.decision.verdict).toBe("allowed");
    expect(report.images).toHaveLength(3);
  });
});

test("referrers of referrers end somewhere", async () => {
  let subject = await pushImage(open(), { registry: source.host, repository: "deep/app" }, "deep", "1.0");
  const place = { registry: source.host, repository: "deep/app" };
  for (let depth = 0; depth < maxCopyDepth + 3; depth++) {
    const target = descriptorOf(await open().manifest({ ...place, digest: subject }));
    const attachment = {
      subject: target,
      bundle: utf8(`{"depth":${depth}}`),
      content: "dsse-envelope",
      created: "2026-01-01T00:00:00Z",
    } as const;
    subject = (await attachBundle(open(), place, attachment, { random: () => 0 })).digest;
  }
  const copied = await copyImage(
    open(),
    { ...place, tag: "1.0" },
    registryTarget(open(), { registry: source.host, repository: "deep/copy" }),
  );
  expect(copied.evidence).toBe(maxCopyDepth);
  expect(fallbackTag(subject)).toMatch(/^sha256-/);
});
