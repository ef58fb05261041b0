import { statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { setFlagsFromString } from "node:v8";
import { resolvePredicateType } from "@countersign/core";
import type { TrustOptions } from "@countersign/pipeline";
import { minItemsForThreads, openLanes, type Lanes, type ListItem, type ListOutcome } from "@countersign/pipeline/node";
import { bundlePathOf, bundlesOf } from "../bundle.ts";
import { eachBundle } from "../bundle-file.ts";
import { cliError } from "../errors.ts";
import { makePool } from "../evidence-pool.ts";
import { runList } from "../list-run.ts";
import type { VerifyOptions } from "../options.ts";
import { acceptanceOf, isOpinionWanted } from "../policy.ts";
import { readQuestions, type Asked } from "../question-list.ts";
import { isEvidenceShown, openOutput } from "../result-output.ts";
import { resultOf } from "../result.ts";
import type { Terminal } from "../terminal.ts";
import { readTrustSettings } from "../trust.ts";

/**
 * `countersign verify` of several artifacts, or with a report of another form: 1 if any was refused, else 3 if any could not
 * be told. Usage is looked at first, then bundles are read, and artifacts last.
 */
export async function verifyMany(
  operands: readonly string[],
  options: VerifyOptions,
  terminal: Terminal,
): Promise<number> {
  const { given, rest } = withTrailingList(operands, options);
  if (rest.checksums !== undefined) {
    const { verifyChecksums } = await import("./verify-checksums.ts");
    return verifyChecksums(operands, rest, terminal);
  }
  checkUsage(operands, rest);
  const acceptance = await acceptanceOf(rest, "BUNDLE", terminal);
  const { policy, keys, witnesses } = acceptance;
  const trust = await readTrustSettings(rest, { keys, witnesses }, terminal);
  const asked = await readQuestions(operands, rest);
  const opening = startLanes(lanesFor(asked, rest), trust);
  try {
    const items = await itemsOf(asked, given, rest, terminal);
    const output = openOutput(rest, items.length, terminal);
    const hear = inOrder(items.length, (index, outcome) => output.add(resultOf(asked[index]?.name ?? "", outcome)));
    const secondOpinion = isOpinionWanted(rest, acceptance) && { secondOpinion: true as const };
    const brief = !isEvidenceShown(rest) && { brief: true as const };
    const lanes = await opening;
    return await runList(
      asked.map(({ name }) => name),
      output,
      () => lanes.judgeList(items, { policy, now: trust.now, ...secondOpinion, ...brief }, hear),
    );
  } finally {
    await opening.then(
      (lanes) => lanes.close(),
      () => undefined,
    );
  }
}

/** Throws CLI_OPTION_CONFLICT and CLI_USAGE. */
function checkUsage(operands: readonly string[], { ignoreMissing, list, digests }: VerifyOptions): void {
  if (ignoreMissing === true)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--ignore-missing", expected: "--checksums beside it" });
  if (operands.length === 0 && list === undefined && digests === undefined)
    throw cliError("CLI_USAGE", "missing required argument 'artifact'");
}

/** A thread with nothing to judge would only be started. */
function lanesFor(asked: readonly Asked[], { jobs }: VerifyOptions): number {
  return Math.min(jobs ?? (paysThreads(asked) ? availableParallelism() : 1), Math.max(asked.length, 1));
}

/** Threads start while bundles are still looked for; who awaits the lanes hears of what went wrong with them. */
function startLanes(lanes: number, trust: TrustOptions): Promise<Lanes> {
  // Where every core has a lane, what V8 compiles and sweeps in threads of its own would only take turns with them.
  if (lanes > 1 && lanes >= availableParallelism()) setFlagsFromString("--efficiency-mode");
  const opening = openLanes({ trust, lanes });
  opening.catch(() => {});
  return opening;
}

/** `verify --bundles a b - < list`: the `-` that stands after the last bundle is the list. */
function withTrailingList(
  operands: readonly string[],
  options: VerifyOptions,
): { readonly given: readonly string[] | undefined; readonly rest: VerifyOptions } {
  const given = bundlesOf(options);
  const isTrailing = operands.length === 0 && given?.at(-1) === "-" && options.list === undefined;
  if (!isTrailing) return { given, rest: options };
  return { given: given.length === 1 ? undefined : given.slice(0, -1), rest: { ...options, list: "-" } };
}

async function itemsOf(
  asked: readonly Asked[],
  given: readonly string[] | undefined,
  options: VerifyOptions,
  terminal: Terminal,
): Promise<readonly ListItem[]> {
  const paths = given ?? (options.bundle === undefined ? undefined : [options.bundle]);
  if (paths === undefined) return asked.map((each) => besideOf(each, options));
  const files = eachBundle(paths);
  const [only] = asked;
  // All that was given for one artifact is in its report.
  if (asked.length === 1 && only !== undefined)
    return [{ artifact: only.artifact, evidence: Array.from(files, ({ source, bytes }) => ({ source, bytes })) }];
  const pool = makePool(files);
  const items: ListItem[] = [];
  for (const each of asked) items.push(await pool.choose(each, terminal));
  return items;
}

function besideOf({ name, artifact }: Asked, { type }: VerifyOptions): ListItem {
  const predicateType = type === undefined ? undefined : resolvePredicateType(type);
  const path = "digest" in artifact ? undefined : bundlePathOf({ operand: name, predicateType });
  if (path === undefined) throw cliError("CLI_BUNDLE_NEEDED", { got: "a digest" });
  return { artifact, evidence: { path } };
}

/** From here on a few large files are worth a thread too, in bytes. */
const minBytesForThreads = 256 * 1024 * 1024;

function paysThreads(asked: readonly Asked[]): boolean {
  if (asked.length >= minItemsForThreads) return true;
  const bytes = asked.map(({ artifact }) => ("path" in artifact ? sizeOf(artifact.path) : 0));
  return asked.length > 1 && bytes.reduce((sum, each) => sum + each, 0) >= minBytesForThreads;
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** Hands on outcomes in the order of the list, each as soon as all before it are there. */
function inOrder(
  count: number,
  add: (index: number, outcome: ListOutcome) => void,
): (index: number, outcome: ListOutcome) => void {
  const waiting = new Map<number, ListOutcome>();
  let next = 0;
  return (index, outcome) => {
    waiting.set(index, outcome);
    for (let ready = waiting.get(next); ready !== undefined && next < count; ready = waiting.get(next)) {
      waiting.delete(next);
      add(next++, ready);
    }
  };
}
