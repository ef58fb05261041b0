import { digestOf, generateSigner, utf8, vouch, type Claims, type Digest } from "@countersign/core";
import { formatManifest, ociIndexType, ociManifestType, pushBlob, putManifest } from "@countersign/oci";
import { inspectImage, verifySimpleSigning } from "@countersign/pipeline";
import type { SignAs } from "@countersign/sigstore";
import { describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import type { RegistryFaults } from "./registry.ts";
import {
  code,
  signatures,
  spdx,
  trust,
  server,
  registry,
  keyless,
  v1,
  policyFor,
  makeImage,
  signIt,
  ask,
  codesOf,
  useImageStage,
} from "./image-stage.contract.ts";

useImageStage();

function claimsAbout(payload: Uint8Array): Claims {
  const signer = { kind: "key", keyid: "k", algorithm: "a" } as const;
  return {
    via: "sigstore",
    artifact: { digests: [digestOf("sha256", payload)] },
    signer,
    times: [],
    logs: [],
    scts: [],
  };
}

describe("attacks on images", () => {
  test("O10: a signature by somebody's key, put beside an image, is refused as evidence and is no wrong usage", async () => {
    const { reference } = await makeImage();
    const key = generateSigner("ecdsa-p256-sha256");
    await signIt(reference, { kind: "key", signer: key });
    expect((await ask(reference)).decision).toMatchObject({ verdict: "refused", code: "SIGSTORE_KEY_NEEDED" });
    await signIt(reference, await keyless());
    expect((await ask(reference)).decision.verdict).toBe("allowed");
  });

  test("O1: an attestation of the right identity is not a signature, and a signature no attestation", async () => {
    const { reference } = await makeImage();
    await signIt(reference, await keyless(), {
      statement: { kind: "attestation", predicateType: spdx, predicate: "{}" },
    });
    expect((await ask(reference)).decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_ROLE" });
    const legacy = await makeImage();
    await signIt(legacy.reference, { ...(await keyless()), services: v1() } as SignAs, { layout: "legacy" });
    const report = await ask(legacy.reference, { role: { kind: "attestation", predicateType: spdx } });
    expect(report.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_UNSIGNED" });
  });

  test("O2: the signed Statement decides about the type, whatever the annotations say", async () => {
    const { reference, digest } = await makeImage();
    const signed = await signIt(reference, await keyless(), {
      statement: { kind: "attestation", predicateType: "https://example.com/other", predicate: "{}" },
    });
    const kept = await registry().manifest({ ...reference, digest: signed.digest });
    const lie = utf8(new TextDecoder().decode(kept.bytes).replace("https://example.com/other", spdx));
    await putManifest(registry(), reference, lie, { mediaType: ociManifestType });
    const report = await ask(reference, { role: { kind: "attestation", predicateType: spdx } });
    expect(report.images[0]?.digest).toBe(digest);
    expect(report.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_ROLE" });
  });

  test("O3: evidence about another image is ignored and told", async () => {
    const good = await makeImage();
    const bad = await makeImage();
    const signed = await signIt(good.reference, await keyless());
    // The same manifest in the other repository, offered as a referrer of the other image.
    const { bytes, manifest } = await registry().manifest({ ...good.reference, digest: signed.digest });
    if (manifest.kind !== "image") throw new Error("an image manifest");
    for (const part of [manifest.config, ...manifest.layers])
      await pushBlob(registry(), bad.reference, part, server.blobs.get(part.digest) ?? new Uint8Array());
    await putManifest(registry(), bad.reference, bytes, { mediaType: ociManifestType });
    server.faults.foreignReferrers = [signed.digest];
    const report = await ask(bad.reference);
    delete server.faults.foreignReferrers;
    expect(report.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_UNSIGNED" });
    expect(codesOf(report)).toContain("OCI_SUBJECT_MISMATCH");
  });

  test("a bundle about another image, moved under this one with its subject rewritten", async () => {
    const good = await makeImage();
    const bad = await makeImage();
    const signed = await signIt(good.reference, await keyless());
    const { bytes } = await registry().manifest({ ...good.reference, digest: signed.digest });
    const forged = utf8(new TextDecoder().decode(bytes).replaceAll(good.digest, bad.digest));
    await putManifest(registry(), bad.reference, forged, { mediaType: ociManifestType });
    expect((await ask(bad.reference)).decision).toMatchObject({
      verdict: "refused",
      code: "SIGSTORE_SUBJECT_MISMATCH",
    });
  });

  test("O5: a registry that cannot list leaves the answer open, never silently another source", async () => {
    const { reference } = await makeImage();
    await signIt(reference, await keyless());
    const faults: RegistryFaults = server.faults;
    faults.referrers = 500;
    const report = await ask(reference);
    delete faults.referrers;
    expect(report.decision).toMatchObject({ verdict: "unknown", code: "OCI_REGISTRY_UNAVAILABLE" });
  });

  test("O7: an old digest under a new tag shows in the report, and is refused where the signed name is asked for", async () => {
    const { reference, digest } = await makeImage("1.0");
    await signIt(reference, { ...(await keyless()), services: v1() } as SignAs, { layout: "legacy" });
    const moved = { registry: server.host, repository: "team/production" };
    const image = await registry().manifest(reference);
    await putManifest(registry(), moved, image.bytes, { mediaType: ociManifestType, tag: "2.0" });
    const sig = await registry().manifest({ ...reference, tag: `sha256-${digest.slice(7)}.sig` });
    await putManifest(registry(), moved, sig.bytes, {
      mediaType: ociManifestType,
      tag: `sha256-${digest.slice(7)}.sig`,
    });
    const report = await ask({ ...moved, tag: "2.0" });
    expect(report.pinned).toContain(digest);
    const named = await ask({ ...moved, tag: "2.0" }, { signedName: `${server.host}/team/production` });
    expect(named.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_NAME" });
    expect((await ask(reference, { signedName: `${server.host}/${reference.repository}` })).decision.verdict).toBe(
      "allowed",
    );
    // Signed as podman writes it, with the tag.
    const tagged = { ...reference, repository: `${reference.repository}:1.0` };
    await signIt(reference, { ...(await keyless()), services: v1() } as SignAs, {
      layout: "legacy",
      reference: tagged,
      evidenceRepository: { registry: server.host, repository: "team/tagged" },
    });
    const elsewhere = { evidenceRepository: { registry: server.host, repository: "team/tagged" } };
    expect(
      (await ask(reference, { ...elsewhere, signedName: `${server.host}/${reference.repository}` })).decision.verdict,
    ).toBe("allowed");
  });

  test("O9: indexes in indexes are bounded, and each is fetched once", async () => {
    const repository = { registry: server.host, repository: "team/nested" };
    const leaf = await pushImage(registry(), repository, "leaf");
    let inner = { digest: leaf, mediaType: ociManifestType };
    const sizes: Digest[] = [];
    for (let depth = 0; depth < 6; depth++) {
      const manifests = Array.from({ length: 8 }, () => ({
        ...inner,
        size: 1,
        platform: { os: "linux", architecture: "amd64" },
      }));
      const { digest } = await putManifest(
        registry(),
        repository,
        formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests }),
        { mediaType: ociIndexType },
      );
      inner = { digest, mediaType: ociIndexType };
      sizes.push(digest);
    }
    server.requests.length = 0;
    await expect(ask({ ...repository, digest: sizes[5] as Digest }, { platforms: "all" })).rejects.toEqual(
      code("OCI_TOO_MANY"),
    );
    expect(server.requests.length).toBeLessThan(20);
    expect((await ask({ ...repository, digest: sizes[2] as Digest }, { platforms: "all" })).images).toHaveLength(2);
  });

  test("O10: each image is judged by itself, whatever format another one has", async () => {
    const bundle = await makeImage();
    const legacy = await makeImage();
    const unsigned = await makeImage();
    await signIt(bundle.reference, await keyless());
    await signIt(legacy.reference, { ...(await keyless()), services: v1() } as SignAs, { layout: "legacy" });
    const shared = registry();
    const verdicts = await Promise.all(
      [bundle, unsigned, legacy].map(async ({ reference }) => {
        // oxlint-disable-next-line typescript/require-await -- as a file would answer
        const world = { now: () => new Date(Date.now()), trust: async () => trust, registry: shared };
        return (await inspectImage({ reference, role: signatures }, policyFor(), world)).decision.verdict;
      }),
    );
    expect(verdicts).toEqual(["allowed", "refused", "allowed"]);
  });

  test.each<[string, object, string]>([
    ["of another type", { type: "atomic container signature" }, "OCI_PAYLOAD_MISMATCH"],
    ["of another image", { image: { "docker-manifest-digest": `sha256:${"0".repeat(64)}` } }, "OCI_PAYLOAD_MISMATCH"],
    ["without a digest", { image: {} }, "OCI_PAYLOAD_MALFORMED"],
  ])("a simple-signing payload %s", async (_, change, name) => {
    const digest: Digest = (await makeImage()).digest;
    const critical = {
      identity: { "docker-reference": "" },
      image: { "docker-manifest-digest": digest },
      type: "cosign container image signature",
      ...change,
    };
    const payload = utf8(JSON.stringify({ critical, optional: null }));
    const claims = vouch<Claims>({ ...claimsAbout(payload) });
    expect(() => verifySimpleSigning(claims, payload, digest)).toThrow(code(name));
    expect(() => verifySimpleSigning(claims, utf8("other"), digest)).toThrow(code("PIPELINE_PAYLOAD_UNPROVED"));
    expect(() => verifySimpleSigning({ ...claims }, payload, digest)).toThrow(code("CORE_NOT_VERIFIED"));
  });

  test("two spellings of the digest in one payload are refused, one of either is read", async () => {
    const { digest } = await makeImage();
    const payloadOf = (image: object): Uint8Array =>
      utf8(JSON.stringify({ critical: { image, type: "cosign container image signature" } }));
    const check = (payload: Uint8Array) =>
      verifySimpleSigning(vouch<Claims>({ ...claimsAbout(payload) }), payload, digest);
    expect(check(payloadOf({ "Docker-manifest-digest": digest })).claims.artifact.digests).toEqual([digest]);
    expect(() => check(payloadOf({ "Docker-manifest-digest": digest, "docker-manifest-digest": digest }))).toThrow(
      code("OCI_PAYLOAD_MALFORMED"),
    );
  });
});
