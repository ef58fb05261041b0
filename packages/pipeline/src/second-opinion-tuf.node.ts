import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { base64, parseJson, quote, TrustError, type JsonObject } from "@countersign/core";
import { maxMetadataBytes, type Fetcher, type RunStep, type Store, type TrustedTarget } from "@countersign/tuf";
import { opinionProblem } from "./opinion-problem.ts";
import type { EvidenceOpinion, SecondOpinion } from "./second-opinion.ts";

/** How long the other implementation may take, in milliseconds: it is quadratic in the number of targets of a role. */
export const secondOpinionTimeoutMs = 30_000;

/** What tuf-js is to judge: nothing but the very bytes that our client took. */
export interface TufReplay {
  /** The root that we started from. */
  readonly root: Uint8Array;
  /** Metadata by its name in the repository. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
  /** The time by which we judged, in milliseconds since 1970. */
  readonly nowMs: number;
  /** What we found. */
  readonly targets: readonly Pick<TrustedTarget, "name" | "length" | "digests">[];
}

/** A fetcher that keeps what metadata came, by its name in the repository. */
export function recordFetcher(fetcher: Fetcher, recorded: Map<string, Uint8Array>): Fetcher {
  return {
    metadata: async (name, options) => {
      const bytes = await fetcher.metadata(name, options);
      if (bytes !== undefined) recorded.set(name, bytes);
      return bytes;
    },
    target: (path, options) => fetcher.target(path, options),
  };
}

/** What a run used: what it fetched, and what it took from its store, under the names that these files have in the repository. */
export async function collectReplay(
  recorded: ReadonlyMap<string, Uint8Array>,
  steps: readonly RunStep[],
  store: Store,
  snapshots: "consistent" | "plain",
): Promise<ReadonlyMap<string, Uint8Array>> {
  const metadata = new Map(recorded);
  await store.open(async (session) => {
    for (const { role, file, from, version } of steps) {
      if (from !== "store" || version === undefined) continue;
      const name = role === "root" || snapshots === "consistent" ? `${version}.${role}.json` : `${role}.json`;
      const bytes = role === "timestamp" || metadata.has(name) ? undefined : await session.read(file, maxMetadataBytes);
      if (bytes !== undefined) metadata.set(name, bytes);
    }
  });
  return metadata;
}

/**
 * Asks tuf-js in a process of its own, which is ended after `timeoutMs`. Its evidence are the targets by name, or where none was
 * asked for the metadata alone. Never rejects: what goes wrong is `unable`.
 */
export async function askTufJs(replay: TufReplay, timeoutMs: number = secondOpinionTimeoutMs): Promise<SecondOpinion> {
  const answer = await runChild(formatQuestion(replay), timeoutMs);
  if (answer === undefined) return opinionOf(replay, "tuf-js", unable(`no answer within ${timeoutMs / 1000} s`));
  try {
    const said = parseJson(answer) as JsonObject;
    const { version } = said;
    return opinionOf(replay, typeof version === "string" ? `tuf-js ${version}` : "tuf-js", judgementOf(said));
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return opinionOf(replay, "tuf-js", unable("it crashed"));
  }
}

/** Throws PIPELINE_SECOND_OPINION_DISAGREES or PIPELINE_SECOND_OPINION_UNABLE unless the opinion is `agree`. */
export function checkOpinion(opinion: SecondOpinion): void {
  const problem = opinionProblem(opinion);
  if (problem !== undefined) throw problem;
}

type Target = TufReplay["targets"][number];
type Judgement = Pick<EvidenceOpinion, "theirs" | "reason">;

function opinionOf({ targets }: TufReplay, by: string, judge: (target?: Target) => Judgement): SecondOpinion {
  const asked = targets.length === 0 ? [undefined] : targets;
  const evidence = asked.map((target): EvidenceOpinion => {
    const { theirs, reason } = judge(target);
    return {
      source: target?.name ?? "metadata",
      ours: "accepts",
      theirs,
      reason: quote(reason).slice(1, -1),
      guards: [],
    };
  });
  const worst =
    evidence.find(({ theirs }) => theirs === "refuses") ?? evidence.find(({ theirs }) => theirs === "unable");
  if (worst === undefined) return { outcome: "agree", by, reason: "both accept", evidence };
  return { outcome: worst.theirs === "refuses" ? "disagree" : "unable", by, reason: worst.reason, evidence };
}

function unable(reason: string): () => Judgement {
  return () => ({ theirs: "unable", reason });
}

function formatQuestion({ root, metadata, nowMs, targets }: TufReplay): string {
  const files = [...metadata].map(([name, bytes]) => [name, base64(bytes)]);
  return JSON.stringify({ root: base64(root), nowMs, files, names: targets.map(({ name }) => name) });
}

function judgementOf({ absent, error, found }: JsonObject): (target?: Target) => Judgement {
  if (Array.isArray(absent) && absent.length > 0)
    return unable(`it asks for ${JSON.stringify(absent[0])}, which we did not need`);
  if (typeof error === "string") return () => ({ theirs: "refuses", reason: error });
  const theirs = new Map((found as [string, Found | null][]).map((row) => row));
  return (target) => {
    if (target === undefined || isSame(target, theirs.get(target.name)))
      return { theirs: "accepts", reason: "every check of its own held" };
    const what = theirs.get(target.name) == null ? "nothing" : "another file";
    return { theirs: "refuses", reason: `it finds ${what} under ${target.name}` };
  };
}

interface Found {
  readonly length: number;
  readonly hashes: Readonly<Record<string, string>>;
}

function isSame({ length, digests }: Target, their: Found | null | undefined): boolean {
  const split = digests.map((digest) => digest.split(":") as [string, string]);
  return their?.length === length && split.every(([name, value]) => their.hashes[name] === value);
}

/** What the child wrote; undefined if it did not end well and in time. */
function runChild(question: string, timeoutMs: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [createRequire(import.meta.url).resolve("#tuf-replay")], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      env: {},
    });
    const pieces: Buffer[] = [];
    child.stdout.on("data", (piece: Buffer) => pieces.push(piece));
    child.once("error", () => resolve(undefined));
    child.once("close", (code) => resolve(code === 0 ? Buffer.concat(pieces).toString("utf8") : undefined));
    child.stdin.on("error", () => {});
    child.stdin.end(question);
  });
}
