import {
  compareCodePoints,
  parseDigest,
  parseJson,
  quote,
  readObject,
  TrustError,
  utf8,
  type Detail,
  type Digest,
} from "@countersign/core";
import { formatRepository, isTag, parseRepository, type Repository } from "@countersign/oci";
import { pipelineError } from "./errors.ts";

/** Which digest each tag of one repository names, as whoever publishes the images says: docs/formats/tag-map.md. */
export interface TagMap {
  readonly repository: Repository;
  readonly tags: ReadonlyMap<string, Digest>;
}

/** The one form that is read. */
export const tagMapSchema = "countersign.tag-map/v1";
/** The largest map that is read, in bytes. */
export const maxTagMapBytes: number = 8 * 1024 * 1024;
/** The most tags of one map. */
export const maxMappedTags: number = 50_000;

/**
 * The target of a TUF repository that holds a repository's map: `images/HOST/NAME.json`, with `_` for the colon before a
 * port, which no host name has and Windows takes in no file name. So a delegation of `images/HOST/TEAM/*` says who may
 * speak for whose names.
 */
export function tagMapTarget(repository: Repository): string {
  return `images/${formatRepository({ ...repository, registry: repository.registry.replaceAll(":", "_") })}.json`;
}

/** Parses a map. Throws PIPELINE_TAG_MAP_MALFORMED and the errors of `parseJson`. Proves nothing about who wrote it. */
export function parseTagMap(bytes: Uint8Array): TagMap {
  const reader = readObject(parseJson(bytes, { maxBytes: maxTagMapBytes, maxDepth: 4 }), "tag map", malformed);
  const schema = reader.string("schema");
  if (schema !== tagMapSchema) throw malformed({ checked: "schema", expected: tagMapSchema, got: quote(schema) });
  const name = reader.string("repository");
  const repository = orMalformed("repository", name, () => parseRepository(name));
  // One spelling of each name: `app` and `docker.io/library/app` would be two files for one repository.
  if (formatRepository(repository) !== name)
    throw malformed({ checked: "repository", expected: formatRepository(repository), got: quote(name) });
  const listed = reader.json("tags");
  readObject(listed, "tags", malformed);
  reader.refuseUnknown();
  const entries = Object.entries(listed as Readonly<Record<string, unknown>>);
  if (entries.length > maxMappedTags) throw malformed({ checked: "tags", expected: `at most ${maxMappedTags}` });
  return { repository, tags: new Map(entries.map(([tag, digest]) => readTag(tag, digest))) };
}

function readTag(tag: string, digest: unknown): readonly [string, Digest] {
  if (!isTag(tag)) throw malformed({ checked: "tags", expected: "a tag", got: quote(tag) });
  if (typeof digest !== "string") throw malformed({ checked: `tags.${tag}`, expected: "a digest" });
  return [tag, orMalformed(`tags.${tag}`, digest, () => parseDigest(digest))];
}

function orMalformed<T>(checked: string, got: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    throw malformed({ checked, got: quote(got) }, error);
  }
}

function malformed(detail: Detail, cause?: unknown): TrustError {
  return pipelineError("PIPELINE_TAG_MAP_MALFORMED", detail, cause);
}

/** The file that `parseTagMap` reads back; tags in the order of their code points, so that the same map is the same bytes. */
export function formatTagMap({ repository, tags }: TagMap): Uint8Array {
  const sorted = [...tags].toSorted(([a], [b]) => compareCodePoints(a, b));
  const map = { schema: tagMapSchema, repository: formatRepository(repository), tags: Object.fromEntries(sorted) };
  return utf8(`${JSON.stringify(map, undefined, 2)}\n`);
}
