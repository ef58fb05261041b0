import type { Json } from "../json.ts";
import { digestSet, type DigestSet } from "./resource.ts";
import {
  list,
  mapOf,
  name,
  number,
  oneOf,
  optional,
  record,
  text,
  timestamp,
  uri,
  wrong,
  type Shape,
} from "./shape.ts";

/** A verifier's word that an artifact meets a policy and which SLSA levels it reaches (SLSA verification summary v1). */
export interface VerificationSummary {
  readonly verifier: { readonly id: string; readonly version?: Readonly<Record<string, string>> };
  readonly timeVerified?: string;
  /** Where the artifact was to be had; a reader compares it exactly with what was asked for. */
  readonly resourceUri: string;
  readonly policy: { readonly uri: string; readonly digest?: DigestSet };
  readonly inputAttestations?: readonly { readonly uri?: string; readonly digest: DigestSet }[];
  readonly verificationResult: "PASSED" | "FAILED";
  readonly verifiedLevels: readonly string[];
  /** How many transitive dependencies reach each level. */
  readonly dependencyLevels?: Readonly<Record<string, number>>;
  readonly slsaVersion?: string;
}

const count: Shape<number> = (value, at) => {
  const counted = number(typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value, at);
  if (!Number.isSafeInteger(counted) || counted < 0) throw wrong(at, "a whole number", value);
  return counted;
};

const summary: Shape<VerificationSummary> = record<VerificationSummary>({
  verifier: record<VerificationSummary["verifier"]>({ id: uri, version: optional(mapOf(text)) }),
  timeVerified: optional(timestamp),
  resourceUri: uri,
  policy: record<VerificationSummary["policy"]>({ uri, digest: optional(digestSet) }),
  inputAttestations: optional(
    list(
      record<NonNullable<VerificationSummary["inputAttestations"]>[number]>({
        uri: optional(text),
        digest: digestSet,
      }),
    ),
  ),
  verificationResult: oneOf("PASSED", "FAILED"),
  verifiedLevels: list(name),
  dependencyLevels: optional(mapOf(count)),
  slsaVersion: optional(text),
});

/**
 * Reads a verification summary (slsa.dev/spec/v1.2/verification_summary). Unknown members are kept. Does not judge the
 * verifier, nor compare `resourceUri`: both are the reader's to do. Throws CORE_PREDICATE_MALFORMED.
 */
export function parseVerificationSummary(predicate: Json): VerificationSummary {
  const value = summary(predicate, "predicate");
  const tracks = value.verifiedLevels.flatMap((level) => /^(SLSA_.+)_LEVEL_/.exec(level)?.[1] ?? []);
  if (new Set(tracks).size !== tracks.length)
    throw wrong("predicate.verifiedLevels", "one level of each SLSA track", value.verifiedLevels.join(", "));
  return value;
}

/** A summary of one's own; throws CORE_PREDICATE_MALFORMED where it says too little. */
export function makeVerificationSummary(parts: VerificationSummary): VerificationSummary {
  return parseVerificationSummary(parts as unknown as Json);
}
