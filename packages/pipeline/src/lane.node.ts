import { createReadStream, readFileSync } from "node:fs";
import {
  compileGlob,
  coreError,
  defaultKeepBytes,
  digestOf,
  digestStream,
  makeVerifier,
  maxKeepBytes,
  parseDigest,
  TrustError,
  type Artifact,
  type DigestOptions,
  type Finding,
} from "@countersign/core";
import { loadPattern, type Match, type Policy, type SignerRule } from "@countersign/policy";
import type { Reading } from "@countersign/sigstore";
import { openEvidence, readingFor, type EvidenceFile } from "./evidence.ts";
import { inspect, type World } from "./pipeline.ts";
import type { Report } from "./report.ts";
import { loadTrust, type TrustFile } from "./trust.ts";

/** One question of a list. `bytes` only for what is small; a path is read as a stream. */
export interface ListItem {
  readonly artifact:
    | { readonly path: string }
    | { readonly digest: string }
    | { readonly name: string; readonly bytes: Uint8Array };
  readonly evidence: { readonly path: string } | { readonly source: string; readonly bytes: Uint8Array };
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
    const world = { now: () => new Date(order.nowMs), trust: () => Promise.resolve(trust) };
    return (item) => judge(item, policy, world);
  };
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

async function judge(item: ListItem, policy: Policy, world: Pick<World, "now" | "trust">): Promise<ListOutcome> {
  try {
    const evidence = openEvidence(readEvidence(item.evidence));
    const { keys } = await world.trust();
    const artifact = await readArtifact(item.artifact, readingFor([evidence], keys));
    return { report: await inspect(artifact, policy, { ...world, evidence: () => [evidence] }) };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return {
      failure: {
        level: error.kind === "unavailable" ? "unknown" : "fail",
        code: error.code,
        message: error.message,
        fix: error.fix,
      },
    };
  }
}

function readEvidence(evidence: ListItem["evidence"]): EvidenceFile {
  if ("bytes" in evidence) return evidence;
  try {
    return { source: evidence.path, bytes: readFileSync(evidence.path) };
  } catch (cause) {
    throw coreError("CORE_STREAM_FAILED", { checked: "evidence" }, cause);
  }
}

function readArtifact(artifact: ListItem["artifact"], reading: Reading): Promise<Artifact> | Artifact {
  if ("digest" in artifact) return { name: artifact.digest, digests: [parseDigest(artifact.digest)] };
  const keepBytes = reading.wholeMessage ? maxKeepBytes : defaultKeepBytes;
  if ("bytes" in artifact) return readBytes(artifact, { ...reading, keepBytes });
  return digestStream(createReadStream(artifact.path), { name: artifact.path, hashes: reading.hashes, keepBytes });
}

/** As `digestStream` of one chunk. */
function readBytes({ name, bytes }: InMemory, how: Pick<DigestOptions, "hashes" | "keepBytes">): Artifact {
  const digests = how.hashes.map((hash) => digestOf(hash, bytes));
  return { name, digests, size: bytes.length, ...(bytes.length <= (how.keepBytes ?? 0) && { bytes }) };
}

type InMemory = Extract<ListItem["artifact"], { bytes: Uint8Array }>;
