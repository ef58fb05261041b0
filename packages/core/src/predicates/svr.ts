import type { Json } from "../json.ts";
import { resource, type ResourceDescriptor } from "./resource.ts";
import { list, name, optional, record, timestamp, uri, wrong, type Shape } from "./shape.ts";

/** A verifier's word that an artifact had some properties at some time (simple verification result 0.1 and 0.2). */
export interface SimpleVerificationResult {
  readonly verifier: {
    readonly id: string;
    /** From 0.2 on always there, perhaps empty. */
    readonly policies?: readonly ResourceDescriptor[];
  };
  readonly timeCreated: string;
  readonly properties: readonly string[];
}

const result: Shape<SimpleVerificationResult> = record<SimpleVerificationResult>({
  verifier: record<SimpleVerificationResult["verifier"]>({ id: uri, policies: optional(list(resource)) }),
  timeCreated: timestamp,
  properties: list(name),
});

/** Reads version 0.1 (in-toto svr.md). Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseSimpleVerificationResultV01(predicate: Json): SimpleVerificationResult {
  return result(predicate, "predicate");
}

/** Reads version 0.2, which asks for `verifier.policies`. Unknown members are kept. Throws CORE_PREDICATE_MALFORMED. */
export function parseSimpleVerificationResult(predicate: Json): SimpleVerificationResult {
  const value = result(predicate, "predicate");
  if (value.verifier.policies === undefined) throw wrong("predicate.verifier.policies", "a list", null);
  return value;
}

/** A result of version 0.2. Throws CORE_PREDICATE_MALFORMED. */
export function makeSimpleVerificationResult(parts: SimpleVerificationResult): SimpleVerificationResult {
  const { verifier, timeCreated, properties } = parts;
  const made = { verifier: { id: verifier.id, policies: verifier.policies ?? [] }, timeCreated, properties };
  return parseSimpleVerificationResult(made as unknown as Json);
}
