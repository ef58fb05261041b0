import { digestOf, utf8 } from "@countersign/core";
import {
  fallbackTag,
  findEvidence,
  formatManifest,
  listReferrers,
  maxReferrerPages,
  maxReferrers,
  ociIndexType,
  ociManifestType,
  putManifest,
} from "@countersign/oci";
import { describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { attach, code, open, stage } from "./registry-stage.contract.ts";

const textsOf = (found: Awaited<ReturnType<typeof findEvidence>>): readonly string[] =>
  found.evidence.map((each) => new TextDecoder().decode(each.bytes)).toSorted();

describe("O3: lists that name what speaks about another image", () => {
  test("a foreign entry of the list is passed over and noted", async () => {
    const { registry, repository, digest, faults } = await stage();
    const other = await pushImage(open(), repository, "another");
    const foreign = await attach(open(), repository, other, '{"bundle":"foreign"}');
    faults.foreignReferrers = [foreign];
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(textsOf(found)).toEqual(['{"bundle":1}']);
    expect(found.rejected).toEqual([code("OCI_SUBJECT_MISMATCH")]);
  });

  test.each(["GitLab's answer", "an image under the tag"])("the fallback tag is no list: %s", async (kind) => {
    const { registry, repository, digest, faults } = await stage({ referrers: 404 });
    if (kind.startsWith("GitLab")) faults.fallbackIsImage = true;
    else
      await putManifest(open(), repository, (await open().manifest({ ...repository, digest })).bytes, {
        mediaType: ociManifestType,
        tag: fallbackTag(digest),
      });
    const list = await listReferrers(registry, repository, digest);
    expect(list).toMatchObject({ source: "none", entries: [], problems: [] });
    expect(list.notes).toHaveLength(1);
  });

  test("a tag that holds another image is a problem, and is not written over", async () => {
    const { registry, repository, digest } = await stage({ referrers: 404 });
    await pushImage(open(), repository, "squatter", fallbackTag(digest));
    const list = await listReferrers(registry, repository, digest);
    expect(list.problems).toEqual([code("OCI_MANIFEST_TYPE")]);
    await expect(attach(open(), repository, digest, "x")).rejects.toEqual(code("OCI_TAG_OCCUPIED"));
  });
});

describe("O4: pages of referrers", () => {
  test("every page is followed", async () => {
    const { registry, repository, digest } = await stage({ pageSize: 1 });
    for (const text of ["2", "3", "4"]) await attach(open(), repository, digest, text);
    expect(textsOf(await findEvidence(registry, { repository, digest, wanted: "all" }))).toHaveLength(4);
  });

  test("a circle ends", async () => {
    const { registry, repository, digest, server } = await stage({ pageSize: 1, pageLoop: true });
    const list = await listReferrers(registry, repository, digest);
    expect(list.problems).toEqual([code("OCI_PAGE_LOOP")]);
    expect(server.requests.length).toBeLessThan(maxReferrerPages);
  });

  test("more referrers than the limit are a problem, not a shorter list", async () => {
    const { registry, repository, digest, server } = await stage({ referrers: 404 });
    const entry = { mediaType: ociManifestType, digest: digestOf("sha256", utf8("x")), size: 1 };
    const lie = utf8(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: ociIndexType,
        manifests: Array.from({ length: maxReferrers + 1 }, () => entry),
      }),
    );
    const before = await open().manifest({ ...repository, digest });
    const empty = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [] });
    const put = await putManifest(open(), repository, empty, { mediaType: ociIndexType, tag: fallbackTag(digest) });
    server.faults.replaced = new Map([[put.digest, lie]]);
    server.faults.digestHeader = digestOf("sha256", lie);
    expect(before.digest).toBe(digest);
    expect((await listReferrers(registry, repository, digest)).problems).toEqual([code("OCI_TOO_MANY")]);
  });
});

describe("O5: a list that cannot be had is never replaced in silence", () => {
  test("an error of the API is reported, and other sources are still read", async () => {
    const { registry, repository, digest } = await stage({ referrers: 500 });
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(found).toMatchObject({ evidence: [], problems: [code("OCI_REGISTRY_UNAVAILABLE")] });
  });

  test.each([400, 404, 405, 406, "page"] as const)(
    "a registry that has none (%s) is asked for the tag, and only once for the list",
    async (answer) => {
      const { registry, repository, digest, server } = await stage({}, { referrers: answer });
      expect(textsOf(await findEvidence(registry, { repository, digest, wanted: "all" }))).toEqual(['{"bundle":1}']);
      await listReferrers(registry, repository, digest);
      expect(server.requests.filter(({ url }) => url.includes("/referrers/"))).toHaveLength(1);
    },
  );
});

describe("O6: content that is not what its digest names", () => {
  test("a manifest, by digest and by a tag whose header lies", async () => {
    const { registry, repository, digest, faults } = await stage();
    faults.replaced = new Map([[digest, utf8('{"schemaVersion":2}')]]);
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
    await expect(registry.manifest({ ...repository, tag: "1.0" })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
    faults.replaced = new Map();
    faults.digestHeader = digestOf("sha256", utf8("other"));
    await expect(registry.manifest({ ...repository, tag: "1.0" })).rejects.toEqual(code("OCI_DIGEST_MISMATCH"));
  });

  test.each([
    ["shorter", "x", "OCI_SIZE_MISMATCH"],
    ["longer", "content and more", "OCI_SIZE_MISMATCH"],
    ["changed", "Content", "OCI_DIGEST_MISMATCH"],
  ])("a blob that is %s", async (_, text, name) => {
    const { registry, repository, faults } = await stage();
    const expected = { digest: digestOf("sha256", utf8("content")), size: 7 };
    faults.replaced = new Map([[expected.digest, utf8(text)]]);
    await expect(registry.blob(repository, expected)).rejects.toEqual(code(name));
  });

  test("a descriptor that lies about the size, and one that asks for too much", async () => {
    const { registry, repository } = await stage();
    const digest = digestOf("sha256", utf8("content"));
    await expect(registry.blob(repository, { digest, size: 8 })).rejects.toEqual(code("OCI_SIZE_MISMATCH"));
    await expect(registry.blob(repository, { digest, size: 2 ** 40 })).rejects.toEqual(code("OCI_TOO_LARGE"));
  });

  test("a body that stops early, and one that never comes", async () => {
    const { repository, faults, digest } = await stage();
    faults.cutBodyAt = 3;
    await expect(open().blob(repository, { digest: digestOf("sha256", utf8("content")), size: 7 })).rejects.toEqual(
      code("OCI_BODY_CUT"),
    );
    faults.silent = true;
    await expect(open(undefined, { timeoutMs: 50 }).manifest({ ...repository, digest })).rejects.toEqual(
      code("OCI_REGISTRY_SILENT"),
    );
  });

  test("a manifest larger than the limit is not read to its end", async () => {
    const { registry, repository, digest, faults } = await stage();
    faults.replaced = new Map([[digest, new Uint8Array(5 * 1024 * 1024)]]);
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_TOO_LARGE"));
  });

  test("a registry that says it stored something else", async () => {
    const { registry, repository, faults } = await stage();
    faults.putDigest = digestOf("sha256", utf8("other"));
    await expect(pushImage(registry, repository, "new")).rejects.toEqual(code("OCI_UPLOAD_MISMATCH"));
  });
});
