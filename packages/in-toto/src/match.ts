import { quote, type TrustError, type Glob } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { compileGlob } from "./glob.ts";
import { Queue } from "./queue.ts";
import type { Hashes } from "./hashes.ts";
import type { Artifacts } from "./artifacts.ts";
import type { MatchRule, Rule, Side } from "./rule.ts";

/** The artifacts of a step or inspection. */
export interface ItemArtifacts {
  readonly materials: Artifacts;
  readonly products: Artifacts;
}

/** What one rule did. */
export interface RuleEffect {
  readonly rule: Rule;
  /** Paths that it took from the queue, in no order that means anything. */
  readonly consumed: readonly string[];
  /** Where a MATCH found the same artifacts; absent if there is no such item. */
  readonly matched?: { readonly from: string; readonly side: Side };
}

/** What the rules of one list did, up to the one that refused. */
export interface RuleTrace {
  readonly item: string;
  readonly side: Side;
  readonly effects: readonly RuleEffect[];
  /** Paths that no rule consumed: they are allowed. */
  readonly left: readonly string[];
}

/** How often one list of rules may ask a pattern about a path: about two seconds. */
export const maxPatternTests: number = 20_000_000;
/** How many paths a message names. */
export const maxNamedPaths: number = 5;

/** What is checked: an item's artifacts on one side, by the rules for them. */
export interface RuleSubject extends ItemArtifacts {
  readonly name: string;
}

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
  const queue = new Queue(item[side]);
  const effects: RuleEffect[] = [];
  const work: Work = { item, side, others, queue, tests: 0 };
  for (const rule of rules) {
    const wrong = rule.kind === "disallow" ? findDisallowed(work, rule.pattern) : findMissing(work, rule);
    if (wrong.length > 0) throw refuse(rule, wrong, { item: item.name, side, effects, left: queue.paths() });
    const consumed = consumedBy(work, rule);
    queue.remove(consumed);
    const isMatched = rule.kind === "match" && others.has(rule.from);
    effects.push({ rule, consumed, ...(isMatched ? { matched: { from: rule.from, side: rule.side } } : {}) });
  }
  return { item: item.name, side, effects, left: queue.paths() };
}

/** The trace that a refusal by `applyRules` carries. */
export function traceOf(error: Error): RuleTrace | undefined {
  const { cause } = error;
  return typeof cause === "object" && cause !== null && "effects" in cause ? (cause as RuleTrace) : undefined;
}

interface Work {
  readonly item: RuleSubject;
  readonly side: Side;
  readonly others: ReadonlyMap<string, ItemArtifacts>;
  readonly queue: Queue;
  tests: number;
}

function refuse(rule: Rule, paths: readonly string[], trace: RuleTrace): TrustError {
  const code = rule.kind === "require" ? "INTOTO_RULE_REQUIRED" : "INTOTO_RULE_DISALLOWED";
  const named = paths.slice(0, maxNamedPaths).map(quote).join(", ");
  const more = paths.length > maxNamedPaths ? ` and ${paths.length - maxNamedPaths} more` : "";
  const detail = {
    checked: `${trace.side} of ${quote(trace.item)} by ${quote(rule.words.join(" "))}`,
    got: named + more,
  };
  return inTotoError(code, rule.kind === "require" ? { ...detail, got: `no ${named} in the queue` } : detail, trace);
}

function findDisallowed(work: Work, pattern: string): readonly string[] {
  return matchedBy(work, compileGlob(pattern));
}

function findMissing({ queue }: Work, rule: Rule): readonly string[] {
  return rule.kind === "require" && !queue.has(rule.path) ? [rule.path] : [];
}

function consumedBy(work: Work, rule: Rule): readonly string[] {
  if (rule.kind === "require" || rule.kind === "disallow") return [];
  if (rule.kind === "match") return consumedByMatch(work, rule);
  const { materials, products } = work.item;
  const paths = matchedBy(work, compileGlob(rule.pattern));
  if (rule.kind === "allow") return paths;
  if (rule.kind === "create") return paths.filter((path) => products.has(path) && !materials.has(path));
  if (rule.kind === "delete") return paths.filter((path) => materials.has(path) && !products.has(path));
  return paths.filter((path) => {
    const [before, after] = [materials.get(path), products.get(path)];
    return before !== undefined && after !== undefined && before !== after;
  });
}

/** The queued paths that the pattern matches; a literal one is looked up. */
function matchedBy(work: Work, glob: Glob): readonly string[] {
  const { queue } = work;
  if (glob.literal !== undefined) return queue.has(glob.literal) ? [glob.literal] : [];
  if (glob.isAll) return queue.paths();
  countTests(work);
  return queue.paths().filter((path) => glob.isMatch(path));
}

type MatchWords = MatchRule & Pick<Rule, "words">;

function countTests(work: Work): void {
  work.tests += work.queue.size;
  if (work.tests <= maxPatternTests) return;
  throw inTotoError("INTOTO_TOO_LARGE", {
    checked: `rules for ${work.side} of ${quote(work.item.name)}`,
    expected: `at most ${maxPatternTests} paths to compare with patterns`,
  });
}

function consumedByMatch(work: Work, rule: MatchWords): readonly string[] {
  const found = work.others.get(rule.from)?.[rule.side];
  if (found === undefined) return [];
  if (rule.sourcePrefix !== undefined) return consumedBelow(work, rule, rule.sourcePrefix, found);
  const { destinationPrefix } = rule;
  const consumed: string[] = [];
  for (const [path, hashes] of matchedEntries(work, compileGlob(rule.pattern))) {
    if (found.get(joinPrefix(destinationPrefix, path)) === hashes) consumed.push(path);
  }
  return consumed;
}

function* matchedEntries(work: Work, glob: Glob): Generator<readonly [string, Hashes]> {
  const { queue } = work;
  if (glob.literal !== undefined) {
    const hashes = queue.has(glob.literal) ? work.item[work.side].get(glob.literal) : undefined;
    if (hashes !== undefined) yield [glob.literal, hashes];
    return;
  }
  if (!glob.isAll) countTests(work);
  for (const entry of queue.entries()) if (glob.isMatch(entry[0])) yield entry;
}

function consumedBelow(work: Work, rule: MatchWords, sourcePrefix: string, found: Artifacts): readonly string[] {
  const own = work.item[work.side];
  // A set: backslashes that become slashes can lead two paths to one, even to one that is queued no more.
  const consumed = new Set<string>();
  for (const rest of pathsBelow(work, rule.pattern, sourcePrefix)) {
    const path = joinPrefix(sourcePrefix, rest);
    const hashes = own.get(path);
    if (hashes === undefined) throw noArtifact(rule, path);
    if (found.get(joinPrefix(rule.destinationPrefix, rest)) === hashes) consumed.add(path);
  }
  return [...consumed].filter((path) => work.queue.has(path));
}

/** A prefix with a backslash, or a path that goes on absolute: the reference fails too, with a KeyError. */
function noArtifact(rule: MatchWords, path: string): TrustError {
  return inTotoError("INTOTO_RULE_MALFORMED", {
    checked: quote(rule.words.join(" ")),
    got: `no artifact ${quote(path)}`,
  });
}

/** Queued paths below the source prefix that match, without the prefix. */
function pathsBelow(work: Work, pattern: string, sourcePrefix: string): readonly string[] {
  const glob = compileGlob(pattern);
  const prefix = joinPrefix(sourcePrefix, "");
  if (glob.literal !== undefined) return work.queue.has(prefix + glob.literal) ? [glob.literal] : [];
  countTests(work);
  const below = work.queue.paths().filter((path) => path.startsWith(prefix));
  return below.map((path) => path.slice(prefix.length)).filter((rest) => glob.isMatch(rest));
}

/** As Python joins paths on POSIX, and with slashes for backslashes, as the reference has it. */
function joinPrefix(prefix: string | undefined, path: string): string {
  if (prefix === undefined) return path;
  const joined = path.startsWith("/") ? path : prefix.endsWith("/") ? prefix + path : `${prefix}/${path}`;
  return joined.replaceAll("\\", "/");
}
