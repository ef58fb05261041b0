import {
  coreError,
  digestName,
  digestOf,
  parseDigest,
  quote,
  type Artifact,
  type Digest,
  type Subject,
  type Verifier,
} from "@countersign/core";
import { sigstoreError } from "./errors.ts";

/**
 * Proves that the caller's artifact is one thing: it has a digest, and if its bytes are at hand every digest is theirs.
 * Signatures are checked over the bytes, logs and Statements by digest: were they two things, each would prove another.
 * Without bytes nothing ties several digests together; `provedDigests` says which of them count.
 * Throws CORE_DIGEST_MISSING, CORE_DIGEST_MALFORMED, SIGSTORE_ARTIFACT_INCONSISTENT.
 */
export function checkArtifactDigests(artifact: Artifact): void {
  if (artifact.digests.length === 0) throw coreError("CORE_DIGEST_MISSING", { checked: quote(artifact.name) });
  for (const given of artifact.digests) {
    const digest = parseDigest(given);
    if (artifact.bytes === undefined) continue;
    const ours = digestOf(digestName(digest), artifact.bytes);
    if (ours !== digest)
      throw sigstoreError("SIGSTORE_ARTIFACT_INCONSISTENT", {
        checked: quote(artifact.name),
        expected: ours,
        got: digest,
      });
  }
}

/**
 * The digests that the signature covers. All of them if the content was read, since they were made of the same bytes;
 * else only the one that the signature was checked with, or those that the Statement's subject lists.
 */
export function provedDigests(
  artifact: Artifact,
  by: { readonly verifier: Verifier } | { readonly subject: Subject },
): readonly Digest[] {
  if (artifact.size !== undefined || artifact.bytes !== undefined) return [...artifact.digests];
  if ("verifier" in by) return artifact.digests.filter((digest) => digestName(digest) === by.verifier.algorithm.hash);
  return artifact.digests.filter((digest) => Object.hasOwn(by.subject.digest, digestName(digest)));
}
