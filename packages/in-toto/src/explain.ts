import { quote, type JsonObject } from "@countersign/core";
import { formatLink } from "./link.ts";
import type { RuleEffect, RuleTrace } from "./match.ts";
import type { AttributeOutcome } from "./attestation/attribute.ts";
import type { FunctionaryReport, ItemReport, LayoutReport, StatementReport, StepReport } from "./report.ts";
import type { Verification } from "./verify.ts";

/** The name of the form in which `formatLayoutReport` writes. */
export const layoutReportSchema = "countersign.layout-report/v1";

/**
 * The answer as JSON: verdict, mode, time, and for each step, inspection and rule which artifacts it consumed and from
 * where. Strings from outside stand as they came: escape them before a terminal sees them.
 */
export function formatLayoutReport(answer: Verification, at: Date): JsonObject {
  const { verdict, mode, layout, findings, summary, claims } = answer;
  return {
    schema: layoutReportSchema,
    verdict,
    mode,
    at: at.toISOString(),
    findings: findings.map(({ level, code, message, fix }) => ({ level, code, message, fix })),
    layout: layoutJson(layout),
    ...(summary === undefined ? {} : { summary: formatLink(summary) }),
    ...(claims === undefined ? {} : { claims: claims as unknown as JsonObject }),
  };
}

/** How much a table shows: each step, or each rule too. */
export type TableDetail = "steps" | "rules";

/** How many artifacts of one rule a table names. */
export const maxTablePaths = 3;

/** The answer as lines of a table for people, without the findings; what came from outside is escaped. */
export function formatLayoutTable({ layout }: Verification, detail: TableDetail): readonly string[] {
  const rows = tableRows(layout, detail);
  const widths = [0, 1, 2].map((column) => rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), 0));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

type Row = readonly string[];

function tableRows(layout: LayoutReport, detail: TableDetail): readonly Row[] {
  const indent = "  ".repeat(layout.place.length);
  const head: Row[] = layout.place.length === 0 ? [["item", "verdict", "signed by", "materials → products"]] : [];
  const steps = layout.steps.flatMap((step) => stepRows(step, indent, detail));
  const inspections = layout.inspections.flatMap((item) => [
    [`${indent}${shown(item.name)}`, verdictOf(item), "(inspection)", countsOf(item)],
    ...ruleRows(item, indent, detail),
  ]);
  return [...head, ...steps, ...inspections];
}

function stepRows(step: StepReport, indent: string, detail: TableDetail): readonly Row[] {
  const who = step.functionaries.map(({ keyid, evidence }) =>
    evidence === "layout" ? `${short(keyid)} (sublayout)` : short(keyid),
  );
  const ignored = step.ignored.length === 0 ? "" : `, ${step.ignored.length} ignored`;
  return [
    [
      `${indent}${shown(step.name)}`,
      verdictOf(step),
      `${who.join(", ") || "nobody"} of ${step.threshold}${ignored}`,
      countsOf(step),
    ],
    ...ruleRows(step, indent, detail),
    ...(step.statements ?? []).flatMap((each) => statementRows(each, indent, detail)),
    ...step.functionaries.flatMap(({ sublayout }) => (sublayout === undefined ? [] : tableRows(sublayout, detail))),
  ];
}

function statementRows(statement: StatementReport, indent: string, detail: TableDetail): readonly Row[] {
  const { file, predicateType, keyid, attributes = [] } = statement;
  const rules = attributes.map(({ rule, result }): Row => [`${indent}    attribute`, result, shown(rule)]);
  return [
    [`${indent}  ${shown(file)}`, verdictOf(statement), short(keyid), shown(predicateType)],
    ...ruleRows({ name: "", ...statement }, `${indent}  `, detail),
    ...(detail === "steps" ? [] : rules),
  ];
}

function ruleRows(item: ItemReport, indent: string, detail: TableDetail): readonly Row[] {
  if (detail === "steps") return [];
  return (["materials", "products"] as const).flatMap((side) => {
    const trace = item[side];
    if (trace === undefined) return [];
    return trace.effects.map((effect) => [
      `${indent}  ${side}`,
      `${effect.consumed.length}`,
      shown(effect.rule.words.join(" ")),
      pathsOf(effect),
    ]);
  });
}

function verdictOf({ verdict, code }: Pick<ItemReport, "verdict" | "code">): string {
  return code === undefined ? verdict : `${verdict}: ${code}`;
}

function countsOf({ materials, products }: ItemReport): string {
  const count = (trace: RuleTrace | undefined): string => (trace === undefined ? "–" : `${trace.count}`);
  return materials === undefined && products === undefined ? "" : `${count(materials)} → ${count(products)}`;
}

function pathsOf({ consumed }: RuleEffect): string {
  const named = consumed.slice(0, maxTablePaths).map(shown).join(", ");
  return consumed.length > maxTablePaths ? `${named} and ${consumed.length - maxTablePaths} more` : named;
}

function shown(hostile: string): string {
  return quote(hostile).slice(1, -1);
}

function short(keyid: string): string {
  return shown(keyid.slice(0, 8));
}

function layoutJson(layout: LayoutReport): JsonObject {
  const { place, digest, form, signers, expires, steps, inspections } = layout;
  return {
    place: [...place],
    digest,
    form,
    signers: [...signers],
    ...(expires === undefined ? {} : { expires }),
    steps: steps.map(stepJson),
    inspections: inspections.map(itemJson),
  };
}

function stepJson(step: StepReport): JsonObject {
  const { threshold, functionaries, statements, attributes, ignored } = step;
  return {
    ...itemJson(step),
    threshold,
    functionaries: functionaries.map(functionaryJson),
    ...(statements === undefined ? {} : { statements: statements.map(statementJson) }),
    ...(attributes === undefined ? {} : { attributes: attributesJson(attributes) }),
    ignored: ignored.map((each) => ({ ...each })),
  };
}

function statementJson(statement: StatementReport): JsonObject {
  const { materials, products, attributes, ...facts } = statement;
  return {
    ...facts,
    ...(materials === undefined ? {} : { materials: traceJson(materials) }),
    ...(products === undefined ? {} : { products: traceJson(products) }),
    ...(attributes === undefined ? {} : { attributes: attributesJson(attributes) }),
  };
}

function attributesJson(outcomes: readonly AttributeOutcome[]): readonly JsonObject[] {
  return outcomes.map(({ rule, result }) => ({ rule, result }));
}

function functionaryJson({ keyid, material, evidence, proved, sublayout }: FunctionaryReport): JsonObject {
  return {
    keyid,
    material,
    evidence,
    ...(proved === undefined ? {} : { proved: proved as unknown as JsonObject }),
    ...(sublayout === undefined ? {} : { sublayout: layoutJson(sublayout) }),
  };
}

function itemJson({ name, verdict, code, run, materials, products }: ItemReport): JsonObject {
  return {
    name,
    verdict,
    ...(code === undefined ? {} : { code }),
    ...(run === undefined ? {} : { run: [...run] }),
    ...(materials === undefined ? {} : { materials: traceJson(materials) }),
    ...(products === undefined ? {} : { products: traceJson(products) }),
  };
}

function traceJson({ effects, left }: RuleTrace): JsonObject {
  return {
    rules: effects.map(({ rule, consumed, matched }) => ({
      rule: [...rule.words],
      consumed: [...consumed],
      ...(matched === undefined ? {} : { from: matched.from, side: matched.side }),
    })),
    left: [...left],
  };
}
