import { checkVerified, digestOf, vouch, type Claims, type Digest, type Verified } from "@countersign/core";
import { checkSimpleSigning, type SimpleSigning } from "@countersign/oci";
import { pipelineError } from "./errors.ts";

/** A signature of cosign's older kind, proved: who signed which image, and what the payload says besides. */
export interface ImageSignature {
  readonly claims: Verified<Claims>;
  readonly payload: SimpleSigning;
}

/**
 * Carries claims about a payload over to the image that the payload names: the payload is the artifact that was proved to be
 * signed, it is of cosign's type, and it names `digest` (containers/image "simple signing"). Throws PIPELINE_PAYLOAD_UNPROVED
 * if the claims are about other bytes, CORE_NOT_VERIFIED if nobody proved them, OCI_PAYLOAD_MALFORMED and OCI_PAYLOAD_MISMATCH. Does not look at the reference and
 * the annotations in it.
 */
export function verifySimpleSigning(claims: Verified<Claims>, payload: Uint8Array, digest: Digest): ImageSignature {
  checkVerified(claims);
  if (!claims.artifact.digests.includes(digestOf("sha256", payload)))
    throw pipelineError("PIPELINE_PAYLOAD_UNPROVED", { expected: claims.artifact.digests.join(" ") });
  const parsed = checkSimpleSigning(payload, digest);
  return { claims: vouch({ ...claims, artifact: { digests: [digest] } }), payload: parsed };
}
