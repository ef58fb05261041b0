import { findingOf, quote, TrustError, type Claims, type Digest, type Finding, type Verified } from "@countersign/core";
import { formatRepository, type Reference, type Repository } from "@countersign/oci";
import { pipelineError } from "./errors.ts";
import { opinionProblem } from "./opinion-problem.ts";
import type { SecondOpinion } from "./second-opinion.ts";
import { tagMapTarget, type TagMap } from "./tag-map.ts";

/** A map of tags that a TUF repository was proved to deliver, and its claims: version, expiry and signers of the role that lists it. */
export interface ProvedTagMap {
  readonly map: TagMap;
  readonly claims: Verified<Claims>;
  /** What another implementation says of the map's target; only where one was asked. */
  readonly secondOpinion?: SecondOpinion;
}

/** The map of a repository's tags. Rejects where it cannot be had, or does not hold. */
export type TagMaps = (repository: Repository) => Promise<ProvedTagMap>;

/** What the map says of one reference; part of an image's report. */
export interface TagReport {
  readonly verdict: "allowed" | "refused" | "unknown";
  /** The target that holds the map. */
  readonly target: string;
  /** The digest that the map gives the tag that was asked for. */
  readonly expected?: Digest;
  /** The tags that the map gives the digest that the reference names now. */
  readonly tags?: readonly string[];
  /** What the TUF repository was proved to say of the map. */
  readonly claims?: Verified<Claims>;
  /** What another implementation says of the map's target; only where one was asked. Without its `agree` nothing is allowed. */
  readonly secondOpinion?: SecondOpinion;
  readonly findings: readonly Finding[];
}

/**
 * Judges what a reference names now by the map of its repository: a tag must have the digest that the map gives it, and a
 * digest without a tag must be one that the map still gives some tag. Says nothing about who signed the image.
 */
export async function judgeTag(reference: Reference, got: Digest, maps: TagMaps): Promise<TagReport> {
  const target = tagMapTarget(reference);
  let proved: ProvedTagMap;
  try {
    proved = await maps(reference);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { verdict: verdictBy(error), target, findings: [findingOf(error)] };
  }
  const { map, claims, secondOpinion } = proved;
  const expected = reference.tag === undefined ? undefined : map.tags.get(reference.tag);
  const tags = [...map.tags].flatMap(([tag, digest]) => (digest === got ? [tag] : []));
  const against = secondOpinion && opinionProblem(secondOpinion);
  const problems = [tagProblem(reference, { got, expected, tags }, map), against].filter((each) => each !== undefined);
  const verdicts = problems.map(verdictBy);
  return {
    verdict: verdicts.find((each) => each === "refused") ?? verdicts[0] ?? "allowed",
    target,
    ...(expected !== undefined && { expected }),
    tags,
    // What the other implementation did not find as well proves nothing to whoever asked it.
    ...(against === undefined && { claims }),
    ...(secondOpinion !== undefined && { secondOpinion }),
    findings: problems.map(findingOf),
  };
}

function verdictBy({ kind }: TrustError): "refused" | "unknown" {
  return kind === "unavailable" ? "unknown" : "refused";
}

interface Looked {
  readonly got: Digest;
  readonly expected: Digest | undefined;
  readonly tags: readonly string[];
}

function tagProblem(
  { registry, repository, tag }: Reference,
  { got, expected, tags }: Looked,
  map: TagMap,
): TrustError | undefined {
  const name = formatRepository({ registry, repository });
  const mapped = formatRepository(map.repository);
  if (mapped !== name) return pipelineError("PIPELINE_TAG_MAP_NAME", { expected: quote(name), got: quote(mapped) });
  if (tag === undefined)
    return tags.length > 0 ? undefined : pipelineError("PIPELINE_TAG_UNMAPPED", { checked: name, got });
  if (expected === undefined) return pipelineError("PIPELINE_TAG_UNMAPPED", { checked: quote(`${name}:${tag}`) });
  return expected === got
    ? undefined
    : pipelineError("PIPELINE_TAG_MOVED", { checked: quote(`${name}:${tag}`), expected, got });
}
