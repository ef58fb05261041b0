import type { Json } from "../json.ts";
import { resource, type ResourceDescriptor } from "./resource.ts";
import { list, record, uri, wrong, type Shape } from "./shape.ts";

/** Documents about an artifact that are kept elsewhere, such as its SBOM (in-toto reference 0.1). */
export interface Reference {
  readonly attester: { readonly id: string };
  readonly references: readonly (ResourceDescriptor & {
    readonly downloadLocation: string;
    readonly mediaType: string;
  })[];
}

const document: Shape<Reference["references"][number]> = (value, at) => {
  const descriptor = resource(value, at);
  const { downloadLocation, mediaType } = descriptor;
  if (downloadLocation === undefined || mediaType === undefined || mediaType === "")
    throw wrong(at, "a downloadLocation and a mediaType", value);
  return { ...descriptor, downloadLocation, mediaType };
};

const reference: Shape<Reference> = record<Reference>({
  attester: record<Reference["attester"]>({ id: uri }),
  references: list(document),
});

/** Reads references (in-toto reference.md). Unknown members are kept; nothing is fetched. Throws CORE_PREDICATE_MALFORMED. */
export function parseReference(predicate: Json): Reference {
  return reference(predicate, "predicate");
}

/** References of one's own. Throws CORE_PREDICATE_MALFORMED. */
export function makeReference(attesterId: string, references: Reference["references"]): Reference {
  return parseReference({ attester: { id: attesterId }, references } as unknown as Json);
}
