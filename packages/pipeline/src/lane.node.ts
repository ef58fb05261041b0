import { compileGlob, findingOf, makeVerifier, type Finding } from "@countersign/core";
import { loadPattern, type Match, type Policy, type SignerRule } from "@countersign/policy";
import { openEvidence, readingFor } from "./evidence.ts";
import { readArtifact, readEvidence, type ListArtifact, type ListEvidence } from "./lane-read.node.ts";
import { inspect, type World } from "./pipeline.ts";
import type { Report } from "./report.ts";
import type { Peer } from "./second-opinion.ts";
import { loadTrust, type TrustFile } from "./trust.ts";

/** One question of a list. Several pieces of evidence count together. */
export interface ListItem {
  readonly artifact: ListArtifact;
  readonly evidence: ListEvidence | readonly ListEvidence[];
}

/** The answer to one: the whole report, or why there is none. */
export type ListOutcome = { readonly report: Report } | { readonly failure: Finding };

/** What every item is judged by, in a form that crosses threads. */
export interface LaneTrust {
  readonly files?: readonly TrustFile[];
  readonly instance?: string;
  readonly maxAgeDays?: number;
  readonly witnesses?: string;
  readonly spkis: readonly Uint8Array[];
  /** The time that the age of a trust root is told by. */
  readonly nowMs: number;
}

/** How a list is judged, in a form that crosses threads. */
export interface LaneOrder {
  readonly policy: Policy;
  readonly nowMs: number;
  /** Whether an independent implementation must agree; it is given artifacts of at most 64 MiB. */
  readonly secondOpinion?: true;
  /** Whether the reports come without their evidence. */
  readonly brief?: true;
}

/** Some items and their places in the list. */
export type LaneItems = readonly (readonly [index: number, item: ListItem])[];
/** Some items' places in the list and what they came to. */
export type LaneOutcomes = readonly (readonly [index: number, outcome: ListOutcome])[];

/** Judges one item of a list; never rejects but for bugs of ours. */
export type Judge = (item: ListItem) => Promise<ListOutcome>;
/** Makes ready for one list. */
export type Lane = (order: LaneOrder) => Promise<Judge>;

/**
 * Makes ready for lists: the trust root is read here, once. Every lane, on whatever thread, runs the whole of `inspect`.
 * Throws what makes every verdict impossible (a trust root that cannot be read).
 */
export async function openLane({ spkis, nowMs, ...options }: LaneTrust): Promise<Lane> {
  const keys = spkis.map((spki) => makeVerifier(spki));
  const trust = await loadTrust({ ...options, keys, now: new Date(nowMs) });
  return async (order) => {
    const policy = await revivePolicy(order.policy);
    const world = {
      now: () => new Date(order.nowMs),
      trust: () => Promise.resolve(trust),
      ...(order.secondOpinion === true && { peer: await loadPeer() }),
    };
    if (order.brief !== true) return (item) => judge(item, policy, world);
    return async (item) => withoutEvidence(await judge(item, policy, world));
  };
}

function withoutEvidence(outcome: ListOutcome): ListOutcome {
  return "report" in outcome ? { report: { ...outcome.report, evidence: [] } } : outcome;
}

/** Only who asks for it loads it. */
async function loadPeer(): Promise<Peer> {
  const { loadSigstorePeer } = await import("./second-opinion-sigstore.node.ts");
  return loadSigstorePeer();
}

/** A policy without functions: compiled patterns become their source. */
export function flattenPolicy(policy: Policy): Policy {
  return {
    ...policy,
    signers: policy.signers.map((rule) => mapRule(rule, flattenMatch)),
  };
}

function flattenMatch(match: Match): Match {
  if ("exact" in match) return match;
  if ("glob" in match) return { glob: { pattern: match.glob.pattern } } as Match;
  return { pattern: { source: match.pattern.source } } as Match;
}

async function revivePolicy(policy: Policy): Promise<Policy> {
  const signers = policy.signers.map(async (rule) => {
    const revived = new Map<Match, Match>();
    for (const match of matchesOf(rule)) revived.set(match, await reviveMatch(match));
    return mapRule(rule, (match) => revived.get(match) ?? match);
  });
  return { ...policy, signers: await Promise.all(signers) };
}

async function reviveMatch(match: Match): Promise<Match> {
  if ("exact" in match) return match;
  if ("glob" in match) return { glob: compileGlob(match.glob.pattern) };
  return { pattern: await loadPattern(match.pattern.source) };
}

function matchesOf(rule: SignerRule): readonly Match[] {
  return rule.kind === "key" ? [] : [rule.identity, rule.issuer, ...(rule.extensions?.values() ?? [])];
}

function mapRule(rule: SignerRule, map: (match: Match) => Match): SignerRule {
  if (rule.kind === "key") return rule;
  const { extensions, ...rest } = rule;
  const mapped = extensions && new Map(Array.from(extensions, ([name, match]) => [name, map(match)] as const));
  return { ...rest, identity: map(rule.identity), issuer: map(rule.issuer), ...(mapped && { extensions: mapped }) };
}

async function judge(item: ListItem, policy: Policy, world: Omit<World, "evidence">): Promise<ListOutcome> {
  try {
    const evidence = [item.evidence].flat().map((each) => openEvidence(readEvidence(each)));
    const { keys } = await world.trust();
    const { hashes, wholeMessage } = readingFor(evidence, keys);
    const reading = { hashes, wholeMessage: wholeMessage || world.peer !== undefined };
    const artifact = await readArtifact(item.artifact, reading);
    return { report: await inspect(artifact, policy, { ...world, evidence: () => evidence }) };
  } catch (error) {
    return { failure: findingOf(error) };
  }
}
