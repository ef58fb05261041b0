import type { Json, JsonObject } from "../json.ts";
import { resource, type ResourceDescriptor } from "./resource.ts";
import { anyObject, list, name, optional, record, type Shape } from "./shape.ts";

/** Attributes that an artifact or its producer has, with the evidence for each (in-toto SCAI 0.2 and 0.3). */
export interface AttributeReport {
  readonly attributes: readonly AttributeAssertion[];
  readonly producer?: ResourceDescriptor;
}

export interface AttributeAssertion {
  readonly attribute: string;
  readonly target?: ResourceDescriptor;
  readonly conditions?: JsonObject;
  readonly evidence?: ResourceDescriptor;
}

const report: Shape<AttributeReport> = record<AttributeReport>({
  attributes: list(
    record<AttributeAssertion>({
      attribute: name,
      target: optional(resource),
      conditions: optional(anyObject),
      evidence: optional(resource),
    }),
    1,
  ),
  producer: optional(resource),
});

/** Reads an attribute report (in-toto scai.md), at least one assertion. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseAttributeReport(predicate: Json): AttributeReport {
  return report(predicate, "predicate");
}

/** A report of one's own; throws CORE_PREDICATE_MALFORMED where it asserts nothing. */
export function makeAttributeReport(parts: AttributeReport): AttributeReport {
  return parseAttributeReport(parts as unknown as Json);
}
