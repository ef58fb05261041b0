import { formatStatement, slsaProvenanceType, type Artifact, type Subject } from "@countersign/core";
import { parseToken, type SignAs } from "@countersign/sigstore";
import type { BuildFacts } from "./build-context.ts";
import { attest, type Attested, type SignWorld } from "./sign.ts";

/** A build that is to be attested by whoever ran it. */
export interface BuildAttestation {
  readonly artifacts: readonly Artifact[];
  /** How the statement names them. */
  readonly subjects: readonly Subject[];
  /** The variables of the job. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly git?: NonNullable<BuildFacts["git"]>;
}

/**
 * Attests artifacts with SLSA v1 provenance, made from what the environment says of the build. The certificate is compared
 * with it before anything is signed: what contradicts it is never published. The reports mark the fields that it proves.
 * Throws PIPELINE_BUILD_CONTEXT_INCOMPLETE, PIPELINE_PROVENANCE_MISMATCH and what `attest` throws.
 */
export async function attestBuild(build: BuildAttestation, as: SignAs, world: SignWorld): Promise<Attested> {
  // Loaded here: who only verifies or signs needs none of it.
  const [{ readBuildContext }, { makeProvenance, markProvenance }] = await Promise.all([
    import("./build-context.ts"),
    import("./provenance.ts"),
  ]);
  const { artifacts, subjects, env, git } = build;
  const context = readBuildContext(env, { claims: claimsOf(as, world), ...(git && { git }) });
  const provenance = makeProvenance(context);
  const statement = formatStatement(subjects, slsaProvenanceType, JSON.stringify(provenance));
  return attest({ statement, artifacts, accept: (signer) => void markProvenance(provenance, signer) }, as, world);
}

function claimsOf(as: SignAs, world: SignWorld): Readonly<Record<string, unknown>> {
  if (as.kind === "key") return {};
  const { token, audience } = as;
  return parseToken(token, { nowMs: world.now().getTime(), ...(audience !== undefined && { audience }) }).claims;
}
