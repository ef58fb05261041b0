import { closeSync, constants, createReadStream, fstatSync, openSync, readSync, type Stats } from "node:fs";
import {
  defaultKeepBytes,
  digestOf,
  digestStream,
  maxKeepBytes,
  parseDigest,
  quote,
  type Artifact,
  type DigestOptions,
} from "@countersign/core";
import { maxBundleBytes, type Reading } from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import type { EvidenceFile } from "./evidence.ts";

/** What a question of a list is about. `bytes` only for what is small; a large file is read as a stream. */
export type ListArtifact =
  | { readonly path: string }
  | { readonly digest: string; readonly name?: string }
  /** Several digests of one artifact, which somebody who is believed has taken. */
  | { readonly name: string; readonly digests: readonly string[] }
  | { readonly name: string; readonly bytes: Uint8Array };

/** Where a piece of evidence is. */
export type ListEvidence = { readonly path: string } | { readonly source: string; readonly bytes: Uint8Array };

/**
 * The bytes of a piece of evidence. Throws PIPELINE_NO_EVIDENCE for a file that is not there, PIPELINE_FILE_UNREADABLE for one
 * that cannot be read, is larger than a bundle may be, or is no plain file.
 */
export function readEvidence(evidence: ListEvidence): EvidenceFile {
  if ("bytes" in evidence) return evidence;
  const { path } = evidence;
  return withFile(path, "evidence", (fd, { size }) => {
    if (size > maxBundleBytes) throw unreadable(path, `${size} bytes, more than a bundle may have`);
    return { source: path, bytes: readWhole(fd, size) };
  });
}

/** The artifact, read once and as `reading` says. Throws PIPELINE_FILE_UNREADABLE, and core's for a malformed digest. */
export function readArtifact(artifact: ListArtifact, reading: Reading): Promise<Artifact> | Artifact {
  if ("digest" in artifact) return { name: artifact.name ?? artifact.digest, digests: [parseDigest(artifact.digest)] };
  if ("digests" in artifact) return { name: artifact.name, digests: artifact.digests.map(parseDigest) };
  const how = { hashes: reading.hashes, keepBytes: reading.wholeMessage ? maxKeepBytes : defaultKeepBytes };
  return "bytes" in artifact ? readBytes(artifact.name, artifact.bytes, how) : readPath(artifact.path, how);
}

/** What is small is read at once: for ten thousand files a stream each costs more than their signatures. */
function readPath(path: string, how: How): Promise<Artifact> | Artifact {
  const small = withFile(path, "artifact", (fd, { size }) =>
    size <= defaultKeepBytes ? readWhole(fd, size) : undefined,
  );
  return small === undefined
    ? digestStream(createReadStream(path), { name: path, ...how })
    : readBytes(path, small, how);
}

type How = Pick<DigestOptions, "hashes"> & { readonly keepBytes: number };

/** As `digestStream` of one chunk. */
function readBytes(name: string, bytes: Uint8Array, { hashes, keepBytes }: How): Artifact {
  const digests = hashes.map((hash) => digestOf(hash, bytes));
  return { name, digests, size: bytes.length, ...(bytes.length <= keepBytes && { bytes }) };
}

/** Opens without waiting, so that a pipe in a list keeps nobody. */
function withFile<T>(path: string, what: "artifact" | "evidence", read: (fd: number, stats: Stats) => T): T {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw unreadable(path, "no plain file");
    return read(fd, stats);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (what === "evidence" && code === "ENOENT")
      throw pipelineError("PIPELINE_NO_EVIDENCE", { checked: quote(path) }, error);
    if (code?.startsWith("E")) throw unreadable(path, code, error);
    throw error;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function unreadable(path: string, got: string, cause?: unknown): Error {
  return pipelineError("PIPELINE_FILE_UNREADABLE", { checked: quote(path), got }, cause);
}

/** A file that grows while it is read is read as long as it was; one that shrinks, as far as it goes. */
function readWhole(fd: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let length = 0; length < size;) {
    const count = readSync(fd, bytes, length, size - length, null);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
  }
  return bytes;
}
