import { existsSync, readFileSync } from "node:fs";
import { digestOf, parseDigest, type Artifact } from "@countersign/core";
import { describe, expect, test } from "vitest";
import { inspect, loadTrust, readingFor, type World } from "./index.ts";

/** Bundles made by the public services; not part of the repository. */
const folder = new URL("../../../../shared/data/sigstore/real/", import.meta.url);
const read = (name: string): Uint8Array => readFileSync(new URL(name, folder));

interface Row {
  readonly name: string;
  readonly bundle: string;
  readonly instance: "public-good" | "staging";
  /** A file of the folder, or a digest. */
  readonly artifact: string;
  readonly identity: string;
  readonly issuer: string;
  /** `allowed` or the reason. */
  readonly outcome: string;
}

const actions = "https://token.actions.githubusercontent.com";
const login = "https://github.com/login/oauth";
const beacon =
  "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main";
const wheel: Row = {
  name: "a wheel, bundle 0.2, Rekor v1",
  bundle: "bundle_v3_github.whl.sigstore",
  instance: "public-good",
  artifact: "bundle_v3_github.whl",
  identity: "https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2",
  issuer: actions,
  outcome: "allowed",
};
const blob: Row = {
  name: "a blob, bundle 0.3, staging's Rekor v1",
  bundle: "bundle_v3.txt.sigstore",
  instance: "staging",
  artifact: "bundle_v3.txt",
  identity: "william@yossarian.net",
  issuer: login,
  outcome: "allowed",
};
const attestation: Row = {
  name: "a provenance, bundle 0.3, staging's Rekor v2",
  bundle: "a.dsse.staging-rekor-v2.txt.sigstore.json",
  instance: "staging",
  artifact: "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf",
  identity: beacon,
  issuer: actions,
  outcome: "allowed",
};
const npm: Row = {
  name: "npm provenance, bundle 0.1, intoto 0.0.2",
  bundle: "npm-provenance-sigstore-2.0.0.sigstore.json",
  instance: "public-good",
  artifact:
    "sha512:46d4e2f74c4877316640000a6fdf8a8b59f1e0847667973e9859f774dd31b8f1e0937813b777fb66a2ac67d50540fe34640966eee9fc2ccca387082b4c85cd3c",
  identity: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main",
  issuer: actions,
  outcome: "allowed",
};
const image: Row = {
  name: "a cosign image attestation, bundle 0.3, dsse 0.0.1",
  bundle: "oci-attestation.sigstore.json",
  instance: "public-good",
  artifact: "sha256:732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4",
  identity: "cody@soyland.com",
  issuer: login,
  outcome: "allowed",
};
const digestOfWheel = "sha256:c4e92e9ecc828bef2aa7dba1de8ac983511f7532a0df11c770d39099a25cf201";
const rows: readonly Row[] = [
  wheel,
  { ...wheel, name: "the wheel by its digest", artifact: digestOfWheel },
  {
    ...wheel,
    name: "the wheel's bundle for another file",
    artifact: "bundle_v3.txt",
    outcome: "SIGSTORE_ARTIFACT_MISMATCH",
  },
  { ...wheel, name: "the wheel under staging's trust root", instance: "staging", outcome: "SIGSTORE_LOG_UNKNOWN" },
  {
    ...wheel,
    name: "the wheel of another tag",
    identity: wheel.identity.slice(0, -1),
    outcome: "POLICY_IDENTITY_MISMATCH",
  },
  { ...wheel, name: "the wheel of another issuer", issuer: login, outcome: "POLICY_ISSUER_MISMATCH" },
  blob,
  attestation,
  {
    ...attestation,
    name: "the provenance for a file that is no subject",
    artifact: "a.dsse.staging-rekor-v2.txt",
    outcome: "SIGSTORE_SUBJECT_MISMATCH",
  },
  npm,
  // It names its subject by SHA-512 alone: nobody can tell from a SHA-256 (attacks.md S24).
  { ...npm, name: "npm provenance by SHA-256", artifact: digestOfWheel, outcome: "SIGSTORE_SUBJECT_MISMATCH" },
  image,
];

async function outcomeOf(row: Row): Promise<string> {
  const now = new Date("2026-07-01T00:00:00Z");
  const evidence = [{ source: row.bundle, bytes: read(row.bundle) }];
  const trust = await loadTrust({ now, instance: row.instance });
  const world: World = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
  const policy = {
    signers: [{ kind: "certificate", identity: { exact: row.identity }, issuer: { exact: row.issuer } }],
  } as const;
  const { decision } = await inspect(artifactOf(row), policy, world);
  return decision.verdict === "allowed" ? "allowed" : String(decision.code);
}

function artifactOf({ artifact, bundle }: Row): Artifact {
  if (artifact.includes(":")) return { name: artifact, digests: [parseDigest(artifact)] };
  const bytes = read(artifact);
  const { hashes } = readingFor([{ source: bundle, bytes: read(bundle) }], []);
  return { name: artifact, bytes, digests: hashes.map((name) => digestOf(name, bytes)) };
}

describe.skipIf(!existsSync(folder))("bundles of the public services, under the roots that are built in", () => {
  test.each(rows.map((row) => [row.name, row] as const))("%s", async (_, row) => {
    expect(await outcomeOf(row)).toBe(row.outcome);
  });
});
