import { digestOf, utf8 } from "@countersign/core";
import {
  attachBundle,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatDescriptor,
  formatManifest,
  listReferrers,
  ociIndexType,
  ociManifestType,
  pushBlob,
  putManifest,
  Registry,
} from "@countersign/oci";
import { layoutHttp, layoutTarget } from "@countersign/oci/node";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { afterwards, attachment, code, open, serve, startEmpty } from "./registry-stage.contract.ts";

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
