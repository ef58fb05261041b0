import type { Json } from "../json.ts";
import { optional, record, text, uri, wrong, type Shape } from "./shape.ts";

/** A registry's word that these artifacts make up this release (in-toto release 0.1 and 0.2). */
export interface Release {
  /** A package URL with its version. */
  readonly purl: string;
  /** Stays the same from release to release. */
  readonly packageId?: string;
  /** What version 0.1 called `packageId`. */
  readonly releaseId?: string;
}

const release: Shape<Release> = record<Release>({
  purl: uri,
  packageId: optional(text),
  releaseId: optional(text),
});

/** Reads a release (in-toto release.md); its purl must name a version. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseRelease(predicate: Json): Release {
  const value = release(predicate, "predicate");
  if (!hasVersion(value.purl)) throw wrong("predicate.purl", "a package URL with a version", value.purl);
  return value;
}

/** A release of version 0.2. Throws CORE_PREDICATE_MALFORMED. */
export function makeRelease(purl: string, packageId?: string): Release {
  return parseRelease(packageId === undefined ? { purl } : { purl, packageId });
}

/** purl-spec: `pkg:type/namespace/name@version?qualifiers#subpath`; an `@` of a namespace is written `%40` or comes before a `/`. */
function hasVersion(purl: string): boolean {
  const path = purl.replace(/[?#].*$/s, "");
  return /^pkg:\/*[A-Za-z][A-Za-z0-9.+-]*\/(?:[^/]+\/)*[^/@]+@[^/@]+(?:\/[^/@]+)*$/.test(path);
}
