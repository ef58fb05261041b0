import { quote, type TrustError } from "@countersign/core";
import { substituteAttributeRule } from "./attestation/attribute.ts";
import { substitutePredicate } from "./attestation/predicate.ts";
import { inTotoError } from "./errors.ts";
import type { Inspection, Layout, Step } from "./layout.ts";
import { formatPython } from "./python-format.ts";
import { parseRule, type Rule } from "./rule.ts";
import type { Mode } from "./mode.ts";

/** Values for the `{name}` of a layout, given by whoever verifies. */
export type Substitutions = ReadonlyMap<string, string>;

/** The longest word that a substitution may give, in UTF-16 units. */
export const maxSubstitutedChars: number = 65_536;

/**
 * Reads `name=value` pairs: names of letters, digits, `-` and `_`. Throws INTOTO_SUBSTITUTION_MALFORMED for another
 * name, a pair without `=` and a name given twice.
 */
export function parseSubstitutions(pairs: readonly string[]): Substitutions {
  const values = new Map<string, string>();
  for (const pair of pairs) {
    const [, name, value] = /^([a-zA-Z0-9_-]+)=(.*)$/s.exec(pair) ?? [];
    if (name === undefined || value === undefined)
      throw inTotoError("INTOTO_SUBSTITUTION_MALFORMED", { expected: "name=value", got: quote(pair) });
    if (values.has(name))
      throw inTotoError("INTOTO_SUBSTITUTION_MALFORMED", { checked: quote(name), got: "two values" });
    values.set(name, value);
  }
  return values;
}

/**
 * The layout with `{name}` replaced in rules, expected commands, texts of attribute rules and inspections, as Python's `str.format` does for
 * plain names: `{{` and `}}` stand for one brace. Call it after the signatures were checked, and not for sublayouts.
 * Throws INTOTO_SUBSTITUTION_UNKNOWN for a name without a value, INTOTO_SUBSTITUTION_SYNTAX for a lone brace and for
 * what `str.format` can do beyond names (`{0}`, `{a.b}`, `{a[0]}`, `{a!r}`, `{a:>9}`); compat does that too (`formatPython`).
 */
export function substituteLayout(layout: Layout, values: Substitutions, mode: Mode = "strict"): Layout {
  const replace: Replace = (word) =>
    mode === "compat" ? formatPython(word, values, maxSubstitutedChars) : substituteWord(word, values);
  return {
    ...layout,
    steps: layout.steps.map((step) => substituteStep(step, values, replace)),
    inspections: layout.inspections.map((inspection) => substituteInspection(inspection, replace)),
  };
}

type Replace = (word: string) => string;

/** One word with its names replaced. Errors as `substituteLayout`. */
export function substituteWord(word: string, values: Substitutions): string {
  if (!/[{}]/.test(word)) return word;
  const replaced = word.replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (found, name: string | undefined) => {
    if (found === "{{") return "{";
    if (found === "}}") return "}";
    if (name === undefined) throw syntaxError(word);
    return valueOf(name, values, word);
  });
  if (replaced.length > maxSubstitutedChars)
    throw inTotoError("INTOTO_SUBSTITUTION_SYNTAX", {
      checked: quote(word),
      expected: `at most ${maxSubstitutedChars} characters`,
      got: `${replaced.length}`,
    });
  return replaced;
}

function valueOf(name: string, values: Substitutions, word: string): string {
  // Python counts `{}` and `{0}` through arguments by position, of which there are none.
  if (name === "" || /^\d+$/.test(name) || /[.[!:]/.test(name)) throw syntaxError(word);
  const value = values.get(name);
  if (value === undefined)
    throw inTotoError("INTOTO_SUBSTITUTION_UNKNOWN", { checked: quote(word), expected: `a value for ${quote(name)}` });
  return value;
}

function syntaxError(word: string): TrustError {
  return inTotoError("INTOTO_SUBSTITUTION_SYNTAX", { checked: quote(word) });
}

function substituteStep(step: Step, values: Substitutions, replace: Replace): Step {
  return {
    ...step,
    expectedCommand: step.expectedCommand.map(replace),
    ...rulesOf(step, replace),
    expectedPredicates: step.expectedPredicates.map((each) =>
      substitutePredicate(each, values, (rule) => substituteRule(rule, replace)),
    ),
    expectedAttributes: step.expectedAttributes.map((rule) => substituteAttributeRule(rule, values)),
  };
}

function substituteInspection(inspection: Inspection, replace: Replace): Inspection {
  return { ...inspection, run: inspection.run.map(replace), ...rulesOf(inspection, replace) };
}

function rulesOf(item: Step | Inspection, replace: Replace): Pick<Step, "expectedMaterials" | "expectedProducts"> {
  const substitute = (rule: Rule): Rule => substituteRule(rule, replace);
  return {
    expectedMaterials: item.expectedMaterials.map(substitute),
    expectedProducts: item.expectedProducts.map(substitute),
  };
}

function substituteRule(rule: Rule, replace: Replace): Rule {
  return rule.words.some((word) => /[{}]/.test(word)) ? parseRule(rule.words.map(replace)) : rule;
}
