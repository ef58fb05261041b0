import { quote, type TrustError } from "@countersign/core";
import { consumedBy, matchedBy, openWork, type ItemArtifacts, type RuleSubject, type Work } from "./consume.ts";
import { inTotoError } from "./errors.ts";
import type { ArtifactList } from "./artifact-list.ts";
import type { Entries } from "./queue.ts";
import type { Rule, Side } from "./rule.ts";

export { maxPatternTests } from "./consume.ts";
export type { ItemArtifacts, RuleSubject } from "./consume.ts";

/** What one rule did. */
export interface RuleEffect {
  readonly rule: Rule;
  /** Paths that it took from the queue, in no order that means anything; made when they are first asked for. */
  readonly consumed: readonly string[];
  /** Where a MATCH found the same artifacts; absent if there is no such item. */
  readonly matched?: { readonly from: string; readonly side: Side };
}

/** What the rules of one list did, up to the one that refused. */
export interface RuleTrace {
  readonly item: string;
  readonly side: Side;
  readonly effects: readonly RuleEffect[];
  /** How many artifacts there were. */
  readonly count: number;
  /** Paths that no rule consumed: they are allowed. */
  readonly left: readonly string[];
}

/** How many paths a message names. */
export const maxNamedPaths: number = 5;

/**
 * Applies the rules in order to a queue of the item's artifacts on that side (in-toto specification 1.0 §4.3.3, as the
 * reference decides): each consumes artifacts, DISALLOW refuses any queued artifact that its pattern matches, REQUIRE
 * refuses if its path is not queued. What is left is allowed. `others` are the items that MATCH may name.
 * Throws INTOTO_RULE_DISALLOWED and INTOTO_RULE_REQUIRED, whose cause is the trace up to there (`traceOf`),
 * INTOTO_RULE_MALFORMED and INTOTO_TOO_LARGE for more than `maxPatternTests`.
 */
export function applyRules(
  item: RuleSubject,
  side: Side,
  rules: readonly Rule[],
  others: ReadonlyMap<string, ItemArtifacts>,
): RuleTrace {
  const work = openWork(item, side, others);
  const { queue } = work;
  const effects: RuleEffect[] = [];
  for (const rule of rules) {
    const wrong = complaintOf(work, rule);
    if (wrong !== undefined) throw refuse(rule, wrong, traceSoFar(work, effects));
    const consumed = consumedBy(work, rule);
    queue.take(consumed);
    effects.push(effectOf(work, rule, consumed));
  }
  return traceSoFar(work, effects);
}

/** The trace that a refusal by `applyRules` carries. */
export function traceOf(error: Error): RuleTrace | undefined {
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "effects" in cause ? (cause as RuleTrace) : undefined;
}

/** Up to so many paths are made at once: less work than to remember how. */
const fewEntries = 8;

/** Nobody reads most of the paths that rules consume, so that many are made when they are asked for. */
function effectOf({ queue: { list }, others }: Work, rule: Rule, entries: Entries): RuleEffect {
  const isMatched = rule.kind === "match" && others.has(rule.from);
  const matched = isMatched ? { from: rule.from, side: rule.side } : undefined;
  if (entries.length <= fewEntries) {
    const consumed = pathsOf(list, entries);
    return matched === undefined ? { rule, consumed } : { rule, consumed, matched };
  }
  let paths: readonly string[] | undefined;
  return {
    rule,
    get consumed() {
      return (paths ??= pathsOf(list, entries));
    },
    ...(matched === undefined ? {} : { matched }),
  };
}

function traceSoFar({ item, side, queue }: Work, effects: readonly RuleEffect[]): RuleTrace {
  const { list } = queue;
  const entries = queue.entries();
  let paths: readonly string[] | undefined;
  return {
    item: item.name,
    side,
    effects,
    count: list.size,
    get left() {
      return (paths ??= pathsOf(list, entries));
    },
  };
}

function pathsOf(list: ArtifactList, entries: Entries): readonly string[] {
  const paths: string[] = [];
  for (let at = 0; at < entries.length; at++) paths.push(list.pathAt(entries[at] as number));
  return paths;
}

/** What a rule has against the queue: the first of these paths, and how many there are. */
interface Complaint {
  readonly named: readonly string[];
  readonly count: number;
}

function complaintOf(work: Work, rule: Rule): Complaint | undefined {
  const { list } = work.queue;
  if (rule.kind === "require")
    return work.queue.has(list.find(rule.path)) ? undefined : { named: [rule.path], count: 1 };
  if (rule.kind !== "disallow") return undefined;
  const entries = matchedBy(work, rule.pattern);
  if (entries.length === 0) return undefined;
  return { named: pathsOf(list, entries.slice(0, maxNamedPaths)), count: entries.length };
}

function refuse(rule: Rule, { named, count }: Complaint, trace: RuleTrace): TrustError {
  const code = rule.kind === "require" ? "INTOTO_RULE_REQUIRED" : "INTOTO_RULE_DISALLOWED";
  const paths = named.map(quote).join(", ");
  const more = count > named.length ? ` and ${count - named.length} more` : "";
  const checked = `${trace.side} of ${quote(trace.item)} by ${quote(rule.words.join(" "))}`;
  return inTotoError(
    code,
    { checked, got: rule.kind === "require" ? `no ${paths} in the queue` : paths + more },
    trace,
  );
}
