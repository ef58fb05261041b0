import {
  findingOf,
  quote,
  TrustError,
  type Certificate,
  type Detail,
  type Finding,
  type Requirements,
} from "@countersign/core";
import { checkChainSignatures, checkPath, codeSigning, timeStamping } from "./certificate.ts";
import { countDistinct, partyOfLog, type Party } from "./distinct.ts";
import { sigstoreError } from "./errors.ts";
import { checkTimestampingUsage } from "./timestamp.ts";
import type { Authority, Log, TrustRoot } from "./trust-root.ts";
import { isWithin, type Window } from "./window.ts";

/** What a trust root is judged against. */
export interface TrustLintOptions {
  readonly nowMs: number;
  /** What a verdict will need: it must be reachable with those that are valid now. */
  readonly need: Requirements;
}

/** What ends within this time is told, in milliseconds. */
export const endsSoonMs: number = 30 * 86_400_000;

/**
 * What is wrong with trust roots that can be read: chains that prove nothing, keys listed twice, windows with gaps and
 * overlaps, what has ended or ends soon, and numbers that cannot be reached. `fail` means that good signatures will be
 * refused or that a count can be cheated; `warn` that somebody should look. The roots are looked at one by one; the numbers are
 * those of all together. Does not say whether the keys are the right ones: nothing in a file can.
 */
export function lintTrustRoots(roots: readonly TrustRoot[], options: TrustLintOptions): readonly Finding[] {
  const { nowMs } = options;
  const hasIssuer = roots.some(({ authorities }) => authorities.some((each) => isNow(standingOf(each), nowMs)));
  return [
    ...roots.flatMap((root) => [...root.warnings, ...lintRoot(root, { nowMs, hasIssuer })]),
    ...lintIssuers(roots),
    ...lintNumbers(roots, options),
  ];
}

/** Where all certificate authorities were passed over, it looks as if keys alone were meant. */
function lintIssuers(roots: readonly TrustRoot[]): readonly Finding[] {
  const isIssuer = ({ code, message }: Finding): boolean =>
    code === "SIGSTORE_TRUST_ROOT_AUTHORITY_SKIPPED" && message.includes("certificateAuthorities[");
  const lost = roots.flatMap(({ warnings }) => warnings.filter(isIssuer)).length;
  if (lost === 0 || roots.some(({ authorities }) => authorities.length > 0)) return [];
  return [fail("SIGSTORE_TRUST_NONE_CURRENT", { checked: "certificateAuthorities", got: `${lost} passed over` })];
}

/** The window of an authority and those of all its certificates at once; undefined if there is no such time. */
export function standingOf({ validFor, chain }: Pick<Authority, "validFor" | "chain">): Window | undefined {
  const startMs = Math.max(validFor.startMs, ...chain.map((each) => each.notBeforeMs));
  // X.509 counts in whole seconds; notAfter holds to the end of its second.
  const endMs = Math.min(validFor.endMs ?? Infinity, ...chain.map((each) => each.notAfterMs + 999));
  return endMs < startMs ? undefined : { startMs, endMs };
}

interface Item {
  readonly at: string;
  readonly name: string;
  readonly key: string;
  /** When its word counts; undefined if never. */
  readonly window: Window | undefined;
}

interface Kind {
  readonly list: string;
  readonly items: readonly Item[];
  /** Without one of these nothing that is signed now can be verified. */
  readonly isNeeded: boolean;
}

interface Situation {
  readonly nowMs: number;
  /** Whether any of the roots has an authority whose certificates are good now. */
  readonly hasIssuer: boolean;
}

function lintRoot(root: TrustRoot, { nowMs, hasIssuer }: Situation): readonly Finding[] {
  const authorityItems = (list: string, all: readonly Authority[]): readonly Item[] =>
    all.map((authority, index) => {
      const key = (authority.chain[0] as Certificate).spki.join();
      return { at: `${list}[${index}]`, name: authority.uri, key, window: standingOf(authority) };
    });
  const logItems = (list: string, all: readonly Log[]): readonly Item[] =>
    all.map((log) => ({
      at: `${list} ${quote(log.baseUrl)}`,
      name: log.origin,
      key: log.verifier.keyid,
      window: log.validFor,
    }));
  const { authorities, timestampAuthorities } = root;
  const kinds: readonly Kind[] = [
    {
      list: "certificateAuthorities",
      items: authorityItems("certificateAuthorities", authorities),
      isNeeded: !hasIssuer,
    },
    { list: "tlogs", items: logItems("tlogs", root.logs), isNeeded: false },
    { list: "ctlogs", items: logItems("ctlogs", root.ctLogs), isNeeded: false },
    {
      list: "timestampAuthorities",
      items: authorityItems("timestampAuthorities", timestampAuthorities),
      isNeeded: false,
    },
  ];
  return [
    ...authorities.flatMap((each, index) => lintChain(each, `certificateAuthorities[${index}]`, checkIssuing)),
    ...timestampAuthorities.flatMap((each, index) => lintChain(each, `timestampAuthorities[${index}]`, checkStamping)),
    ...[...authorities, ...timestampAuthorities].flatMap((each) => lintExpiry(each, nowMs)),
    ...kinds.flatMap((kind) => [...lintPairs(kind, nowMs), ...lintGaps(kind), ...lintNow(kind, nowMs)]),
  ];
}

/** Proves that the chain may issue certificates of signers: all of them CAs, linked, signed. */
export function checkIssuing(chain: readonly Certificate[]): void {
  checkPath(chain, codeSigning);
  checkChainSignatures(chain);
}

/** Proves that the first certificate may sign timestamps, and that the rest may have issued it. */
export function checkStamping(chain: readonly Certificate[]): void {
  checkTimestampingUsage(chain[0] as Certificate);
  checkPath(chain.slice(1), timeStamping);
  checkChainSignatures(chain);
}

function lintChain({ chain }: Authority, at: string, check: (chain: readonly Certificate[]) => void): Finding[] {
  try {
    check(chain);
    return [];
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return [{ ...findingOf(error), message: `${at}: ${error.message}` }];
  }
}

function lintExpiry({ chain, uri, validFor }: Authority, nowMs: number): readonly Finding[] {
  const ended = chain.find((each) => each.notAfterMs < nowMs);
  if (ended === undefined || !isWithin(validFor, nowMs)) return [];
  return [
    warn("SIGSTORE_TRUST_EXPIRED", { checked: quote(uri), got: `${day(ended.notAfterMs)} (serial ${ended.serial})` }),
  ];
}

function lintPairs({ items }: Kind, nowMs: number): readonly Finding[] {
  return items.flatMap((one, index) => items.slice(index + 1).flatMap((other) => lintPair(one, other, nowMs)));
}

function lintPair(one: Item, other: Item, nowMs: number): readonly Finding[] {
  const checked = `${one.at} and ${other.at}`;
  if (one.key === other.key && one.name !== other.name) return [fail("SIGSTORE_TRUST_DUPLICATE", { checked })];
  if (one.window === undefined || other.window === undefined || !isMeeting(one.window, other.window)) return [];
  if (one.key === other.key) return [warn("SIGSTORE_TRUST_DUPLICATE", { checked })];
  // While one takes over from another both are in use for a while; what is past was meant so.
  const isBothNow = isNow(one.window, nowMs) && isNow(other.window, nowMs);
  return one.name === other.name && isBothNow ? [warn("SIGSTORE_TRUST_OVERLAP", { checked })] : [];
}

function isMeeting(one: Window, other: Window): boolean {
  return one.startMs < endOf(other) && other.startMs < endOf(one);
}

/** Ends and starts a second apart are no gap: windows are often written so. */
const slackMs = 1000;

function lintGaps({ list, items }: Kind): readonly Finding[] {
  const windows = items.flatMap(({ window }) => window ?? []).toSorted((a, b) => a.startMs - b.startMs);
  let coveredMs = windows[0] === undefined ? 0 : windows[0].startMs;
  const gaps: Finding[] = [];
  for (const window of windows) {
    if (window.startMs > coveredMs + slackMs)
      gaps.push(warn("SIGSTORE_TRUST_GAP", { checked: list, got: `${time(coveredMs)} to ${time(window.startMs)}` }));
    coveredMs = Math.max(coveredMs, endOf(window));
  }
  return gaps;
}

function lintNow({ list, items, isNeeded }: Kind, nowMs: number): readonly Finding[] {
  if (items.length === 0) return [];
  const isStanding = (atMs: number): boolean => items.some(({ window }) => window && isWithin(window, atMs));
  if (!isStanding(nowMs)) {
    const detail = { checked: list, got: `${items.length} at other times` };
    return [isNeeded ? fail("SIGSTORE_TRUST_NONE_CURRENT", detail) : warn("SIGSTORE_TRUST_NONE_CURRENT", detail)];
  }
  return isStanding(nowMs + endsSoonMs) ? [] : [warn("SIGSTORE_TRUST_ENDS_SOON", { checked: list })];
}

/** How many different parties could vouch now, counted as a verdict counts them. */
export function countCurrent(roots: readonly TrustRoot[], nowMs: number): Requirements {
  const logParties = (pick: (root: TrustRoot) => readonly Log[]): readonly Party[] =>
    roots
      .flatMap(pick)
      .filter((log) => isWithin(log.validFor, nowMs))
      .map(partyOfLog);
  const stampers = roots
    .flatMap((root) => root.timestampAuthorities)
    .filter((each) => isNow(standingOf(each), nowMs))
    .map((each) => ({ operator: each.operator ?? each.uri, key: (each.chain[0] as Certificate).spki.join() }));
  const logs = logParties((root) => root.logs);
  return {
    scts: countDistinct(logParties((root) => root.ctLogs)),
    logEntries: countDistinct(logs),
    // Rekor v1 says a time as well; which generation a log is, no trust root tells.
    times: countDistinct([...stampers, ...logs]),
  };
}

function isNow(window: Window | undefined, nowMs: number): boolean {
  return window !== undefined && isWithin(window, nowMs);
}

const wanted: ReadonlyMap<keyof Requirements, string> = new Map([
  ["scts", "CT logs"],
  ["logEntries", "transparency logs"],
  ["times", "sources of time"],
]);

function lintNumbers(roots: readonly TrustRoot[], { nowMs, need }: TrustLintOptions): readonly Finding[] {
  const there = countCurrent(roots, nowMs);
  return [...wanted].flatMap(([name, checked]) => {
    const [least, got] = [need[name], there[name]];
    return got >= least
      ? []
      : [fail("SIGSTORE_TRUST_THRESHOLD", { checked, expected: `${least} operators`, got: String(got) })];
  });
}

function endOf({ endMs }: Window): number {
  return endMs ?? Infinity;
}

type LintCode = Parameters<typeof sigstoreError>[0];

function fail(code: LintCode, detail: Detail): Finding {
  const { message, fix } = sigstoreError(code, detail);
  return { level: "fail", code, message, fix };
}

function warn(code: LintCode, detail: Detail): Finding {
  return { ...fail(code, detail), level: "warn" };
}

function day(ms: number): string {
  return time(ms).slice(0, 10);
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
