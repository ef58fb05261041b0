import {
  digestOf,
  generateSigner,
  makeVerifier,
  parseDigest,
  utf8,
  vouch,
  type Claims,
  type Digest,
} from "@countersign/core";
import { startLocalSigstore, type LocalSigstore } from "@countersign/local-sigstore";
import {
  attachLayer,
  findEvidence,
  formatManifest,
  formatReference,
  ociIndexType,
  ociManifestType,
  parseReference,
  pushBlob,
  putManifest,
  Registry,
  type Reference,
} from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import {
  imageSignatureType,
  imageStatementBytes,
  inspectImage,
  inspectImages,
  loadTrust,
  makeHttp,
  signImage,
  verifySimpleSigning,
  type ImageQuestion,
  type ImageReport,
  type ImageRole,
  type ImageSigning,
  type ImageSignWorld,
  type Trust,
} from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { parseSigningConfig, selectServices, type Services, type SignAs } from "@countersign/sigstore";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { startRegistry, type RegistryFaults, type TestRegistry } from "./registry.ts";

const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const email = "ada@example.com";
const signatures: ImageRole = { kind: "signature" };
const spdx = "https://spdx.dev/Document";

let stack: LocalSigstore;
let trust: Trust;
let services: Services;
let server: TestRegistry;
beforeAll(async () => {
  stack = await startLocalSigstore();
  trust = await loadTrust({ files: [{ source: "local", bytes: stack.trustedRootBytes }], now: new Date(Date.now()) });
  services = selectServices(parseSigningConfig(stack.signingConfigBytes), Date.now());
  server = await startRegistry();
});
afterAll(async () => {
  await server.close();
  await stack.close();
});

const registry = (): Registry => new Registry({ http: makeOciHttp(), sleep: async () => {} });
const http = makeHttp((url, init) => fetch(url, init));
const signWorld = (): ImageSignWorld => ({
  registry: registry(),
  random: () => 0,
  trust,
  http,
  now: () => new Date(Date.now()),
  sleep: async () => {},
});
const keyless = async (who = email): Promise<SignAs> => ({
  kind: "keyless",
  token: await stack.token({ email: who }),
  services,
});
const v1 = (): Services => ({
  ...services,
  rekor: [{ url: stack.url, majorApiVersion: 1, operator: "", validFor: { startMs: 0 } }],
});
const policyFor = (who = email): Policy => ({
  signers: [{ kind: "certificate", identity: { exact: who }, issuer: { exact: stack.url } }],
});

/** What cosign keeps of a timestamp by the local authority. */
async function timestampJson(over: Uint8Array): Promise<string> {
  const response = await fetch(`${stack.url}/api/v1/timestamp`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      artifactHash: Buffer.from(digestOf("sha256", over).slice(7), "hex").toString("base64"),
      hashAlgorithm: "sha256",
      certificates: true,
    }),
  });
  return JSON.stringify({ SignedRFC3161Timestamp: Buffer.from(await response.arrayBuffer()).toString("base64") });
}

let images = 0;
async function makeImage(tag?: string): Promise<{ reference: Reference; digest: Digest }> {
  const repository = { registry: server.host, repository: `team/app${images++}` };
  const digest = await pushImage(registry(), repository, `image ${images}`, tag);
  return { reference: { ...repository, ...(tag === undefined ? { digest } : { tag }) }, digest };
}

async function signIt(
  reference: Reference,
  as: SignAs,
  more: Partial<ImageSigning> = {},
): ReturnType<typeof signImage> {
  const image = await registry().manifest(reference);
  return await signImage({ image, reference, statement: { kind: "signature" }, ...more }, as, signWorld());
}

async function ask(
  reference: Reference,
  more: Partial<ImageQuestion> = {},
  policy: Policy = policyFor(),
  keys: Trust["keys"] = [],
): Promise<ImageReport> {
  const question: ImageQuestion = { reference, role: signatures, ...more };
  return await inspectImage(question, policy, {
    now: () => new Date(Date.now()),
    // oxlint-disable-next-line typescript/require-await -- as a file would answer
    trust: async () => ({ ...trust, keys }),
    registry: registry(),
  });
}

const codesOf = (report: ImageReport): readonly string[] =>
  report.images.flatMap((image) => image.findings.map((finding) => finding.code));

/** A two-platform index with a BuildKit attestation manifest in it. */
async function makeIndex(): Promise<{ reference: Reference; children: readonly Digest[] }> {
  const repository = { registry: server.host, repository: `team/multi${images++}` };
  const children = [
    await pushImage(registry(), repository, `amd64 ${images}`),
    await pushImage(registry(), repository, `arm64 ${images}`),
  ];
  const buildkit = await pushImage(registry(), repository, `attestation ${images}`);
  const entry = (digest: Digest, os: string, architecture: string) => ({
    mediaType: ociManifestType,
    digest,
    size: 1,
    platform: { os, architecture },
  });
  const manifests = [
    entry(children[0] as Digest, "linux", "amd64"),
    entry(children[1] as Digest, "linux", "arm64"),
    entry(buildkit, "unknown", "unknown"),
  ];
  const index = formatManifest({ schemaVersion: 2, mediaType: ociIndexType, manifests });
  const { digest } = await putManifest(registry(), repository, index, { mediaType: ociIndexType, tag: "1.0" });
  return { reference: { ...repository, digest }, children };
}

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
