import { digestOf, generateSigner, makeVerifier, utf8, type Digest } from "@countersign/core";
import {
  attachBundle,
  attachLayer,
  copyImage,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatManifest,
  listReferrers,
  maxCopyDepth,
  maxManifestBytes,
  ociIndexType,
  ociManifestType,
  putManifest,
  Registry,
  registryTarget,
  type OciHttp,
  type Repository,
} from "@countersign/oci";
import {
  layoutHttp,
  layoutOnly,
  layoutTags,
  layoutTarget,
  makeOciHttp,
  maxLooseBlobs,
  maxLooseBytes,
} from "@countersign/oci/node";
import { inspectImage, loadTrust, makeHttp, signImage } from "@countersign/pipeline";
import { linkSync } from "node:fs";
import { mkdir, mkdtemp, open as openFile, readdir, readFile, rm, writeFile, rename, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hasDockerRegistry, startDockerRegistry } from "./docker-registry.ts";
import { pushImage } from "./registry-sample.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const open = (http: OciHttp = makeOciHttp()): Registry => new Registry({ http, sleep: async () => {} });

let folder = "";
let source: TestRegistry;
let repository: Repository;
let root: Digest;
let children: readonly Digest[] = [];
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

async function evidenceIn(registry: Registry, place: Repository, digest: Digest): Promise<readonly string[]> {
  const found = await findEvidence(registry, { repository: place, digest, wanted: "all" });
  expect(found.problems).toEqual([]);
  return found.evidence.map(({ layout, bytes }) => `${layout} ${new TextDecoder().decode(bytes)}`).toSorted();
}

async function expectWhole(registry: Registry, place: Repository): Promise<void> {
  expect((await registry.manifest({ ...place, tag: "2.0" })).digest).toBe(root);
  expect(await evidenceIn(registry, place, root)).toEqual(['bundle {"of":"index"}', "sig-tag payload"]);
  expect(await evidenceIn(registry, place, children[1] as Digest)).toEqual(['bundle {"of":"arm64"}']);
  const { manifest } = await registry.manifest({ ...place, digest: children[0] as Digest });
  if (manifest.kind !== "image") throw new Error("an image");
  for (const blob of [manifest.config, ...manifest.layers]) await registry.blob(place, blob);
}

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
