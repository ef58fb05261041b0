import { mapOf, name, optional, record, text, uri, wrong, anything, type Shape } from "./shape.ts";
import type { Json } from "../json.ts";

/** Digests by algorithm name (in-toto digest_set.md). */
export type DigestSet = Readonly<Record<string, string>>;

/** What an attestation refers to (in-toto resource_descriptor.md): at least one of `uri`, `digest` and `content`. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: DigestSet;
  /** Base64. */
  readonly content?: string;
  readonly downloadLocation?: string;
  readonly mediaType?: string;
  readonly annotations?: Readonly<Record<string, Json>>;
}

/** How many hex digits the values of the algorithms have whose values are hex. */
const hexDigits: ReadonlyMap<string, readonly number[]> = new Map([
  ["md5", [32]],
  ["sha1", [40]],
  ["sha224", [56]],
  ["sha256", [64]],
  ["sha384", [96]],
  ["sha512", [128]],
  ["gitCommit", [40, 64]],
  ["gitTree", [40, 64]],
  ["gitBlob", [40, 64]],
  ["gitTag", [40, 64]],
]);

/** At least one digest; those of well-known algorithms are lower-case hex of their length, others are not empty. */
export const digestSet: Shape<DigestSet> = (value, at) => {
  const digests = mapOf(name)(value, at);
  const rows = Object.entries(digests);
  if (rows.length === 0) throw wrong(at, "at least one digest", value);
  for (const [algorithm, digest] of rows) {
    const lengths = hexDigits.get(algorithm);
    if (lengths !== undefined && !(lengths.includes(digest.length) && /^[0-9a-f]+$/.test(digest)))
      throw wrong(`${at}.${algorithm}`, `${lengths.join(" or ")} lower-case hex digits`, digest);
  }
  return digests;
};

const members: Shape<ResourceDescriptor> = record<ResourceDescriptor>({
  name: optional(text),
  uri: optional(uri),
  digest: optional(digestSet),
  content: optional(text),
  downloadLocation: optional(uri),
  mediaType: optional(text),
  annotations: optional(mapOf(anything)),
});

/** A resource descriptor that says what it is about. */
export const resource: Shape<ResourceDescriptor> = (value, at) => {
  const descriptor = members(value, at);
  if (descriptor.uri === undefined && descriptor.digest === undefined && descriptor.content === undefined)
    throw wrong(at, "one of uri, digest and content", value);
  return descriptor;
};

/** A resource descriptor with both a name and a digest, as links ask for. */
export const namedResource: Shape<ResourceDescriptor & { readonly name: string; readonly digest: DigestSet }> = (
  value,
  at,
) => {
  const descriptor = resource(value, at);
  const { name: named, digest } = descriptor;
  if (named === undefined || named === "" || digest === undefined) throw wrong(at, "a name and a digest", value);
  return { ...descriptor, name: named, digest };
};
