import { quote, type Glob, type TrustError } from "@countersign/core";
import { ArtifactList, artifactStates, listArtifacts } from "./artifact-list.ts";
import { inTotoError } from "./errors.ts";
import { compileGlob } from "./glob.ts";
import { keepEntries, Queue, type Entries } from "./queue.ts";
import type { Artifacts } from "./artifacts.ts";
import type { MatchRule, Rule, Side } from "./rule.ts";

/** The artifacts of a step or inspection. */
export interface ItemArtifacts {
  readonly materials: Artifacts;
  readonly products: Artifacts;
}

/** What is checked: an item's artifacts on one side, by the rules for them. */
export interface RuleSubject extends ItemArtifacts {
  readonly name: string;
}

/** How often one list of rules may ask a pattern about a path: about two seconds. */
export const maxPatternTests: number = 20_000_000;
/** How much less it costs to take every path. */
const allDiscount = 8;

/** One list of rules at work. */
export interface Work {
  readonly item: RuleSubject;
  readonly side: Side;
  /** The items that MATCH may name. */
  readonly others: ReadonlyMap<string, ItemArtifacts>;
  readonly queue: Queue;
  /** Maps that were made into lists. */
  readonly lists: Map<Artifacts, ArtifactList>;
  /** How the item's other side has each artifact, once a rule asked. */
  across?: Uint8Array;
  tests: number;
}

export function openWork(item: RuleSubject, side: Side, others: Work["others"]): Work {
  return { item, side, others, queue: new Queue(listArtifacts(item[side])), lists: new Map(), tests: 0 };
}

/**
 * The queued entries that the rule consumes; none for REQUIRE and DISALLOW. Takes nothing from the queue.
 * Throws INTOTO_RULE_MALFORMED and INTOTO_TOO_LARGE.
 */
export function consumedBy(work: Work, rule: Rule): Entries {
  if (rule.kind === "require" || rule.kind === "disallow") return none;
  if (rule.kind === "match") return consumedByMatch(work, rule);
  if (rule.kind === "allow") return matchedBy(work, rule.pattern);
  // What is created is no material, what is deleted no product.
  const isOwnSide = rule.kind === "modify" || (rule.kind === "create") === (work.side === "products");
  if (!isOwnSide) return none;
  const state = rule.kind === "modify" ? artifactStates.different : artifactStates.absent;
  const entries = matchedBy(work, rule.pattern);
  if (entries.length === 0) return none;
  const other = listOf(work, work.item[work.side === "products" ? "materials" : "products"]);
  const states = (work.across ??= work.queue.list.statesIn(other));
  return keepEntries(entries, (entry) => states[entry] === state);
}

/** The queued entries whose path the pattern matches; a literal one is looked up. Throws as `consumedBy`. */
export function matchedBy(work: Work, pattern: string): Entries {
  const { queue } = work;
  const glob = compileGlob(pattern);
  if (glob.literal !== undefined) return entryOf(queue, glob.literal);
  countTests(work, glob);
  const entries = queue.entries();
  return glob.isAll ? entries : entries.filter((entry) => glob.isMatch(queue.list.pathAt(entry)));
}

const none: Entries = [];

function entryOf(queue: Queue, path: string): Entries {
  const entry = queue.list.find(path);
  return queue.has(entry) ? [entry] : none;
}

function listOf({ lists }: Work, artifacts: Artifacts): ArtifactList {
  if (artifacts instanceof ArtifactList) return artifacts;
  const list = lists.get(artifacts) ?? listArtifacts(artifacts);
  lists.set(artifacts, list);
  return list;
}

function countTests(work: Work, { isAll }: Glob): void {
  work.tests += isAll ? work.queue.size / allDiscount : work.queue.size;
  if (work.tests <= maxPatternTests) return;
  throw inTotoError("INTOTO_TOO_LARGE", {
    checked: `rules for ${work.side} of ${quote(work.item.name)}`,
    expected: `at most ${maxPatternTests} paths to compare with patterns`,
  });
}

type MatchWords = MatchRule & Pick<Rule, "words">;

function consumedByMatch(work: Work, rule: MatchWords): Entries {
  const artifacts = work.others.get(rule.from)?.[rule.side];
  if (artifacts === undefined) return none;
  const found = listOf(work, artifacts);
  if (rule.sourcePrefix !== undefined || rule.destinationPrefix !== undefined) return consumedBelow(work, rule, found);
  const { list } = work.queue;
  const entries = matchedBy(work, rule.pattern);
  // A walk along both lists costs about a sixteenth of a search for each entry.
  if (entries.length * 16 <= list.size + found.size)
    return keepEntries(entries, (entry) => list.stateIn(found, entry) === artifactStates.same);
  const states = list.statesIn(found);
  return keepEntries(entries, (entry) => states[entry] === artifactStates.same);
}

function consumedBelow(work: Work, rule: MatchWords, found: ArtifactList): Entries {
  const { list } = work.queue;
  const { sourcePrefix, destinationPrefix } = rule;
  const prefix = joinPrefix(sourcePrefix, "");
  // A set: backslashes that become slashes can lead two paths to one, even to one that is queued no more.
  const consumed = new Set<number>();
  for (const queued of entriesBelow(work, rule.pattern, prefix)) {
    const rest = list.pathAt(queued).slice(prefix.length);
    const path = joinPrefix(sourcePrefix, rest);
    const own = list.find(path);
    if (own < 0) throw noArtifact(rule, path);
    const other = found.find(joinPrefix(destinationPrefix, rest));
    if (other >= 0 && list.hasSameHashes(own, found, other)) consumed.add(own);
  }
  return [...consumed].filter((entry) => work.queue.has(entry));
}

/** A prefix with a backslash, or a path that goes on absolute: the reference fails too, with a KeyError. */
function noArtifact(rule: MatchWords, path: string): TrustError {
  return inTotoError("INTOTO_RULE_MALFORMED", {
    checked: quote(rule.words.join(" ")),
    got: `no artifact ${quote(path)}`,
  });
}

/** Queued entries below the prefix whose path without it matches. */
function entriesBelow(work: Work, pattern: string, prefix: string): Entries {
  const { queue } = work;
  const glob = compileGlob(pattern);
  if (glob.literal !== undefined) return entryOf(queue, prefix + glob.literal);
  countTests(work, { ...glob, isAll: false });
  return queue.entries().filter((entry) => {
    const path = queue.list.pathAt(entry);
    return path.startsWith(prefix) && glob.isMatch(path.slice(prefix.length));
  });
}

/** As Python joins paths on POSIX, and with slashes for backslashes, as the reference has it. */
function joinPrefix(prefix: string | undefined, path: string): string {
  if (prefix === undefined) return path;
  const joined = path.startsWith("/") ? path : prefix.endsWith("/") ? prefix + path : `${prefix}/${path}`;
  return joined.replaceAll("\\", "/");
}
