import { quote } from "@countersign/core";
import { linkPredicateType } from "./attestation/statement-artifact.ts";
import { isDeclarative } from "./inspection.ts";
import { isOwnKeyId } from "./key.ts";
import { lintFinding, type LintFinding } from "./lint-finding.ts";
import { lintRules } from "./lint-rule.ts";
import type { Inspection, Layout, Step } from "./layout.ts";

export type { LintCode, LintFinding, LintPlace } from "./lint-finding.ts";

/** By when a layout should be renewed. */
export interface LintOptions {
  readonly now: Date;
  /** Expiry closer than this is warned of, in days; default 30. */
  readonly soonDays?: number;
  /** Expiry further away than this is warned of, in days; default 730. */
  readonly farDays?: number;
}

/** The most findings that are returned; a layout with more is not read to its end. */
export const maxLintFindings: number = 1000;

/**
 * What is wrong with a layout that is well formed: what can never be met, what has no effect, what protects less than it
 * seems to. Looks at no link and no signature, and proves nothing: a layout without findings can still be a bad policy.
 */
export function lintLayout(layout: Layout, options: LintOptions): readonly LintFinding[] {
  return takeFirst(lintAll(layout, options), maxLintFindings);
}

function* lintAll(layout: Layout, options: LintOptions): Generator<LintFinding> {
  yield* lintExpiry(layout, options);
  yield* lintKeys(layout);
  yield* lintPredicates(layout);
  if (layout.steps.length === 0) yield lintFinding("fail", "INTOTO_LINT_STEPS_MISSING", {});
  const steps = new Set(layout.steps.map(({ name }) => name));
  const inspections = new Set(layout.inspections.map(({ name }) => name));
  for (const [at, step] of layout.steps.entries()) {
    yield* lintStep(step, at, layout);
    yield* lintBothSides(step, { kind: "step", steps, inspections });
  }
  for (const inspection of layout.inspections) {
    yield* lintInspection(inspection);
    yield* lintBothSides(inspection, { kind: "inspection", steps, inspections });
  }
  if (layout.steps.length > 0 && !layout.inspections.some((each) => isTied(each, steps)))
    yield lintFinding("warn", "INTOTO_LINT_PRODUCT_UNCHECKED", {});
}

const dayMs = 24 * 60 * 60 * 1000;

function* lintExpiry(layout: Layout, { now, soonDays = 30, farDays = 730 }: LintOptions): Generator<LintFinding> {
  const days = (layout.expiresMs - now.getTime()) / dayMs;
  const detail = { checked: "expires", got: layout.expires };
  if (days <= 0) yield lintFinding("fail", "INTOTO_LINT_EXPIRED", detail);
  else if (days < soonDays)
    yield lintFinding("warn", "INTOTO_LINT_EXPIRES_SOON", {
      ...detail,
      expected: `at least ${soonDays} days from now`,
    });
  else if (days > farDays)
    yield lintFinding("warn", "INTOTO_LINT_EXPIRES_FAR", { ...detail, expected: `at most ${farDays} days from now` });
}

function* lintKeys(layout: Layout): Generator<LintFinding> {
  const idOf = new Map<string, string>();
  const used = new Set(layout.steps.flatMap(functionariesOf));
  for (const [keyid, key] of layout.keys) {
    const checked = `key ${quote(keyid)}`;
    const other = idOf.get(key.materialId);
    if (other !== undefined)
      yield lintFinding("fail", "INTOTO_LINT_KEY_TWICE", { checked, got: `the same key as ${quote(other)}` });
    idOf.set(key.materialId, keyid);
    if (!isOwnKeyId(key)) yield lintFinding("warn", "INTOTO_LINT_KEY_FOREIGN_ID", { checked });
    if (![keyid, ...key.subkeys.keys()].some((id) => used.has(id)))
      yield lintFinding("warn", "INTOTO_LINT_KEY_UNUSED", { checked });
  }
}

function functionariesOf({ pubkeys, expectedPredicates }: Step): readonly string[] {
  return [...pubkeys, ...expectedPredicates.flatMap(({ functionaries }) => functionaries)];
}

function* lintStep(step: Step, at: number, layout: Layout): Generator<LintFinding> {
  const { name: item, pubkeys, threshold, expectedPredicates } = step;
  const checked = `step ${quote(item)}`;
  const isOpen = step.certificateConstraints.length > 0;
  if (expectedPredicates.length === 0) yield* lintPeople({ item, checked, keyids: pubkeys, threshold, isOpen }, layout);
  for (const { predicateType, functionaries, threshold: need } of expectedPredicates) {
    const where = `${checked}, ${quote(predicateType)}`;
    yield* lintPeople({ item, checked: where, keyids: functionaries, threshold: need, isOpen: false }, layout);
  }
  const isAlone = at > 0 && step.expectedMaterials.length > 0;
  if (isAlone && !step.expectedMaterials.some((rule) => rule.kind === "match" && rule.from !== item))
    yield lintFinding("warn", "INTOTO_LINT_CHAIN_BROKEN", { checked }, { item });
}

interface People {
  readonly item: string;
  readonly checked: string;
  readonly keyids: readonly string[];
  readonly threshold: number;
  /** Whether others may sign, whom nobody can count. */
  readonly isOpen: boolean;
}

function* lintPeople({ item, checked, keyids, threshold, isOpen }: People, layout: Layout): Generator<LintFinding> {
  const owners = ownersOf(layout);
  for (const keyid of new Set(keyids)) {
    if (!owners.has(keyid))
      yield lintFinding("fail", "INTOTO_LINT_KEY_UNKNOWN", { checked, got: quote(keyid) }, { item });
  }
  if (new Set(keyids).size < keyids.length) yield lintFinding("fail", "INTOTO_LINT_KEY_TWICE", { checked }, { item });
  const people = new Set(keyids.flatMap((keyid) => owners.get(keyid) ?? [])).size;
  if (isOpen || threshold <= people) return;
  const detail = { checked, expected: `${threshold} keys`, got: `${people}` };
  yield lintFinding("fail", "INTOTO_LINT_THRESHOLD", detail, { item });
}

/** Attestations other than links do not say which step they are of: one could be offered for the other. */
function* lintPredicates({ steps }: Layout): Generator<LintFinding> {
  const seen = new Map<string, string>();
  for (const { name: item, expectedPredicates } of steps)
    for (const { predicateType, functionaries } of expectedPredicates) {
      if (predicateType === linkPredicateType) continue;
      for (const keyid of new Set(functionaries)) {
        const id = JSON.stringify([predicateType, keyid]);
        const other = seen.get(id);
        if (other !== undefined) {
          const detail = {
            checked: `step ${quote(item)}, ${quote(predicateType)}`,
            got: `also in step ${quote(other)}`,
          };
          yield lintFinding("warn", "INTOTO_LINT_PREDICATE_TWICE", detail, { item });
        }
        seen.set(id, item);
      }
    }
}

const ownersByLayout = new WeakMap<Layout, ReadonlyMap<string, string>>();

/** Whose key an id is: the hash of the main key's material. Found once for each layout. */
function ownersOf(layout: Layout): ReadonlyMap<string, string> {
  const known = ownersByLayout.get(layout);
  if (known !== undefined) return known;
  const owners = new Map(
    [...layout.keys].flatMap(([keyid, key]) =>
      [keyid, ...key.subkeys.keys()].map((id) => [id, key.materialId] as const),
    ),
  );
  ownersByLayout.set(layout, owners);
  return owners;
}

function* lintInspection(inspection: Inspection): Generator<LintFinding> {
  const { name: item, run } = inspection;
  const checked = `inspection ${quote(item)}`;
  if (run.length === 0) yield lintFinding("fail", "INTOTO_LINT_INSPECTION_EMPTY", { checked }, { item });
  else if (!isDeclarative(inspection))
    yield lintFinding("warn", "INTOTO_LINT_INSPECTION_COMMAND", { checked, got: quote(run.join(" ")) }, { item });
  if (inspection.expectedMaterials.length + inspection.expectedProducts.length === 0)
    yield lintFinding("fail", "INTOTO_LINT_RULES_MISSING", { checked }, { item });
}

type Names = Pick<Parameters<typeof lintRules>[0], "kind" | "steps" | "inspections">;

function* lintBothSides(item: Step | Inspection, names: Names): Generator<LintFinding> {
  yield* lintRules({ ...names, item: item.name, side: "materials", rules: item.expectedMaterials });
  yield* lintRules({ ...names, item: item.name, side: "products", rules: item.expectedProducts });
  for (const { expectedProducts } of "expectedPredicates" in item ? item.expectedPredicates : [])
    if (expectedProducts.length > 0)
      yield* lintRules({ ...names, item: item.name, side: "products", rules: expectedProducts });
}

function isTied(inspection: Inspection, steps: ReadonlySet<string>): boolean {
  const rules = [...inspection.expectedMaterials, ...inspection.expectedProducts];
  return rules.some((rule) => rule.kind === "match" && steps.has(rule.from));
}

function takeFirst<T>(values: Iterable<T>, count: number): readonly T[] {
  const taken: T[] = [];
  for (const value of values) {
    if (taken.push(value) === count) break;
  }
  return taken;
}
