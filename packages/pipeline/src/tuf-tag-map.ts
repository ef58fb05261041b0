import { digestName, digestOf, quote, type Artifact } from "@countersign/core";
import { verifyTarget, type Fetcher, type TrustedTarget, type Updater } from "@countersign/tuf";
import { pipelineError } from "./errors.ts";
import type { ProvedTagMap, TagMaps } from "./image-tag.ts";
import { maxTagMapBytes, parseTagMap, tagMapTarget } from "./tag-map.ts";
import type { SecondOpinion } from "./second-opinion.ts";
import { collectTarget } from "./tuf-target.ts";

/** A TUF repository with maps, by its client. */
export interface TagMapSource {
  readonly updater: Updater;
  readonly fetcher: Fetcher;
  /** What another implementation says of the target that holds a map. */
  readonly confirm?: (target: TrustedTarget) => Promise<SecondOpinion>;
}

/**
 * The maps that a TUF repository delivers. It is refreshed once, for all images of a run, and each map is fetched once: what is
 * expired, older than what was seen before, mixed or signed by others is refused by the update client.
 */
export function tufTagMaps(source: TagMapSource): TagMaps {
  let ready: Promise<unknown> | undefined;
  const fetched = new Map<string, Promise<ProvedTagMap>>();
  return async (repository) => {
    ready ??= source.updater.refresh();
    await ready;
    const name = tagMapTarget(repository);
    const proved = fetched.get(name) ?? fetchMap(name, source);
    fetched.set(name, proved);
    return await proved;
  };
}

async function fetchMap(name: string, { updater, fetcher, confirm }: TagMapSource): Promise<ProvedTagMap> {
  const target = await updater.target(name);
  if (target === undefined) throw pipelineError("PIPELINE_TAG_MAP_ABSENT", { expected: quote(name) });
  if (target.length > maxTagMapBytes)
    throw pipelineError("PIPELINE_TAG_MAP_MALFORMED", {
      checked: quote(name),
      expected: `at most ${maxTagMapBytes} bytes`,
      got: String(target.length),
    });
  const secondOpinion = await confirm?.(target);
  const bytes = await collectTarget(fetcher, target);
  return {
    map: parseTagMap(bytes),
    claims: verifyTarget(target, artifactOf(target, bytes)),
    ...(secondOpinion && { secondOpinion }),
  };
}

function artifactOf({ name, digests }: TrustedTarget, bytes: Uint8Array): Artifact {
  return { name, digests: digests.map((each) => digestOf(digestName(each), bytes)), bytes, size: bytes.length };
}
