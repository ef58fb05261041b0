import { quote, type Glob } from "@countersign/core";
import { escapeGlob } from "./glob-escape.ts";
import { compileGlob } from "./glob.ts";
import { lintFinding, type LintCode, type LintFinding } from "./lint-finding.ts";
import { formatRule, type MatchRule, type Rule, type Side } from "./rule.ts";

/** A list of rules and what it is judged by. */
export interface RuleList {
  readonly item: string;
  readonly kind: "step" | "inspection";
  readonly side: Side;
  readonly rules: readonly Rule[];
  readonly steps: ReadonlySet<string>;
  readonly inspections: ReadonlySet<string>;
}

/** Against how many earlier patterns with wildcards each rule is held: the time stays linear in the number of rules. */
export const maxComparedPatterns: number = 64;

/** What one list of rules gets wrong by itself: nothing of artifacts or other lists is looked at, but for names in MATCH. */
export function* lintRules(list: RuleList): Generator<LintFinding> {
  const earlier = makeConsumed();
  let isClosed = false;
  let rule = 0;
  for (const each of list.rules) {
    rule++;
    yield* lintRule(each, { list, rule, earlier });
    if (each.kind === "disallow" && isAll(each.pattern) && !earlier.isEverything()) isClosed = true;
    earlier.add(each);
  }
  const { item, kind, side } = list;
  if (list.rules.length > 0 && !isClosed)
    yield lintFinding("fail", "INTOTO_LINT_DISALLOW_MISSING", { checked: placeText(list) }, { item, side });
  if (list.rules.length === 0 && kind === "step")
    yield lintFinding("warn", "INTOTO_LINT_RULES_MISSING", { checked: placeText(list) }, { item, side });
}

interface Spot {
  readonly list: RuleList;
  readonly rule: number;
  readonly earlier: Consumed;
}

function* lintRule(rule: Rule, spot: Spot): Generator<LintFinding> {
  const { side } = spot.list;
  if (rule.kind === "create" && side === "materials")
    yield found("fail", "INTOTO_LINT_CREATE_IN_MATERIALS", rule, spot);
  if (rule.kind === "delete" && side === "products") yield found("fail", "INTOTO_LINT_DELETE_IN_PRODUCTS", rule, spot);
  if (rule.kind === "match") yield* lintMatch(rule, spot);
  if (rule.kind === "require") yield* lintRequire(rule.path, rule, spot);
  else if (spot.earlier.leavesNothing(rule))
    yield found(rule.kind === "disallow" ? "fail" : "warn", "INTOTO_LINT_RULE_UNREACHABLE", rule, spot);
  if (isNeverMet(rule)) yield found("fail", "INTOTO_LINT_PATTERN_NEVER", rule, spot);
}

function* lintMatch(match: MatchRule, spot: Spot): Generator<LintFinding> {
  const { item, kind, side, steps, inspections } = spot.list;
  const isInspection = inspections.has(match.from);
  if (!isInspection && !steps.has(match.from)) yield found("fail", "INTOTO_LINT_MATCH_UNKNOWN", match, spot);
  if (isInspection && kind === "step") yield found("fail", "INTOTO_LINT_MATCH_INSPECTION", match, spot);
  const isSame = match.from === item && match.side === side && match.sourcePrefix === match.destinationPrefix;
  if (isSame) yield found("fail", "INTOTO_LINT_MATCH_SELF", match, spot);
}

function* lintRequire(path: string, rule: Rule, spot: Spot): Generator<LintFinding> {
  const consumer = spot.earlier.consumerOf(path);
  if (consumer !== undefined)
    yield found(consumer === "surely" ? "fail" : "warn", "INTOTO_LINT_REQUIRE_LATE", rule, spot);
  if (/[*?[]/.test(path)) yield found("warn", "INTOTO_LINT_REQUIRE_PATTERN", rule, spot);
}

/** A path, or the literal start of a pattern, that no artifact's name can have. */
function isNeverMet(rule: Rule): boolean {
  if (rule.kind === "require") return isNever(`${rule.path}/`);
  if (rule.kind !== "match") return rule.kind !== "disallow" && isNever(rule.pattern);
  const prefixes = [rule.sourcePrefix, rule.destinationPrefix].filter((prefix) => prefix !== undefined);
  return isNever(rule.pattern) || prefixes.some((prefix) => isNever(`${prefix.replace(/\/$/, "")}/`));
}

const wildcard = /[*?[]/;

function isNever(pattern: string): boolean {
  const end = pattern.search(wildcard);
  const literal = end < 0 ? `${pattern}/` : pattern.slice(0, end);
  return /^\/|\/\/(?!$)|(?:^|\/)\.{1,2}\/|\\/.test(literal);
}

/** What the rules so far may have taken out of the queue. */
interface Consumed {
  add(rule: Rule): void;
  isEverything(): boolean;
  /** Whether nothing that the rule could consume or forbid can be left. */
  leavesNothing(rule: Rule): boolean;
  /** Whether the artifact of that path may be gone: `surely` if it is gone whenever it was there. */
  consumerOf(path: string): "surely" | "maybe" | undefined;
}

function makeConsumed(): Consumed {
  const sure = makePatterns();
  const possible = makePatterns();
  const words = new Set<string>();
  return {
    add: (rule) => {
      if (rule.kind === "require") return;
      words.add(wordsOf(rule));
      // DISALLOW refuses the list, or there is nothing of the kind left.
      if (rule.kind === "allow" || rule.kind === "disallow") sure.add(rule.pattern);
      else if (rule.kind === "match") possible.add(fullPattern(rule));
      else possible.add(rule.pattern);
    },
    isEverything: () => sure.isAll(),
    leavesNothing: (rule) => {
      const pattern = rule.kind === "match" ? fullPattern(rule) : rule.kind === "require" ? rule.path : rule.pattern;
      return words.has(wordsOf(rule)) || sure.covers(pattern);
    },
    consumerOf: (path) => (sure.matches(path) ? "surely" : possible.matches(path) ? "maybe" : undefined),
  };
}

/** Patterns, for questions in constant time (but for `maxComparedPatterns`). */
interface Patterns {
  add(pattern: string): void;
  isAll(): boolean;
  /** Whether a pattern is one of them, or a literal that one of them matches; false also means "not found out". */
  covers(pattern: string): boolean;
  matches(path: string): boolean;
}

function makePatterns(): Patterns {
  const texts = new Set<string>();
  const literals = new Set<string>();
  const globs: Glob[] = [];
  let hasAll = false;
  const matches = (path: string): boolean => hasAll || literals.has(path) || globs.some((glob) => glob.isMatch(path));
  return {
    add: (pattern) => {
      if (texts.has(pattern)) return;
      texts.add(pattern);
      const glob = compileGlob(pattern);
      if (glob.isAll) hasAll = true;
      if (glob.literal !== undefined) literals.add(glob.literal);
      else if (globs.length < maxComparedPatterns) globs.push(glob);
    },
    isAll: () => hasAll,
    covers: (pattern) => {
      if (hasAll || texts.has(pattern)) return true;
      const { literal } = compileGlob(pattern);
      return literal !== undefined && matches(literal);
    },
    matches,
  };
}

function isAll(pattern: string): boolean {
  return compileGlob(pattern).isAll;
}

/** A MATCH as the one pattern of names that it can consume; its prefix is literal. */
function fullPattern({ sourcePrefix, pattern }: MatchRule): string {
  return sourcePrefix === undefined ? pattern : `${escapeGlob(sourcePrefix.replace(/\/$/, ""))}/${pattern}`;
}

function wordsOf(rule: Rule): string {
  return JSON.stringify(formatRule(rule));
}

function found(
  level: LintFinding["level"],
  code: LintCode,
  rule: Rule | MatchRule,
  { list, rule: number }: Spot,
): LintFinding {
  const checked = `${placeText(list)}, rule ${number}: ${quote(formatRule(rule).join(" "))}`;
  return lintFinding(level, code, { checked }, { item: list.item, side: list.side, rule: number });
}

function placeText({ kind, item, side }: RuleList): string {
  return `${kind} ${quote(item)}, expected ${side}`;
}
