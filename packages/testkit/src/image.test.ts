import { generateSigner, makeVerifier, parseDigest, utf8, type Digest } from "@countersign/core";
import {
  attachLayer,
  findEvidence,
  formatManifest,
  formatReference,
  ociIndexType,
  ociManifestType,
  parseReference,
  putManifest,
  type Reference,
} from "@countersign/oci";
import {
  imageSignatureType,
  imageStatementBytes,
  inspectImages,
  type ImageQuestion,
  type ImageReport,
  type ImageRole,
} from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import type { SignAs } from "@countersign/sigstore";
import { describe, expect, test } from "vitest";
import {
  code,
  signatures,
  spdx,
  trust,
  services,
  server,
  registry,
  keyless,
  v1,
  policyFor,
  timestampJson,
  makeImage,
  signIt,
  ask,
  codesOf,
  makeIndex,
  useImageStage,
} from "./image-stage.contract.ts";

useImageStage();

describe("verifying images", () => {
  test("an image that is signed keyless is allowed, pinned to its digest, in at most 6 requests", async () => {
    const { reference, digest } = await makeImage("1.0");
    await signIt(reference, await keyless());
    server.requests.length = 0;
    const report = await ask(reference);
    expect(report.decision).toMatchObject({ verdict: "allowed" });
    expect(report.pinned).toBe(`${server.host}/${reference.repository}@${digest}`);
    expect(report.images[0]?.evidence[0]).toMatchObject({
      layout: "bundle",
      claims: { statement: { predicateType: imageSignatureType } },
    });
    expect(server.requests.length).toBeLessThanOrEqual(6);
  });

  test("what several references name is looked for and judged once, where the same is asked about it", async () => {
    const { reference, digest } = await makeImage("1.0");
    const { registry: host, repository } = reference;
    const bytes = (await registry().manifest(reference)).bytes;
    await putManifest(registry(), reference, bytes, { mediaType: ociManifestType, tag: "latest" });
    await signIt(reference, await keyless());
    server.requests.length = 0;
    const pinned: Reference = { registry: host, repository, digest };
    const attested = { kind: "attestation", predicateType: "https://example.com/p" } as const;
    const questions: readonly ImageQuestion[] = [
      { reference, role: signatures },
      { reference: { registry: host, repository, tag: "latest" }, role: signatures },
      { reference: pinned, role: signatures },
      { reference: pinned, role: { kind: "signature", annotations: new Map([["a", "b"]]) } },
      { reference: pinned, role: attested },
    ];
    // oxlint-disable-next-line typescript/require-await -- as a file would answer
    const world = { now: () => new Date(Date.now()), trust: async () => trust, registry: registry() };
    const reports = await Promise.all(inspectImages(questions, policyFor(), world));
    expect(reports.map(({ decision }) => decision.verdict)).toEqual([
      "allowed",
      "allowed",
      "allowed",
      "refused",
      "refused",
    ]);
    expect(reports.map((report) => report.reference)).toEqual(questions.map((each) => formatReference(each.reference)));
    // Each reference is resolved; list, cosign's tag, manifest and bundle are asked for once for each of three questions.
    expect(server.requests).toHaveLength(5 + 3 * 4);
  });

  test("another identity, no evidence, and another key are refused", async () => {
    const { reference } = await makeImage();
    expect((await ask(reference)).decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_UNSIGNED" });
    await signIt(reference, await keyless("eve@example.com"));
    expect((await ask(reference)).decision).toMatchObject({ verdict: "refused", code: "POLICY_IDENTITY_MISMATCH" });
    const key = generateSigner("ecdsa-p256-sha256");
    const verifier = makeVerifier(key.spki);
    const policy: Policy = { signers: [{ kind: "key", keyid: verifier.keyid }] };
    expect((await ask(reference, {}, policy, [verifier])).decision.code).toBe("SIGSTORE_KEY_UNWANTED");
    await signIt(reference, { kind: "key", signer: key, services });
    expect((await ask(reference, {}, policy, [verifier])).decision).toMatchObject({ verdict: "allowed" });
  });

  test("cosign's older layout, keyless and by key", async () => {
    const { reference } = await makeImage();
    await signIt(reference, { ...(await keyless()), services: v1() } as SignAs, { layout: "legacy" });
    const key = generateSigner("ecdsa-p256-sha256");
    await signIt(reference, { kind: "key", signer: key, services: v1() }, { layout: "legacy" });
    const report = await ask(reference);
    expect(report.decision).toMatchObject({ verdict: "allowed" });
    expect(report.images[0]?.evidence.map((each) => each.layout)).toEqual(["sig-tag", "sig-tag"]);
    const policy: Policy = { signers: [{ kind: "key", keyid: key.keyid }] };
    expect((await ask(reference, {}, policy, [makeVerifier(key.spki)])).decision).toMatchObject({ verdict: "allowed" });
    await expect(signIt(reference, await keyless(), { layout: "legacy" })).rejects.toEqual(
      code("SIGSTORE_DETACHED_UNFIT"),
    );
  });

  test("freshness: by the oldest verified time, in both layouts", async () => {
    const { reference } = await makeImage();
    await signIt(reference, await keyless());
    await signIt(reference, { ...(await keyless()), services: v1() } as SignAs, { layout: "legacy" });
    expect((await ask(reference, { maxAgeMs: 60_000 })).decision.verdict).toBe("allowed");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const old = await ask(reference, { maxAgeMs: 1 });
    expect(old.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_AGE" });
    expect(codesOf(old).filter((each) => each === "PIPELINE_IMAGE_AGE")).toHaveLength(2);
  });

  test("an attestation of the wanted type, in both layouts", async () => {
    const { reference } = await makeImage();
    const statement = { kind: "attestation", predicateType: spdx, predicate: '{"spdxVersion":"SPDX-2.3"}' } as const;
    await signIt(reference, await keyless(), { statement });
    const wanted: ImageRole = { kind: "attestation", predicateType: spdx };
    expect((await ask(reference, { role: wanted })).decision).toMatchObject({ verdict: "allowed" });
    const other = await makeImage();
    await signIt(other.reference, { ...(await keyless()), services: v1() } as SignAs, { statement, layout: "legacy" });
    const report = await ask(other.reference, { role: wanted });
    expect(report.images[0]?.evidence[0]).toMatchObject({ layout: "att-tag" });
    expect(report.decision).toMatchObject({ verdict: "allowed" });
  });

  test.each(["envelope", "signature", "something else"])(
    "an older attestation with a timestamp over the %s",
    async (what) => {
      const { reference, digest } = await makeImage();
      const key = generateSigner("ecdsa-p256-sha256");
      const verifier = makeVerifier(key.spki);
      const statement = { kind: "attestation", predicateType: spdx, predicate: "{}" } as const;
      await signIt(reference, { kind: "key", signer: key }, { statement, layout: "legacy" });
      const role: ImageRole = { kind: "attestation", predicateType: spdx };
      const policy: Policy = { signers: [{ kind: "key", keyid: verifier.keyid }], require: { logEntries: 0 } };
      const look = async (): Promise<ImageReport> =>
        await ask(reference, { role, maxAgeMs: 60_000 }, policy, [verifier]);
      expect(codesOf(await look())).toEqual(["PIPELINE_IMAGE_AGE"]);
      const [found] = (await findEvidence(registry(), { repository: reference, digest, wanted: "attestation" }))
        .evidence;
      const bytes = found?.bytes ?? new Uint8Array();
      const { signatures: signed } = JSON.parse(new TextDecoder().decode(bytes)) as { signatures: { sig: string }[] };
      const signature = Buffer.from(signed[0]?.sig ?? "", "base64");
      const over = what === "envelope" ? bytes : what === "signature" ? signature : utf8("x");
      const annotations = new Map([["dev.sigstore.cosign/rfc3161timestamp", await timestampJson(over)]]);
      await attachLayer(registry(), reference, { digest, kind: "att", bytes, annotations });
      const report = await look();
      expect(report.decision.verdict).toBe(what === "something else" ? "refused" : "allowed");
      expect(codesOf(report)).toContain(
        what === "something else" ? "SIGSTORE_TIMESTAMP_MISMATCH" : "PIPELINE_IMAGE_AGE",
      );
    },
  );

  test("annotations are asked for exactly, in both layouts", async () => {
    const annotations = new Map([["env", "prod"]]);
    const { reference } = await makeImage();
    await signIt(reference, await keyless(), { statement: { kind: "signature", annotations } });
    const legacy = await makeImage();
    const as = { ...(await keyless()), services: v1() } as SignAs;
    await signIt(legacy.reference, as, { statement: { kind: "signature", annotations }, layout: "legacy" });
    for (const image of [reference, legacy.reference]) {
      expect((await ask(image, { role: { kind: "signature", annotations } })).decision.verdict).toBe("allowed");
      for (const wanted of [new Map([["env", "test"]]), new Map([["toString", "x"]])]) {
        const report = await ask(image, { role: { kind: "signature", annotations: wanted } });
        expect(report.decision).toMatchObject({ verdict: "refused", code: "PIPELINE_IMAGE_ANNOTATION" });
      }
    }
  });

  test("evidence in another repository", async () => {
    const { reference } = await makeImage();
    const evidenceRepository = { registry: server.host, repository: "team/signatures" };
    await signIt(reference, await keyless(), { evidenceRepository });
    expect((await ask(reference)).decision.verdict).toBe("refused");
    expect((await ask(reference, { evidenceRepository })).decision.verdict).toBe("allowed");
  });

  test("a mirror: verified under the name it was asked for, fetched from elsewhere", async () => {
    const { reference, digest } = await makeImage();
    await signIt(reference, await keyless());
    const original = parseReference(`registry.example.com/upstream/app@${digest}`);
    const report = await ask(original, { fetchFrom: { registry: server.host, repository: reference.repository } });
    expect(report.decision.verdict).toBe("allowed");
    expect(report.pinned).toBe(`registry.example.com/upstream/app@${digest}`);
  });
});

describe("platforms", () => {
  test("an allowed index covers its images", async () => {
    const { reference, children } = await makeIndex();
    await signIt(reference, await keyless());
    const report = await ask(reference, { platforms: "all" });
    expect(report.decision.verdict).toBe("allowed");
    expect(report.images.slice(1).map((each) => [each.digest, each.coveredBy])).toEqual(
      children.map((child) => [child, reference.digest]),
    );
  });

  test("without it every image must be signed itself; BuildKit's attestations are none", async () => {
    const { reference, children } = await makeIndex();
    const { digest: _, ...repository } = reference;
    await signIt({ ...repository, digest: children[0] as Digest }, await keyless());
    expect((await ask(reference)).decision.verdict).toBe("refused");
    expect((await ask(reference, { platforms: [{ os: "linux", architecture: "amd64" }] })).decision.verdict).toBe(
      "allowed",
    );
    const all = await ask(reference, { platforms: "all" });
    expect(all.decision).toMatchObject({ verdict: "refused" });
    expect(all.decision.reason).toMatch(/^linux\/arm64: /);
    await signIt({ ...repository, digest: children[1] as Digest }, await keyless());
    expect((await ask(reference, { platforms: "all" })).decision.verdict).toBe("allowed");
    await expect(ask(reference, { platforms: [{ os: "plan9", architecture: "amd64" }] })).rejects.toEqual(
      code("OCI_PLATFORM_MISSING"),
    );
  });

  test("an image whose entry calls it an index is not passed over: runtimes run it", async () => {
    const { reference, children } = await makeIndex();
    const { digest: _, ...repository } = reference;
    await signIt({ ...repository, digest: children[0] as Digest }, await keyless());
    const { bytes } = await registry().manifest(reference);
    const { manifests } = JSON.parse(Buffer.from(bytes).toString()) as { manifests: { mediaType: string }[] };
    const lying = manifests.map((each, at) => (at === 1 ? { ...each, mediaType: ociIndexType } : each));
    const list = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests: lying });
    const { digest } = await putManifest(registry(), repository, list, { mediaType: ociIndexType });
    await expect(ask({ ...repository, digest }, { platforms: "all" })).rejects.toEqual(code("OCI_MANIFEST_TYPE"));
    await signIt({ ...repository, digest }, await keyless());
    await expect(ask({ ...repository, digest }, { platforms: "all" })).rejects.toEqual(code("OCI_MANIFEST_TYPE"));
  });

  test("a single image has the platform of its config", async () => {
    const { reference } = await makeImage();
    await signIt(reference, await keyless());
    expect((await ask(reference, { platforms: "all" })).decision.verdict).toBe("allowed");
    expect((await ask(reference, { platforms: [{ os: "linux", architecture: "amd64" }] })).decision.verdict).toBe(
      "allowed",
    );
    await expect(ask(reference, { platforms: [{ os: "linux", architecture: "arm64" }] })).rejects.toEqual(
      code("OCI_PLATFORM_MISSING"),
    );
  });
});

test("an image named by another hash is signed by that hash", () => {
  const sha512 = "5".repeat(128);
  const signed = imageStatementBytes(parseDigest(`sha512:${sha512}`), { kind: "signature" });
  expect(JSON.parse(new TextDecoder().decode(signed))).toMatchObject({ subject: [{ digest: { sha512 } }] });
});

test("the statement of a signature is cosign's", async () => {
  const { digest } = await makeImage();
  const bytes = imageStatementBytes(digest, { kind: "signature", annotations: new Map([["a", "b"]]) });
  expect(JSON.parse(new TextDecoder().decode(bytes))).toEqual({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { sha256: digest.slice(7) }, annotations: { a: "b" } }],
    predicateType: "https://sigstore.dev/cosign/sign/v1",
    predicate: {},
  });
});
