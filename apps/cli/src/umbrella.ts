import { createReadStream } from "node:fs";
import { defaultKeepBytes, digestStream, maxKeepBytes, type Artifact, type Verifier } from "@countersign/core";
import {
  inspect,
  loadTrust,
  readingFor,
  type EvidenceFile,
  type Report,
  type TrustOptions,
  type World,
} from "@countersign/pipeline";
import type { Policy } from "@countersign/policy";
import { readSmallFile } from "./input.node.ts";

/** What a verdict needs of the outside: a clock and what is trusted. `openWorld` makes one. */
export type VerifyWorld = Pick<World, "now" | "trust">;

/**
 * Decides whether `artifact` may be trusted under `policy`, on the word of `evidence` alone: it looks at no other file
 * and opens no socket. The report says allowed, refused or unknown and lists every check; bad evidence is in the
 * report. Throws a TrustError of kind `usage` for a policy that would accept anybody, and those of `world.trust`.
 */
export function verify(
  artifact: Artifact,
  evidence: readonly EvidenceFile[],
  policy: Policy,
  world: VerifyWorld,
): Promise<Report> {
  return inspect(artifact, policy, { now: () => world.now(), trust: () => world.trust(), evidence: () => evidence });
}

/** The system's clock and a trust root: of the files given, else the one built in (public-good unless named). */
export function openWorld(options: Omit<TrustOptions, "now"> = {}): VerifyWorld {
  const now = (): Date => new Date(Date.now());
  return { now, trust: () => loadTrust({ ...options, now: now() }) };
}

/** Reads a bundle from disk, unparsed and at most 16 MiB of it. Rejects with CLI_FILE_* errors. */
// oxlint-disable-next-line typescript/require-await -- errors must reject, not throw
export async function readEvidence(path: string): Promise<EvidenceFile> {
  return { source: path, bytes: readSmallFile(path, "bundle") };
}

const chunkBytes = 1024 * 1024;

/** Reads a file of any size in constant memory, with the hashes that this evidence (and these keys) will be checked with. */
export function readArtifactFile(
  path: string,
  evidence: readonly EvidenceFile[],
  keys: readonly Verifier[] = [],
): Promise<Artifact> {
  const { hashes, wholeMessage } = readingFor(evidence, keys);
  const keepBytes = wholeMessage ? maxKeepBytes : defaultKeepBytes;
  return digestStream(createReadStream(path, { highWaterMark: chunkBytes }), { name: path, hashes, keepBytes });
}
