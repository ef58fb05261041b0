import { quote, type Json, type Statement, type Subject, type TrustError } from "@countersign/core";
import type { SimpleSigning } from "@countersign/oci";
import { pipelineError } from "./errors.ts";

/** What evidence about an image must be: decided by what was signed, never by how it is stored. */
export type ImageRole =
  | {
      readonly kind: "signature";
      /** Each must be among those that were signed, with this very value. */
      readonly annotations?: ReadonlyMap<string, string>;
    }
  | { readonly kind: "attestation"; readonly predicateType: string };

/** The one predicate type that says "I sign this image" and nothing more (cosign 3). */
export const imageSignatureType = "https://sigstore.dev/cosign/sign/v1";

/** Why a statement does not have the role, or undefined if it has. `subject` is the one that is the image. */
export function statementProblem(
  statement: Statement | undefined,
  subject: Subject | undefined,
  role: ImageRole,
): TrustError | undefined {
  const wanted = role.kind === "signature" ? imageSignatureType : role.predicateType;
  if (statement?.predicateType !== wanted) {
    const got = statement === undefined ? "a signature of something else" : quote(statement.predicateType);
    return pipelineError("PIPELINE_IMAGE_ROLE", { checked: "predicate type", expected: quote(wanted), got });
  }
  return role.kind === "signature"
    ? annotationProblem(role, (name) => memberOf(subject?.annotations, name))
    : undefined;
}

/** Why a simple-signing payload does not have the role. */
export function payloadProblem(payload: SimpleSigning, role: ImageRole): TrustError | undefined {
  if (role.kind === "attestation")
    return pipelineError("PIPELINE_IMAGE_ROLE", { expected: quote(role.predicateType), got: "a signature" });
  return annotationProblem(role, (name) => payload.optional.get(name));
}

function annotationProblem(
  { annotations }: Extract<ImageRole, { kind: "signature" }>,
  valueOf: (name: string) => Json | undefined,
): TrustError | undefined {
  for (const [name, wanted] of annotations ?? []) {
    const got = valueOf(name);
    if (got === wanted) continue;
    return pipelineError("PIPELINE_IMAGE_ANNOTATION", {
      checked: quote(name),
      expected: quote(wanted),
      got: got === undefined ? "nothing" : quote(typeof got === "string" ? got : JSON.stringify(got)),
    });
  }
  return undefined;
}

function memberOf(object: Readonly<Record<string, Json | undefined>> | undefined, name: string): Json | undefined {
  return object !== undefined && Object.hasOwn(object, name) ? object[name] : undefined;
}
