import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { base64, parseJson, quote, TrustError, type JsonObject } from "@countersign/core";
import { maxMetadataBytes, type Fetcher, type RunStep, type Store, type TrustedTarget } from "@countersign/tuf";
import { pipelineError } from "./errors.ts";

/** How long the other implementation may take, in milliseconds: it is quadratic in the number of targets of a role. */
export const secondOpinionTimeoutMs = 30_000;

/** What another implementation says of what we trusted. Only `agree` allows. */
export type TufOpinion =
  | { readonly outcome: "agree" }
  | { readonly outcome: "disagree"; readonly detail: string }
  | { readonly outcome: "unable"; readonly detail: string };

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

/** Asks tuf-js in a process of its own, which is ended after `timeoutMs`. Never rejects: what goes wrong is `unable`. */
export async function askTufJs(replay: TufReplay, timeoutMs: number = secondOpinionTimeoutMs): Promise<TufOpinion> {
  const answer = await runChild(formatQuestion(replay), timeoutMs);
  if (answer === undefined) return { outcome: "unable", detail: `no answer within ${timeoutMs / 1000} s` };
  try {
    return judge(replay, parseJson(answer) as JsonObject);
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return { outcome: "unable", detail: "it crashed" };
  }
}

/** Throws PIPELINE_SECOND_OPINION_DISAGREES or PIPELINE_SECOND_OPINION_UNABLE unless the opinion is `agree`. */
export function checkOpinion(opinion: TufOpinion): void {
  if (opinion.outcome === "agree") return;
  const code = opinion.outcome === "disagree" ? "PIPELINE_SECOND_OPINION_DISAGREES" : "PIPELINE_SECOND_OPINION_UNABLE";
  throw pipelineError(code, { checked: "tuf-js", got: quote(opinion.detail) });
}

function formatQuestion({ root, metadata, nowMs, targets }: TufReplay): string {
  const files = [...metadata].map(([name, bytes]) => [name, base64(bytes)]);
  return JSON.stringify({ root: base64(root), nowMs, files, names: targets.map(({ name }) => name) });
}

function judge({ targets }: TufReplay, answer: JsonObject): TufOpinion {
  const { absent, error, found } = answer;
  if (Array.isArray(absent) && absent.length > 0)
    return { outcome: "unable", detail: `it asks for ${JSON.stringify(absent[0])}, which we did not need` };
  if (typeof error === "string") return { outcome: "disagree", detail: error };
  const theirs = new Map(
    (found as [string, { length: number; hashes: Record<string, string> } | null][]).map((row) => row),
  );
  for (const { name, length, digests } of targets) {
    const their = theirs.get(name);
    const isSame =
      their?.length === length &&
      digests.every(
        (digest) => their.hashes[digest.slice(0, digest.indexOf(":"))] === digest.slice(digest.indexOf(":") + 1),
      );
    if (!isSame)
      return { outcome: "disagree", detail: `it finds ${their == null ? "nothing" : "another file"} under ${name}` };
  }
  return { outcome: "agree" };
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
