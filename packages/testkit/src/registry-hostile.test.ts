import { digestOf, utf8 } from "@countersign/core";
import {
  attachBundle,
  copyImage,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatDescriptor,
  formatManifest,
  listReferrers,
  maxManifestBytes,
  maxReferrerPages,
  ociIndexType,
  ociManifestType,
  pushBlob,
  putManifest,
  Registry,
  registryTarget,
} from "@countersign/oci";
import { layoutHttp, layoutTarget } from "@countersign/oci/node";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { afterwards, attach, attachment, code, open, serve, startEmpty } from "./registry-stage.contract.ts";

test("O8: whoever a registry sends us on to cannot ask for its login", async () => {
  const asked: (string | undefined)[] = [];
  const thief = await serve((request, response) => {
    asked.push(request.headers.authorization);
    response.end('{"token":"x"}');
  });
  const store = await serve((_, response) => {
    response.writeHead(401, { "www-authenticate": `Bearer realm="http://${thief}/token"` }).end();
  });
  const { repository, faults } = await startEmpty();
  const content = { digest: digestOf("sha256", utf8("content")), size: 7 };
  await pushBlob(open(), repository, content, utf8("content"));
  faults.blobRedirect = `http://${store}/`;
  const registry = open({ kind: "password", username: "me", password: "s3cret" });
  await expect(registry.blob(repository, content)).rejects.toEqual(code("OCI_CHALLENGE_UNSUPPORTED"));
  expect(asked).toEqual([]);
});

test("a byte now and then is not an answer", async () => {
  const host = await serve((_, response) => {
    response.writeHead(200, { "content-type": ociManifestType });
    const drip = setInterval(() => response.write(" "), 20);
    response.on("close", () => clearInterval(drip));
  });
  const repository = { registry: host, repository: "team/app", tag: "1.0" };
  await expect(open(undefined, { wholeMs: 150 }).manifest(repository)).rejects.toEqual(code("OCI_REGISTRY_SILENT"));
});

describe("O3, O6: lists of referrers that lie or are of an older client", () => {
  async function withTag(change: (entry: object) => object): ReturnType<typeof findEvidence> {
    const { repository } = await startEmpty({ referrers: 404 });
    const digest = await pushImage(open(), repository, "content", "1.0");
    const subject = descriptorOf(await open().manifest({ ...repository, digest }));
    const attached = await attachBundle(
      open(),
      repository,
      { ...attachment, subject, bundle: utf8("{}") },
      { random: () => 0 },
    );
    const manifest = await open().manifest({ ...repository, digest: attached.digest });
    const entry = formatDescriptor(descriptorOf(manifest)) as object;
    const index = { schemaVersion: 2, mediaType: ociIndexType, manifests: [change(entry)] };
    await putManifest(open(), repository, formatManifest(index as never), {
      mediaType: ociIndexType,
      tag: fallbackTag(digest),
    });
    return await findEvidence(open(), { repository, digest, wanted: "all" });
  }

  test.each(["", "application/vnd.oci.empty.v1+json", undefined])(
    "an entry of artifact type %j is looked at",
    async (artifactType) => {
      const found = await withTag((entry) => ({ ...entry, artifactType }));
      expect(found.evidence).toHaveLength(1);
    },
  );

  test("a manifest of another length than listed is a problem", async () => {
    const found = await withTag((entry) => ({ ...entry, size: 3 }));
    expect(found.evidence).toHaveLength(0);
    expect(found.problems).toEqual([code("OCI_SIZE_MISMATCH")]);
  });

  test("a list that asks for more than the budget is not fetched", async () => {
    const found = await withTag((entry) => ({ ...entry, size: 2 ** 40 }));
    expect(found.problems).toEqual([code("OCI_TOO_MANY")]);
  });
});

test("O5: a 404 for one repository says nothing about its neighbours", async () => {
  const { repository, faults } = await startEmpty();
  const digest = await pushImage(open(), repository, "content", "1.0");
  const subject = descriptorOf(await open().manifest({ ...repository, digest }));
  await attachBundle(open(), repository, { ...attachment, subject, bundle: utf8("{}") }, { random: () => 0 });
  const registry = open();
  faults.referrers = 404;
  expect(await listReferrers(registry, { ...repository, repository: "team/none" }, digest)).toMatchObject({
    source: "none",
  });
  delete faults.referrers;
  expect((await listReferrers(registry, repository, digest)).entries).toHaveLength(1);
});

describe("bodies and lists without end", () => {
  test("O6: a manifest of 100 MiB is let go after the limit, whether or not its length is told", async () => {
    for (const length of [104_857_600, undefined]) {
      let sent = 0;
      const host = await serve((_, response) => {
        const told = length === undefined ? {} : { "content-length": length };
        response.writeHead(200, { "content-type": ociManifestType, ...told });
        const piece = Buffer.alloc(64 * 1024, 0x20);
        const more = (): void => {
          while (sent < 104_857_600 && !response.destroyed) {
            sent += piece.length;
            if (!response.write(piece)) return;
          }
        };
        response.on("drain", more).on("error", () => {});
        more();
      });
      const reference = { registry: host, repository: "team/app", tag: "1.0" };
      await expect(open().manifest(reference)).rejects.toEqual(code("OCI_TOO_LARGE"));
      expect(sent).toBeLessThan(4 * maxManifestBytes);
    }
  });

  test.each([10, 100, 1000])(
    "O4: 10,000 referrers on pages of %i are a problem after so many requests",
    async (pageSize) => {
      let requests = 0;
      const host = await serve((request, response) => {
        requests++;
        const from = Number(new URL(request.url ?? "", "http://x.invalid").searchParams.get("from"));
        const manifests = Array.from({ length: pageSize }, (_, n) => ({
          mediaType: ociManifestType,
          digest: digestOf("sha256", utf8(`${from + n}`)),
          size: 10,
        }));
        const next = from + pageSize < 10_000 ? { link: `<?from=${from + pageSize}>; rel="next"` } : {};
        response.writeHead(200, { "content-type": ociIndexType, ...next });
        response.end(JSON.stringify({ schemaVersion: 2, mediaType: ociIndexType, manifests }));
      });
      const repository = { registry: host, repository: "team/app" };
      const list = await listReferrers(open(), repository, digestOf("sha256", utf8("image")));
      expect(list).toMatchObject({ entries: [], problems: [code("OCI_TOO_MANY")] });
      expect(requests).toBeLessThanOrEqual(maxReferrerPages);
    },
  );

  test("O9: an index that says that it contains itself", async () => {
    const { repository, faults } = await startEmpty();
    const leaf = await pushImage(open(), repository, "leaf");
    const entry = { mediaType: ociIndexType, digest: leaf, size: 1, platform: { os: "linux", architecture: "amd64" } };
    const honest = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [entry] });
    const index = await putManifest(open(), repository, honest, { mediaType: ociIndexType, tag: "1.0" });
    // No bytes have their own digest in them: the registry has to lie about what the entry names.
    faults.replaced = new Map([[leaf, honest]]);
    const target = registryTarget(open(), { ...repository, repository: "team/copy" });
    await expect(copyImage(open(), { ...repository, digest: index.digest }, target)).rejects.toEqual(
      code("OCI_DIGEST_MISMATCH"),
    );
  });
});

describe("nothing half-pushed is left referenced", () => {
  test("a bundle whose manifest is refused is in no list", async () => {
    for (const referrers of [undefined, 404] as const) {
      const { repository, faults } = await startEmpty(referrers === undefined ? {} : { referrers });
      const digest = await pushImage(open(), repository, "content", "1.0");
      const subject = descriptorOf(await open().manifest({ ...repository, digest }));
      faults.refused = (method, url) => method === "PUT" && url.includes("/manifests/sha256:");
      const bundle = { ...attachment, subject, bundle: utf8("{}") };
      const world = { random: () => 0 };
      await expect(attachBundle(open(), repository, bundle, world)).rejects.toEqual(code("OCI_UNAUTHORIZED"));
      delete faults.refused;
      expect(await listReferrers(open(), repository, digest)).toMatchObject({ entries: [], problems: [] });
      expect(await open().findManifest({ ...repository, tag: fallbackTag(digest) })).toBeUndefined();
    }
  });

  test("a copy that stops half way leaves no tag, no evidence without its image, and is taken up again", async () => {
    const { repository, faults } = await startEmpty({ referrers: 404 });
    const digest = await pushImage(open(), repository, "content", "1.0");
    await attach(open(), repository, digest, "{}");
    const place = { ...repository, repository: "team/copy" };
    const copy = async () =>
      await copyImage(open(), { ...repository, tag: "1.0" }, registryTarget(open(), place), { tag: "2.0" });
    const stops: ((method: string, url: string) => boolean)[] = [
      (_, url) => url.includes("team/copy/blobs/"),
      (method, url) => method === "PUT" && url.includes(`team/copy/manifests/${digest}`),
      (method, url) => method === "PUT" && url.includes(`team/copy/manifests/${fallbackTag(digest)}`),
      (method, url) => method === "PUT" && url.endsWith("team/copy/manifests/2.0"),
    ];
    for (const refused of stops) {
      faults.refused = refused;
      await expect(copy()).rejects.toEqual(code("OCI_UNAUTHORIZED"));
      delete faults.refused;
      expect(await open().findManifest({ ...place, tag: "2.0" })).toBeUndefined();
      const { entries } = await listReferrers(open(), place, digest);
      for (const entry of entries) expect(await open().findManifest({ ...place, digest: entry.digest })).toBeDefined();
      if (entries.length > 0) expect(await open().findManifest({ ...place, digest })).toBeDefined();
    }
    expect(await copy()).toMatchObject({ digest, blobs: 0, evidence: 1 });
    expect((await open().manifest({ ...place, tag: "2.0" })).digest).toBe(digest);
    expect((await findEvidence(open(), { repository: place, digest, wanted: "all" })).evidence).toHaveLength(1);
  });
});

describe("hostile image layouts", () => {
  test.skipIf(process.platform === "win32")("a pipe in place of a file is refused, not waited for", async () => {
    const folder = await mkdtemp(join(tmpdir(), "countersign-pipe-"));
    afterwards(() => rm(folder, { recursive: true }));
    await layoutTarget(folder);
    await rm(join(folder, "index.json"));
    execFileSync("mkfifo", [join(folder, "index.json")]);
    const registry = new Registry({ http: layoutHttp(folder), sleep: async () => {} });
    const reference = { registry: "x.invalid", repository: "x", tag: "1.0" };
    await expect(registry.manifest(reference)).rejects.toEqual(code("OCI_LAYOUT_MALFORMED"));
  });
});
