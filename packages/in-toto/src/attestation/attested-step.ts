import { quote, TrustError, type Finding } from "@countersign/core";
import type { Chain } from "../judge.ts";
import type { Step } from "../layout.ts";
import type { Link } from "../link.ts";
import type { Draft, StatementReport, StepReport } from "../report.ts";
import type { SignedBy } from "../step.ts";
import { linkScope } from "./attribute.ts";
import { linkOf, linkPredicateType } from "./statement-artifact.ts";
import { checkAttested, judgeAttributes, judgeStatement } from "./statement-judge.ts";
import { findStatements, type SearchContext, type SignedStatement } from "./statement-search.ts";

/** Whether a step is done by attestations instead of links. */
export function isAttested(step: Step): boolean {
  return step.expectedPredicates.length > 0;
}

/** Whether the step uses anything of the drafts. */
export function isExperimental(step: Step): boolean {
  return isAttested(step) || step.expectedAttributes.length > 0;
}

/** Proves that enough functionaries attest what the step needs, and writes down who. Throws as `findStatements` and `checkAttested`. */
export function proveAttested(
  step: Step,
  context: SearchContext,
  report: Draft<StepReport>,
): readonly SignedStatement[] {
  const found = findStatements(step, context);
  report.functionaries = found.signed.map(({ keyid, key, proved }) => ({
    keyid,
    material: key.materialId,
    evidence: "statement",
    ...(proved === undefined ? {} : { proved }),
  }));
  report.statements = found.signed.map(({ file, statement: { predicateType }, keyid }) => ({
    file,
    predicateType,
    keyid,
    verdict: "not reached",
  }));
  report.ignored = found.ignored.map(({ file, error: { code, message } }) => ({ file, code, message }));
  checkAttested(step, found);
  return found.signed;
}

/** Who signed a Statement, as whoever signs a link. */
export function signerOf({ keyid, key, proved }: SignedStatement): SignedBy {
  const { materialId } = key;
  return { keyid, key, materialId, person: materialId, ...(proved === undefined ? {} : { proved }) };
}

/** The Statement as a link, for what links may have to say; only a link 0.3 says anything of its run. */
export function placedLinkOf({ statement }: SignedStatement): Link {
  if (statement.predicateType === linkPredicateType) return linkOf(statement);
  return { name: "", materials: new Map(), products: new Map(), byproducts: {}, command: [], environment: {} };
}

/** Judges every Statement of a step; the first that is refused refuses the step. Warnings come back. */
export function judgeAttested(
  step: Step,
  signed: readonly SignedStatement[],
  chain: Chain,
  report: Draft<StepReport>,
): readonly Finding[] {
  const drafts = report.statements as Draft<StatementReport>[];
  const warnings = signed.flatMap((each, at) => {
    const draft = drafts[at] as Draft<StatementReport>;
    try {
      const found = judgeStatement(step, each, chain, draft);
      draft.verdict = "passed";
      return found;
    } catch (error) {
      if (error instanceof TrustError) Object.assign(draft, { verdict: "failed", code: error.code });
      throw error;
    }
  });
  report.verdict = "passed";
  return warnings;
}

/** Judges the attribute rules of a step done by links, for each of them. Warnings come back. */
export function judgeLinkAttributes(step: Step, links: readonly Link[], report: Draft<StepReport>): readonly Finding[] {
  if (step.expectedAttributes.length === 0) return [];
  const checked = `step ${quote(step.name)}`;
  return links.flatMap((link) => judgeAttributes(step.expectedAttributes, { scope: linkScope(link), checked }, report));
}
