import { digestOf, type Digest } from "@countersign/core";
import { startLocalSigstore, type LocalSigstore } from "@countersign/local-sigstore";
import { formatManifest, ociIndexType, ociManifestType, putManifest, Registry, type Reference } from "@countersign/oci";
import { makeOciHttp } from "@countersign/oci/node";
import {
  inspectImage,
  loadTrust,
  makeHttp,
  signImage,
  type ImageQuestion,
  type ImageReport,
  type ImageRole,
  type ImageSigning,
  type ImageSignWorld,
  type Trust,
} from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { parseSigningConfig, selectServices, type Services, type SignAs } from "@countersign/sigstore";
import { afterAll, beforeAll, expect } from "vitest";
import { pushImage } from "./registry-sample.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

export const code = (name: string): unknown => expect.objectContaining({ name: "TrustError", code: name });
const email = "ada@example.com";
export const signatures: ImageRole = { kind: "signature" };
export const spdx = "https://spdx.dev/Document";
let stack: LocalSigstore;
export let trust: Trust;
export let services: Services;
export let server: TestRegistry;

/** Starts a Sigstore and a registry for the tests of a file. */
export function useImageStage(): void {
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
}

export const registry = (): Registry => new Registry({ http: makeOciHttp(), sleep: async () => {} });
const http = makeHttp((url, init) => fetch(url, init));

const signWorld = (): ImageSignWorld => ({
  registry: registry(),
  random: () => 0,
  trust,
  http,
  now: () => new Date(Date.now()),
  sleep: async () => {},
});

export const keyless = async (who = email): Promise<SignAs> => ({
  kind: "keyless",
  token: await stack.token({ email: who }),
  services,
});

export const v1 = (): Services => ({
  ...services,
  rekor: [{ url: stack.url, majorApiVersion: 1, operator: "", validFor: { startMs: 0 } }],
});

export const policyFor = (who = email): Policy => ({
  signers: [{ kind: "certificate", identity: { exact: who }, issuer: { exact: stack.url } }],
});

/** What cosign keeps of a timestamp by the local authority. */
export async function timestampJson(over: Uint8Array): Promise<string> {
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

export async function makeImage(tag?: string): Promise<{ reference: Reference; digest: Digest }> {
  const repository = { registry: server.host, repository: `team/app${images++}` };
  const digest = await pushImage(registry(), repository, `image ${images}`, tag);
  return { reference: { ...repository, ...(tag === undefined ? { digest } : { tag }) }, digest };
}

export async function signIt(
  reference: Reference,
  as: SignAs,
  more: Partial<ImageSigning> = {},
): ReturnType<typeof signImage> {
  const image = await registry().manifest(reference);
  return await signImage({ image, reference, statement: { kind: "signature" }, ...more }, as, signWorld());
}

export async function ask(
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

export const codesOf = (report: ImageReport): readonly string[] =>
  report.images.flatMap((image) => image.findings.map((finding) => finding.code));

/** A two-platform index with a BuildKit attestation manifest in it. */
export async function makeIndex(): Promise<{ reference: Reference; children: readonly Digest[] }> {
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
