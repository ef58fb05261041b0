import {
  quote,
  readObject,
  TrustError,
  type Json,
  type JsonObject,
  type ObjectReader,
  type Statement,
} from "@countersign/core";
import { inTotoError } from "../errors.ts";
import type { Link } from "../link.ts";
import { substituteWord, type Substitutions } from "../substitution.ts";
import { mapTexts, type Expression } from "./expression.ts";
import { parseExpression } from "./expression-parse.ts";
import { isTrue, type Scope } from "./expression-value.ts";

/** One attribute rule (ITE-11): what must be true of an attestation. */
export interface AttributeRule {
  /** As it is written. */
  readonly text: string;
  readonly expression: Expression;
  /** A rule whose claim is not there at all is passed over. */
  readonly allowIfNoClaim: boolean;
  /** A rule that is not met is only told. */
  readonly warn: boolean;
}

/** What came of a rule. */
export interface AttributeOutcome {
  readonly rule: string;
  readonly result: "met" | "not met" | "no claim";
}

/** The most attribute rules in one list. */
export const maxAttributeRules = 1000;

/**
 * Reads a list of attribute rules: texts, as ITE-11 has them, or `{rule, allowIfNoClaim, warn, debug}` as its prototype
 * has. Throws INTOTO_LAYOUT_MALFORMED by way of `reader`, INTOTO_ATTRIBUTE_MALFORMED.
 */
export function readAttributeRules(reader: ObjectReader, name: string): readonly AttributeRule[] {
  return (reader.optionalArray(name, maxAttributeRules) ?? []).map((each) => {
    if (typeof each === "string") return ruleOf(each, {});
    const entry = readObject(each, name, (detail) => inTotoError("INTOTO_LAYOUT_MALFORMED", detail));
    const allowIfNoClaim = entry.optionalBoolean("allowIfNoClaim");
    const rule = ruleOf(entry.string("rule"), { allowIfNoClaim, warn: entry.optionalBoolean("warn") });
    entry.optionalString("debug");
    entry.refuseUnknown();
    return rule;
  });
}

function ruleOf(
  text: string,
  { allowIfNoClaim = false, warn = false }: { readonly [Name in "allowIfNoClaim" | "warn"]?: boolean | undefined },
): AttributeRule {
  return { text, expression: parseExpression(text), allowIfNoClaim, warn };
}

/** The rule with `{name}` replaced inside its texts; what is put in cannot become anything but text. */
export function substituteAttributeRule(rule: AttributeRule, values: Substitutions): AttributeRule {
  return { ...rule, expression: mapTexts(rule.expression, (text) => substituteWord(text, values)) };
}

/**
 * Judges one rule. `warn` and `allowIfNoClaim` are for the caller to see in the outcome: an outcome that refuses is thrown,
 * INTOTO_ATTRIBUTE_FALSE, INTOTO_ATTRIBUTE_ABSENT, INTOTO_ATTRIBUTE_TYPE or INTOTO_TOO_LARGE, and says which rule.
 */
export function checkAttribute(rule: AttributeRule, scope: Scope, checked: string): AttributeOutcome {
  const at = `${checked}, ${quote(rule.text)}`;
  try {
    if (isTrue(rule.expression, scope)) return { rule: rule.text, result: "met" };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    if (error.code === "INTOTO_ATTRIBUTE_ABSENT" && rule.allowIfNoClaim) return { rule: rule.text, result: "no claim" };
    const { checked: what, expected, got } = error.detail;
    const detail = [what, expected === undefined ? undefined : `expected ${expected}`, got].filter(Boolean).join(", ");
    throw inTotoError(error.code as "INTOTO_ATTRIBUTE_TYPE", { checked: at, got: detail }, error);
  }
  throw inTotoError("INTOTO_ATTRIBUTE_FALSE", { checked: at });
}

/**
 * What names stand for in rules about a Statement: `type`, `subject`, `predicateType` and `predicate`, as ITE-11's prototype
 * has them; any other name is a member of the predicate, as ITE-11's text has it.
 */
export function statementScope({ type, subjects, predicateType, predicate }: Statement): Scope {
  const subject = subjects.map(({ name, digest }) => (name === undefined ? { digest } : { name, digest }));
  return scopeOf(
    new Map<string, Json>([
      ["type", type],
      ["subject", subject],
      ["predicateType", predicateType],
      ["predicate", predicate],
    ]),
    predicate,
  );
}

/** The same for rules about a link, whose opaque members are the predicate. */
export function linkScope({ name, command, byproducts, environment }: Link): Scope {
  const predicate: JsonObject = { name, command, byproducts, environment };
  return scopeOf(new Map<string, Json>([["predicate", predicate]]), predicate);
}

function scopeOf(names: ReadonlyMap<string, Json>, predicate: Json): Scope {
  const isObject = typeof predicate === "object" && predicate !== null && !Array.isArray(predicate);
  const members = isObject ? (predicate as JsonObject) : {};
  return (name) => names.get(name) ?? (Object.hasOwn(members, name) ? members[name] : undefined);
}
