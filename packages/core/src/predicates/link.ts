import type { Json, JsonObject } from "../json.ts";
import { digestSet, namedResource, type DigestSet, type ResourceDescriptor } from "./resource.ts";
import { anyObject, list, mapOf, name, optional, record, text, wrong, type Shape } from "./shape.ts";

/** One step of a supply chain, whose products are the subjects (in-toto link 0.3). */
export interface LinkPredicate {
  readonly name: string;
  readonly command?: readonly string[];
  /** Each with a name, all different, and a digest. */
  readonly materials?: readonly ResourceDescriptor[];
  readonly byproducts?: JsonObject;
  readonly environment?: JsonObject;
}

const link: Shape<LinkPredicate> = record<LinkPredicate>({
  name,
  command: optional(list(text)),
  materials: optional(list(namedResource)),
  byproducts: optional(anyObject),
  environment: optional(anyObject),
});

/** Reads link 0.3 (in-toto link.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseLinkPredicate(predicate: Json): LinkPredicate {
  const value = link(predicate, "predicate");
  const names = (value.materials ?? []).map((material) => material.name);
  if (new Set(names).size !== names.length) throw wrong("predicate.materials", "each name once", names.length);
  return value;
}

/** A link as cosign attests it (https://in-toto.io/Link/v1): materials and products by name. */
export interface LegacyLinkPredicate {
  readonly name: string;
  readonly command?: readonly string[];
  readonly materials?: Readonly<Record<string, DigestSet>>;
  readonly products?: Readonly<Record<string, DigestSet>>;
  readonly byproducts?: JsonObject;
  readonly environment?: JsonObject;
}

const legacy: Shape<LegacyLinkPredicate> = record<LegacyLinkPredicate>({
  name,
  command: optional(list(text)),
  materials: optional(mapOf(digestSet)),
  products: optional(mapOf(digestSet)),
  byproducts: optional(anyObject),
  environment: optional(anyObject),
});

/** Reads a link of the old form. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseLegacyLinkPredicate(predicate: Json): LegacyLinkPredicate {
  return legacy(predicate, "predicate");
}

/** A link of version 0.3. Throws CORE_PREDICATE_MALFORMED. */
export function makeLinkPredicate(parts: LinkPredicate): LinkPredicate {
  return parseLinkPredicate(parts as unknown as Json);
}
