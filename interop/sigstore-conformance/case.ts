import { readFileSync, readdirSync, existsSync } from "node:fs";
import {
  digestOf,
  makeVerifier,
  parsePublicKey,
  TrustError,
  type Artifact,
  type HashName,
  type Verifier,
} from "@countersign/core";
import { inspect, loadTrust, readingFor, type Report, type World } from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";

/** Where the suite's bundles lie, beside the repository; absent on other machines. */
export const caseFolder: string = new URL("../../../shared/data/sigstore/bundle-verify/", import.meta.url).pathname;
/** Whether the suite's bundles are there. */
export const hasCases: boolean = existsSync(caseFolder);

const identity = {
  subject:
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
  issuer: "https://token.actions.githubusercontent.com",
};

/** One case of the suite, as its README says to read the folder. */
export interface Case {
  readonly name: string;
  readonly bundlePath: string;
  readonly artifactPath: string;
  readonly keyPath?: string;
  readonly trustedRootPath?: string;
  readonly identity: string;
  readonly issuer: string;
}

/** Every case that is there. */
export function readCases(): readonly Case[] {
  if (!hasCases) return [];
  const folders = readdirSync(caseFolder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return folders.map(({ name }) => readCase(name)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function readCase(name: string): Case {
  const folder = `${caseFolder}${name}/`;
  const path = (file: string): string | undefined => (existsSync(folder + file) ? folder + file : undefined);
  const text = (file: string): string | undefined =>
    existsSync(folder + file) ? readFileSync(folder + file, "utf8").trim() : undefined;
  const [keyPath, trustedRootPath] = [path("key.pub"), path("trusted_root.json")];
  return {
    name,
    bundlePath: `${folder}bundle.sigstore.json`,
    artifactPath: path("artifact") ?? `${caseFolder}a.txt`,
    identity: text("identity") ?? identity.subject,
    issuer: text("issuer") ?? identity.issuer,
    ...(keyPath === undefined ? {} : { keyPath }),
    ...(trustedRootPath === undefined ? {} : { trustedRootPath }),
  };
}

/** Files of a case once read, so that a test may change one. */
export interface Input {
  readonly bundle: Uint8Array;
  readonly artifact: Uint8Array;
  readonly key?: Uint8Array;
  readonly trustedRoot?: Uint8Array;
  readonly identity: string;
  readonly issuer: string;
}

/** Reads a case's files. */
export function readInput(each: Case): Input {
  return {
    bundle: readFileSync(each.bundlePath),
    artifact: readFileSync(each.artifactPath),
    identity: each.identity,
    issuer: each.issuer,
    ...(each.keyPath === undefined ? {} : { key: readFileSync(each.keyPath) }),
    ...(each.trustedRootPath === undefined ? {} : { trustedRoot: readFileSync(each.trustedRootPath) }),
  };
}

/** How the artifact is given: whole, or by its SHA-256 alone. */
export type Mode = "path" | "digest";

/** `allowed`, or the code of the first reason against it. Anything but a TrustError is thrown on. */
export async function outcomeOf(input: Input, mode: Mode, now: Date): Promise<string> {
  try {
    const report = await reportOf(input, mode, now);
    return report.decision.verdict === "allowed" ? "allowed" : (report.decision.code ?? "no code");
  } catch (error) {
    if (error instanceof TrustError) return error.code;
    throw error;
  }
}

async function reportOf(input: Input, mode: Mode, now: Date): Promise<Report> {
  const keys = input.key === undefined ? [] : [makeVerifier(parsePublicKey(input.key))];
  const files = input.trustedRoot === undefined ? [] : [{ source: "trusted_root.json", bytes: input.trustedRoot }];
  const trust = await loadTrust({ files, keys, now });
  const evidence = [{ source: "bundle", bytes: input.bundle }];
  const { hashes } = readingFor(evidence, keys);
  const world: World = { now: () => now, trust: () => Promise.resolve(trust), evidence: () => evidence };
  return inspect(artifactOf(input.artifact, mode, hashes), policyOf(input, keys), world);
}

function artifactOf(bytes: Uint8Array, mode: Mode, hashes: readonly HashName[]): Artifact {
  if (mode === "digest") return { name: "digest", digests: [digestOf("sha256", bytes)] };
  return { name: "artifact", bytes, size: bytes.length, digests: hashes.map((name) => digestOf(name, bytes)) };
}

function policyOf({ identity: subject, issuer }: Input, [key]: readonly Verifier[]): Policy {
  if (key !== undefined) return { signers: [{ kind: "key", keyid: key.keyid }] };
  return { signers: [{ kind: "certificate", identity: { exact: subject }, issuer: { exact: issuer } }] };
}
