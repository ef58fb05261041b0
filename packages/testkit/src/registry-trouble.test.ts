import { digestOf, quote, utf8 } from "@countersign/core";
import {
  attachBundle,
  defaultConcurrency,
  descriptorOf,
  fallbackTag,
  findEvidence,
  formatManifest,
  ociIndexType,
  ociManifestType,
  pushBlob,
  putManifest,
  Registry,
} from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import { describe, expect, test } from "vitest";
import { attachment, code, open, serve, stage } from "./registry-stage.contract.ts";

describe("a registry with troubles", () => {
  test("busy answers are waited out, as long as it asks for, three times at most", async () => {
    const { registry, repository, digest, faults, server } = await stage();
    faults.failFirst = { count: 2, status: 429, retryAfter: "1" };
    await expect(registry.manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    expect(server.requests).toHaveLength(3);
    faults.failFirst = { count: 3, status: 503 };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_UNAVAILABLE"));
  });

  test.each([
    ["1", 1000],
    ["20", 20_000],
    ["3600", 20_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 300],
    [undefined, 300],
  ])("Retry-After %s means a wait of %i ms", async (retryAfter, waitMs) => {
    const { repository, digest, faults } = await stage();
    const waits: number[] = [];
    // oxlint-disable-next-line typescript/require-await -- as a clock would
    const registry = new Registry({ http: makeOciHttp(), sleep: async (ms) => void waits.push(ms) });
    faults.failFirst = { count: 1, status: 429, ...(retryAfter !== undefined && { retryAfter }) };
    await expect(registry.manifest({ ...repository, digest })).resolves.toMatchObject({ digest });
    expect(waits).toEqual([waitMs]);
  });

  test("no more requests are under way than allowed", async () => {
    let [now, most] = [0, 0];
    // Nothing is answered before as many are under way as may be, and then only after those had time to come that may not.
    const { promise: full, resolve } = Promise.withResolvers<void>();
    const host = await serve((_, response) => {
      most = Math.max(most, ++now);
      if (most === defaultConcurrency) resolve();
      void full.then(() =>
        setTimeout(() => {
          now--;
          response.writeHead(404).end();
        }, 5),
      );
    });
    const registry = open();
    await Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        registry.findManifest({ registry: host, repository: `team/app${n}`, tag: "1.0" }),
      ),
    );
    expect(most).toBe(defaultConcurrency);
  });

  test("a login that ran out is made anew, once", async () => {
    const { repository, digest, faults } = await stage();
    let issued = 0;
    const tokens = await serve((_, response) => {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ token: `t${++issued}` }));
    });
    const challenge = `Bearer realm="http://${tokens}/token"`;
    faults.auth = { challenge, accepts: (text) => text === `Bearer t${Math.max(issued, 1)}` };
    const registry = open();
    await registry.manifest({ ...repository, digest });
    issued++;
    await registry.manifest({ ...repository, digest });
    expect(issued).toBe(3);
    faults.auth = { challenge, accepts: () => false };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_UNAUTHORIZED"));
    expect(issued).toBe(4);
  });

  test("a refusal is not repeated", async () => {
    const { registry, repository, digest, faults, server } = await stage();
    faults.failFirst = { count: 9, status: 418 };
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_REFUSED"));
    expect(server.requests).toHaveLength(1);
  });

  test("nobody there", async () => {
    const { registry, repository, digest, server } = await stage();
    await server.close();
    await expect(registry.manifest({ ...repository, digest })).rejects.toEqual(code("OCI_REGISTRY_UNREACHABLE"));
  });

  test("a registry whose tag others keep overwriting", async () => {
    const { registry, repository, digest } = await stage({ referrers: 404 });
    const empty = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: [] });
    const rival = new Registry({
      http: makeOciHttp(),
      sleep: async () =>
        void (await putManifest(open(), repository, empty, { mediaType: ociIndexType, tag: fallbackTag(digest) })),
    });
    const subject = descriptorOf(await registry.manifest({ ...repository, digest }));
    const bundle = { ...attachment, subject, bundle: utf8("x") };
    await expect(attachBundle(rival, repository, bundle, { random: () => 0 })).rejects.toEqual(
      code("OCI_TAG_CONTESTED"),
    );
  });

  test("evidence of every layout is found, and what is none is noted", async () => {
    const { registry, repository, digest } = await stage();
    const layer = utf8("payload");
    const part = {
      mediaType: "application/vnd.dev.cosign.simplesigning.v1+json",
      digest: digestOf("sha256", layer),
      size: layer.length,
      annotations: { a: "b" },
    };
    const config = { ...part, mediaType: "application/vnd.oci.image.config.v1+json" };
    await pushBlob(open(), repository, part, layer);
    const subject = {
      mediaType: ociManifestType,
      digest,
      size: (await open().manifest({ ...repository, digest })).bytes.length,
    };
    const put = async (extra: object, tag?: string) =>
      await putManifest(
        open(),
        repository,
        utf8(JSON.stringify({ schemaVersion: 2, mediaType: ociManifestType, config, layers: [part], ...extra })),
        {
          mediaType: ociManifestType,
          ...(tag !== undefined && { tag }),
        },
      );
    await put({}, `sha256-${digest.slice(7)}.sig`);
    await put(
      { layers: [{ ...part, mediaType: "application/vnd.dsse.envelope.v1+json" }, part] },
      `sha256-${digest.slice(7)}.att`,
    );
    await put({ subject, artifactType: "application/vnd.dev.cosign.artifact.sig.v1+json" });
    await put({
      subject,
      artifactType: "application/vnd.in-toto+json",
      layers: [{ ...part, mediaType: "application/vnd.in-toto+json" }],
    });
    await put({ subject, artifactType: "application/vnd.cncf.notary.signature" });
    await put({ subject, artifactType: "application/spdx+json" });
    const found = await findEvidence(registry, { repository, digest, wanted: "all" });
    expect(found.problems).toEqual([]);
    expect(found.evidence.map((each) => each.layout).toSorted()).toEqual([
      "att-referrer",
      "att-tag",
      "bundle",
      "sig-referrer",
      "sig-tag",
    ]);
    expect(found.notes.join("\n")).toMatch(/Notary Project signature/);
    expect(found.notes.join("\n")).toContain(quote("application/spdx+json"));
    const signatures = await findEvidence(registry, { repository, digest, wanted: "signature" });
    expect(signatures.evidence.map((each) => each.layout).toSorted()).toEqual(["bundle", "sig-referrer", "sig-tag"]);
    const attestations = await findEvidence(registry, { repository, digest, wanted: "attestation" });
    expect(attestations.evidence.map((each) => each.layout).toSorted()).toEqual(["att-referrer", "att-tag", "bundle"]);
  });
});
