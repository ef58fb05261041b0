import { findingOf, quote, TrustError, type Finding } from "@countersign/core";
import type { Artifacts } from "../artifacts.ts";
import { inTotoError } from "../errors.ts";
import type { Hashes } from "../hashes.ts";
import type { Chain } from "../judge.ts";
import type { Step } from "../layout.ts";
import type { Link } from "../link.ts";
import { applyRules, traceOf, type RuleTrace } from "../match.ts";
import type { Draft, StatementReport } from "../report.ts";
import type { Side } from "../rule.ts";
import { checkStepLinks } from "../step-link.ts";
import { checkAttribute, statementScope, type AttributeOutcome, type AttributeRule } from "./attribute.ts";
import type { Scope } from "./expression-value.ts";
import { isTransforming, linkOf, linkPredicateType } from "./statement-artifact.ts";
import type { FoundStatements, SignedStatement } from "./statement-search.ts";

/**
 * Proves that each predicate of the step is attested by as many functionaries as it needs: distinct keys or identities,
 * under however many ids. Throws INTOTO_STATEMENT_MISSING.
 */
export function checkAttested(step: Step, { signed, ignored }: FoundStatements): void {
  for (const { predicateType, threshold } of step.expectedPredicates) {
    const own = signed.filter(({ statement }) => statement.predicateType === predicateType);
    const count = new Set(own.map(({ key }) => key.materialId)).size;
    if (count >= threshold) continue;
    const why = ignored.map(({ file, error }) => `; ${quote(file)}: ${error.message}`).join("");
    throw inTotoError("INTOTO_STATEMENT_MISSING", {
      checked: `step ${quote(step.name)}, ${quote(predicateType)}`,
      expected: `${threshold} functionaries`,
      got: `${count}${why.slice(0, 2000)}`,
    });
  }
}

/**
 * The link that stands for the step where other steps MATCH it: all materials and products of its Statements. Those of one
 * predicate must be about the same artifacts, and no two may give one name different digests.
 * Throws INTOTO_STATEMENTS_DISAGREE.
 */
export function standInFor(step: Step, signed: readonly SignedStatement[]): Link {
  const first = new Map<string, SignedStatement>();
  for (const each of signed) {
    const other = first.get(each.statement.predicateType);
    if (other !== undefined && !isSameWork(each, other)) throw disagree(step, [each.file, other.file]);
    first.set(each.statement.predicateType, each);
  }
  const [materials, products] = (["materials", "products"] as const).map((side) =>
    unite(step, [...first.values()], side),
  );
  return {
    name: step.name,
    materials: materials ?? new Map(),
    products: products ?? new Map(),
    byproducts: {},
    command: [],
    environment: {},
  };
}

function isSameWork(one: SignedStatement, other: SignedStatement): boolean {
  return (["materials", "products"] as const).every(
    (side) =>
      one[side].size === other[side].size && [...one[side]].every(([path, hashes]) => other[side].get(path) === hashes),
  );
}

function unite(step: Step, statements: readonly SignedStatement[], side: Side): Artifacts {
  const united = new Map<string, { readonly hashes: Hashes; readonly file: string }>();
  for (const { file, [side]: artifacts } of statements)
    for (const [path, hashes] of artifacts) {
      const known = united.get(path);
      if (known !== undefined && known.hashes !== hashes) throw disagree(step, [file, known.file], path);
      united.set(path, { hashes, file });
    }
  return new Map([...united].map(([path, { hashes }]) => [path, hashes]));
}

function disagree(step: Step, files: readonly string[], path?: string): TrustError {
  const got = `${path === undefined ? "other artifacts" : quote(path)} in ${files.map(quote).join(" and ")}`;
  return inTotoError("INTOTO_STATEMENTS_DISAGREE", { checked: `step ${quote(step.name)}`, got });
}

/**
 * Judges one Statement by the rules of its step and predicate: for a link 0.3 also that it is of this step and that its
 * command had not failed. Writes down what each rule came to; rules that only warn become warnings.
 * Throws what `checkStepLinks`, `applyRules` and `checkAttribute` throw.
 */
export function judgeStatement(
  step: Step,
  signed: SignedStatement,
  chain: Chain,
  report: Draft<StatementReport>,
): readonly Finding[] {
  const { statement, materials, products } = signed;
  const { predicateType } = statement;
  if (predicateType === linkPredicateType) checkStepLinks(step, [linkOf(statement)], "strict");
  const expected = step.expectedPredicates.find((each) => each.predicateType === predicateType);
  const subject = { name: step.name, materials, products };
  report.materials = traced(report, "materials", () => applyRules(subject, "materials", step.expectedMaterials, chain));
  // A step's own product rules are about what it makes; a test makes nothing, and could not meet a REQUIRE.
  const own = isTransforming(predicateType) ? step.expectedProducts : [];
  report.products = traced(report, "products", () => applyRules(subject, "products", own, chain));
  if (expected === undefined) return [];
  if (expected.expectedProducts.length > 0)
    report.products = traced(report, "products", () =>
      applyRules(subject, "products", expected.expectedProducts, chain),
    );
  const checked = `step ${quote(step.name)}, ${quote(predicateType)}`;
  return judgeAttributes(expected.expectedAttributes, { scope: statementScope(statement), checked }, report);
}

function traced(report: Draft<StatementReport>, side: Side, judge: () => RuleTrace): RuleTrace {
  try {
    return judge();
  } catch (error) {
    const trace = error instanceof TrustError ? traceOf(error) : undefined;
    if (trace !== undefined) report[side] = trace;
    throw error;
  }
}

/** What attribute rules are about. */
export interface AttributeSubject {
  readonly scope: Scope;
  /** For messages. */
  readonly checked: string;
}

/** Judges attribute rules one after another. What only warns comes back; the first other failure is thrown. */
export function judgeAttributes(
  rules: readonly AttributeRule[],
  { scope, checked }: AttributeSubject,
  report: { attributes?: readonly AttributeOutcome[] },
): readonly Finding[] {
  const outcomes = [...(report.attributes ?? [])];
  const warnings: Finding[] = [];
  report.attributes = outcomes;
  for (const rule of rules) {
    try {
      outcomes.push(checkAttribute(rule, scope, checked));
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      outcomes.push({ rule: rule.text, result: "not met" });
      if (!rule.warn) throw error;
      warnings.push({ ...findingOf(error), level: "warn" });
    }
  }
  return warnings;
}
