import { randomBytes } from "node:crypto";
import { hash } from "@countersign/core";
import { makeAuthority, makeCtLog, makeLog, makeTsa, makeV1Log, type FulcioClaims } from "@countersign/local-sigstore";
import { makeEvidence, trustRootBytes, type Instance, type Plan } from "@countersign/testkit";
import { rootFromInclusion } from "@countersign/tlog";
import { samplePolicy, type Sample } from "./sample.ts";

const server = "https://github.com/octo";
const commit = "9f1c5a3b2d4e6f708192a3b4c5d6e7f801234567";
/** What Fulcio writes about a run of GitHub Actions: as much of a certificate as its key and signature together. */
const claims: FulcioClaims = {
  githubWorkflowTrigger: "push",
  githubWorkflowSHA: commit,
  githubWorkflowName: "release",
  githubWorkflowRepository: "octo/release",
  githubWorkflowRef: "refs/heads/main",
  buildSignerURI: samplePolicy.identity,
  buildSignerDigest: commit,
  runnerEnvironment: "github-hosted",
  sourceRepositoryURI: `${server}/release`,
  sourceRepositoryDigest: commit,
  sourceRepositoryRef: "refs/heads/main",
  sourceRepositoryIdentifier: "123456789",
  sourceRepositoryOwnerURI: server,
  sourceRepositoryOwnerIdentifier: "987654",
  buildConfigURI: samplePolicy.identity,
  buildConfigDigest: commit,
  buildTrigger: "push",
  runInvocationURI: `${server}/release/actions/runs/4242424242/attempts/1`,
  sourceRepositoryVisibilityAtSigning: "public",
};

/** Entries in each log's tree: about what the public ones hold. The proofs have as many hashes as the exponent says. */
const treeLevels = { 1: 30, 2: 25 } as const;
const artifactLength = 1024;
const now = new Date("2026-03-01T12:00:00.000Z");

/** A Sigstore with the public-good instance's key types: CA and TSA on P-384, CT log and Rekor v1 on P-256, Rekor v2 with Ed25519. */
export function makeBenchInstance(): Instance {
  const clock = (): Date => now;
  const start = new Date(now.getTime() - 86_400_000);
  const ctLog = makeCtLog({ baseUrl: "http://ct.bench.test", start, operator: "ct" });
  const ca = makeAuthority({ uri: "http://ca.bench.test", now: clock, ctLogs: [ctLog], operator: "ca", kind: "p384" });
  const rekor = makeLog({ origin: "log.bench.test", start, operator: "log" });
  const rekorV1 = makeV1Log({ name: "rekor.bench.test", start, now: clock, operator: "rekor" });
  const tsa = makeTsa({ uri: "http://tsa.bench.test", now: clock, operator: "tsa", kind: "p384" });
  const logs = [rekorV1.trusted, rekor.trusted] as const;
  const parts = { version: "0.1", cas: [ca.trusted], tsas: [tsa.trusted], logs, ctLogs: [ctLog.trusted] } as const;
  return { now, ca, ctLog, rekor, rekorV1, tsa, parts };
}

/** The instance's trust root, as the bytes of a file. */
export function trustOf(instance: Instance): Uint8Array {
  return trustRootBytes(instance.parts);
}

/** As many keyless bundles of version 0.3 as asked for, each of its own key, artifact and entry; Rekor v1 and v2 by turns. */
export function makeSamples(instance: Instance, count: number): readonly Sample[] {
  return Array.from({ length: count }, (_, at) => makeSample(instance, at % 2 === 0 ? 1 : 2));
}

/** How a sample is made: as GitHub Actions would, into one of the two logs. */
export function samplePlan(generation: 1 | 2): Plan {
  return {
    entry: generation === 1 ? "hashedrekord 0.0.1" : "hashedrekord 0.0.2",
    leaf: { identity: { type: "uri", value: samplePolicy.identity }, issuer: samplePolicy.issuer, claims },
  };
}

function makeSample(instance: Instance, generation: 1 | 2): Sample {
  const artifact = new Uint8Array(randomBytes(artifactLength));
  const { json } = makeEvidence(instance, { ...samplePlan(generation), artifact });
  growTree(instance, json as unknown as BundleJson, generation);
  return { generation, artifact, bundle: new TextEncoder().encode(JSON.stringify(json)) };
}

interface BundleJson {
  readonly verificationMaterial: {
    readonly tlogEntries: readonly [
      {
        logIndex: string;
        readonly canonicalizedBody: string;
        readonly inclusionProof: {
          logIndex: string;
          treeSize: string;
          rootHash: string;
          hashes: string[];
          checkpoint: { envelope: string };
        };
      },
    ];
  };
}

/** Puts the entry into a tree of realistic size whose other nodes are made up: a proof of one leaf would flatter us. */
function growTree(instance: Instance, json: BundleJson, generation: 1 | 2): void {
  const [entry] = json.verificationMaterial.tlogEntries;
  const levels = treeLevels[generation];
  const size = 1n << BigInt(levels);
  const index = BigInt(randomBytes(4).readUInt32BE()) % size;
  const path = Array.from({ length: levels }, () => new Uint8Array(randomBytes(32)));
  const leaf = hash("sha256", Buffer.concat([Buffer.of(0), Buffer.from(entry.canonicalizedBody, "base64")]));
  const root = rootFromInclusion({ index, size, path }, leaf);
  const log = generation === 1 ? instance.rekorV1 : instance.rekor;
  Object.assign(entry.inclusionProof, {
    logIndex: `${index}`,
    treeSize: `${size}`,
    rootHash: Buffer.from(root).toString("base64"),
    hashes: path.map((each) => Buffer.from(each).toString("base64")),
    checkpoint: { envelope: log.checkpoint({ size, root }) },
  });
  // Rekor v1's global index is promised and stays; Rekor v2 has only one.
  if (generation === 2) entry.logIndex = `${index}`;
}
