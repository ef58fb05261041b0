import { quote, readObject, type Json, type JsonObject, type ObjectReader, type TrustError } from "@countersign/core";
import { inTotoError } from "../errors.ts";
import { parseRule, type Rule } from "../rule.ts";
import { readAttributeRules, substituteAttributeRule, type AttributeRule } from "./attribute.ts";
import type { Substitutions } from "../substitution.ts";

/** An attestation that a step needs (ITE-10 and ITE-11, drafts). */
export interface ExpectedPredicate {
  readonly predicateType: string;
  /** Ids of the keys, or Sigstore identities, that may attest it. */
  readonly functionaries: readonly string[];
  /** How many of them must. */
  readonly threshold: number;
  /** For what the attestation lists as products, besides the rules of the step. */
  readonly expectedProducts: readonly Rule[];
  readonly expectedAttributes: readonly AttributeRule[];
}

/** The most predicates of one step. */
export const maxExpectedPredicates = 100;
/** The member of a step that lists them, in ITE-11's spelling. */
export const predicatesMember = "expectedPredicates";

/** Reads a step's `expectedPredicates`; empty if there are none. Throws what is malformed as INTOTO_LAYOUT_MALFORMED and INTOTO_ATTRIBUTE_MALFORMED. */
export function readExpectedPredicates(step: ObjectReader, at: string): readonly ExpectedPredicate[] {
  if (!step.has(predicatesMember)) return [];
  const listed = step.array(predicatesMember, maxExpectedPredicates);
  if (listed.length === 0) throw malformed({ checked: `${at}.${predicatesMember}`, expected: "at least one" });
  const read = listed.map((each) => readExpected(each, `${at}.${predicatesMember}`));
  const types = new Set(read.map(({ predicateType }) => predicateType));
  if (types.size < read.length)
    throw malformed({ checked: `${at}.${predicatesMember}`, expected: "each predicate type once" });
  return read;
}

function readExpected(value: Json, at: string): ExpectedPredicate {
  const reader = readObject(value, at, malformed);
  const threshold = reader.has("threshold") ? reader.number("threshold") : 1;
  if (!Number.isSafeInteger(threshold) || threshold < 1)
    throw malformed({ checked: `${at}.threshold`, expected: "an integer from 1", got: String(threshold) });
  const predicateType = reader.string("predicateType");
  if (predicateType === "") throw malformed({ checked: `${at}.predicateType`, got: "nothing" });
  const expected: ExpectedPredicate = {
    predicateType,
    threshold,
    functionaries: readIds(reader, at),
    expectedProducts: (reader.optionalArray("expectedProducts", maxExpectedRules) ?? []).map(parseRule),
    expectedAttributes: readAttributeRules(reader, "expectedAttributes"),
  };
  reader.refuseUnknown();
  return expected;
}

const maxExpectedRules = 100_000;

function readIds(reader: ObjectReader, at: string): readonly string[] {
  const ids = reader.array("functionaries", maxExpectedRules);
  return ids.map((id) => {
    if (typeof id === "string" && /^[0-9a-f]+$/.test(id)) return id;
    throw malformed({ checked: `${at}.functionaries`, expected: "key ids in hex", got: quote(JSON.stringify(id)) });
  });
}

/** With `{name}` replaced, as in the other rules of a layout. */
export function substitutePredicate(
  expected: ExpectedPredicate,
  values: Substitutions,
  substituteRule: (rule: Rule) => Rule,
): ExpectedPredicate {
  return {
    ...expected,
    expectedProducts: expected.expectedProducts.map(substituteRule),
    expectedAttributes: expected.expectedAttributes.map((rule) => substituteAttributeRule(rule, values)),
  };
}

/** Members of drafts that ask for more than is done here: a layout that has one is refused rather than taken without it. */
const unsupported: Readonly<Record<"layout" | "step" | "inspection", readonly string[]>> = {
  layout: ["subjects"],
  step: ["expected_predicates", "predicates", "expectedMaterials", "expectedProducts"],
  inspection: ["expectedPredicates", "expected_predicates", "expectedAttributes", "predicates", "subject"],
};

/** Refuses what a draft asks and this package does not do. Throws INTOTO_DRAFT_UNSUPPORTED. */
export function checkDraft(kind: "layout" | "step" | "inspection", value: Json, at: string): void {
  const found = unsupported[kind].find((name) => Object.hasOwn(value as JsonObject, name));
  if (found !== undefined) throw inTotoError("INTOTO_DRAFT_UNSUPPORTED", { checked: `${at}.${found}` });
}

function malformed(detail: {
  readonly checked?: string;
  readonly expected?: string;
  readonly got?: string;
}): TrustError {
  return inTotoError("INTOTO_LAYOUT_MALFORMED", detail);
}
