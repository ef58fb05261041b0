import {
  makeLimiter,
  parsePlatforms,
  parseReference,
  parseRepository,
  Registry,
  type Reference,
  type Repository,
} from "@countersign/oci";
import { attempt, quote, resolvePredicateType, TrustError } from "@countersign/core";
import {
  exitCodeOfImage,
  inspectImages,
  maxImagesAtOnce,
  type ImageQuestion,
  type ImageReport,
  type ImageRole,
  type ImageWorld,
} from "@countersign/pipeline";
import { cliError } from "../../errors.ts";
import { exitCodes } from "../../exit.ts";
import { sleep } from "../../http.ts";
import type { ImageVerifyOptions } from "../../image-options.ts";
import { acceptanceOf, isOpinionWanted } from "../../policy.ts";
import { evidenceRepositoryOf, openRegistry } from "../../registry.ts";
import { formatImageText } from "../../render-image.ts";
import { formatJson } from "../../render-json.ts";
import { formatFailureText } from "../../render-text.ts";
import { loadPeer } from "../../second-opinion.ts";
import type { Terminal } from "../../terminal.ts";
import { readTrust } from "../../trust.ts";

/** `countersign image verify`: 0 all allowed, 1 one refused, 3 one could not be told. Prints the pinned references. */
export async function imageVerifyCommand(
  operands: readonly string[],
  options: ImageVerifyOptions,
  terminal: Terminal,
): Promise<number> {
  const annotations = parseAnnotations(options.annotation);
  return await verifyImages(operands, { kind: "signature", annotations }, options, terminal);
}

/** `countersign image verify-attestation`, as `image verify`. */
export async function imageVerifyAttestationCommand(
  operands: readonly string[],
  options: ImageVerifyOptions,
  terminal: Terminal,
): Promise<number> {
  const { type, ...rest } = options;
  if (type === undefined) throw cliError("CLI_USAGE", "--type <type> is needed: any attestation is not enough");
  return await verifyImages(
    operands,
    { kind: "attestation", predicateType: resolvePredicateType(type) },
    rest,
    terminal,
  );
}

/** Reads `name=value`, each name once. */
export function parseAnnotations(texts: readonly string[] | undefined): ReadonlyMap<string, string> {
  const annotations = new Map<string, string>();
  for (const text of texts ?? []) {
    const equals = text.indexOf("=");
    const name = text.slice(0, equals);
    if (equals < 1 || annotations.has(name))
      throw cliError("CLI_OPTION_VALUE", {
        checked: "--annotation",
        expected: "NAME=VALUE, each name once",
        got: quote(text),
      });
    annotations.set(name, text.slice(equals + 1));
  }
  return annotations;
}

/** What came of one image: a report, or what kept it from being judged. */
export type Outcome =
  | { readonly reference: string; readonly report: ImageReport }
  | { readonly reference: string; readonly error: TrustError };

async function verifyImages(
  operands: readonly string[],
  role: ImageRole,
  options: ImageVerifyOptions,
  terminal: Terminal,
): Promise<number> {
  const outcomes = await judgeImages(operands, role, options, terminal);
  if (options.json === true) terminal.out(formatJson(reportsOf(outcomes)));
  tell(outcomes, options, terminal);
  return exitCodeOf(outcomes);
}

/** Judges each image by itself, in the order given. Throws wrong usage before a socket is opened. */
export async function judgeImages(
  operands: readonly string[],
  role: ImageRole,
  options: ImageVerifyOptions,
  terminal: Terminal,
): Promise<readonly Outcome[]> {
  const references = operands.map(parseReference);
  const acceptance = await acceptanceOf(options, "BUNDLE", terminal);
  const { policy, keys, witnesses } = acceptance;
  const elsewhere = await sourceElsewhere(options, terminal);
  const questions = references.map((reference) => ({ ...questionOf(reference, role, options), ...elsewhere }));
  const now = terminal.now();
  const trust = await readTrust(options, { keys, witnesses }, terminal);
  const world: ImageWorld = {
    now: () => now,
    trust: () => Promise.resolve(trust),
    registry: await sourceOf(options, questions.map(fetchedFrom), terminal),
    limit: makeLimiter(maxImagesAtOnce),
    ...(isOpinionWanted(options, acceptance) && { peer: await loadPeer() }),
    ...(await tagMapsOf(options, terminal)),
  };
  const reports = inspectImages(questions, policy, world);
  return await Promise.all(reports.map(async (report, index) => await outcomeOf(report, operands[index] ?? "")));
}

async function sourceElsewhere(
  options: ImageVerifyOptions,
  terminal: Terminal,
): Promise<Pick<ImageQuestion, "findElsewhere">> {
  if (options.from === undefined) return {};
  return (await import("../../github-source.ts")).githubSource(options.from, options, terminal);
}

async function tagMapsOf(options: ImageVerifyOptions, terminal: Terminal): Promise<Pick<ImageWorld, "tagMaps">> {
  if ((options.tagMap ?? options.tagMapCopy ?? options.tagMapAt) === undefined) return {};
  return { tagMaps: await (await import("../../tag-map.ts")).openTagMaps(options, terminal) };
}

/** Mirrors are shown the client certificate, not those they stand for. */
function fetchedFrom({ reference, fetchFrom }: ImageQuestion): Repository {
  return fetchFrom ?? reference;
}

/** The registries, or the layout that stands for all of them. */
async function sourceOf(
  options: ImageVerifyOptions,
  repositories: readonly Repository[],
  terminal: Terminal,
): Promise<Registry> {
  if (options.layout === undefined) {
    if (options.offline === true)
      throw cliError("CLI_OPTION_CONFLICT", { checked: "--offline", expected: "--layout <dir> beside it" });
    return openRegistry(options, repositories, terminal);
  }
  const { layoutHttp } = await import("@countersign/oci/node");
  return new Registry({ http: layoutHttp(options.layout), sleep });
}

/** What keeps one image from being judged does not keep the others from it; wrong usage is everybody's. */
async function outcomeOf(report: Promise<ImageReport>, reference: string): Promise<Outcome> {
  try {
    return { reference, report: await report };
  } catch (error) {
    if (error instanceof TrustError && error.kind !== "usage") return { reference, error };
    throw error;
  }
}

function questionOf(reference: Reference, role: ImageRole, options: ImageVerifyOptions): ImageQuestion {
  const mirrors = (options.mirror ?? []).map(parseMirror);
  const evidence = evidenceRepositoryOf(options);
  const evidenceRepository = evidence && (mirrorOf(evidence, mirrors) ?? evidence);
  const fetchFrom = mirrorOf(reference, mirrors);
  return {
    reference,
    role,
    ...(options.platforms !== undefined && { platforms: parsePlatforms(options.platforms) }),
    ...(options.tagPrefix !== undefined && { tagPrefix: options.tagPrefix }),
    ...(options.maxAge !== undefined && { maxAgeMs: ageOf(options.maxAge) }),
    ...(options.matchName === true && { signedName: `${reference.registry}/${reference.repository}` }),
    ...(evidenceRepository !== undefined && { evidenceRepository }),
    ...(fetchFrom !== undefined && { fetchFrom }),
  };
}

/** Reads `12h` or `30d`, in milliseconds. */
function ageOf(text: string): number {
  const [, count = "", unit = ""] = /^([1-9][0-9]{0,5})([mhd])$/.exec(text) ?? [];
  if (unit === "")
    throw cliError("CLI_OPTION_VALUE", { checked: "--max-age", expected: "90m, 12h or 30d", got: quote(text) });
  return Number(count) * 60_000 * (unit === "m" ? 1 : unit === "h" ? 60 : 24 * 60);
}

interface Mirror {
  readonly from: string;
  readonly to: string;
}

/** The longest FROM that the name begins with, at whole parts, decides. */
function mirrorOf({ registry, repository }: Repository, mirrors: readonly Mirror[]): Repository | undefined {
  const name = `${registry}/${repository}`;
  const fitting = mirrors
    .filter(({ from }) => name === from || name.startsWith(`${from}/`))
    .toSorted((a, b) => b.from.length - a.from.length);
  const [best] = fitting;
  return best === undefined ? undefined : parseRepository(`${best.to}${name.slice(best.from.length)}`);
}

/** FROM as names are compared, in full; what could never fit, such as one with a tag, is wrong usage. */
function parseMirror(text: string): Mirror {
  const [from = "", to = "", ...more] = text.split("=").map((each) => each.replace(/\/+$/, ""));
  const [full, whole] = [from, to].map((each) => attempt(() => parseRepository(`${each}/a/b`)));
  const host = from.split("/")[0] ?? "";
  const isNamed = full?.registry === host || (host === "index.docker.io" && full?.registry === "docker.io");
  if (full === undefined || whole === undefined || !isNamed || more.length > 0)
    throw cliError("CLI_OPTION_VALUE", {
      checked: "--mirror",
      expected: "FROM=TO, each a host or a path below it, without a tag",
      got: quote(text),
    });
  return { from: `${full.registry}/${full.repository}`.slice(0, -"/a/b".length), to };
}

/** Says in words what came of each; unless JSON was asked for, pinned references of what is allowed go to standard output. */
export function tell(outcomes: readonly Outcome[], options: ImageVerifyOptions, terminal: Terminal): void {
  const detail = options.verbose === true ? "every-check" : "outcome";
  const words = outcomes.map((outcome) => {
    if ("error" in outcome) return formatFailureText(outcome.error, terminal);
    const isTold = options.quiet !== true || !isAllowed(outcome);
    return isTold ? formatImageText(outcome.report, terminal, detail) : "";
  });
  // At once: whoever reads the other end of a pipe is woken by each write.
  terminal.err(words.join(""));
  if (options.json === true) return;
  const pinned = outcomes.map((outcome) => (isAllowed(outcome) ? `${outcome.report.pinned}\n` : ""));
  terminal.out(pinned.join(""));
}

function isAllowed(outcome: Outcome): outcome is Extract<Outcome, { readonly report: ImageReport }> {
  return "report" in outcome && outcome.report.decision.verdict === "allowed";
}

/** All outcomes as one value for programs. */
export function reportsOf(outcomes: readonly Outcome[]): object {
  return {
    schema: "countersign.image-reports/v1",
    verdict: ({ 0: "allowed", 1: "refused", 3: "unknown" } as const)[exitCodeOf(outcomes)],
    reports: outcomes.map((outcome) => {
      if ("report" in outcome) return outcome.report;
      const { code, kind, message, fix } = outcome.error;
      const verdict = exitCodes[kind] === 1 ? "refused" : "unknown";
      return {
        reference: outcome.reference,
        decision: { verdict, reason: message, code },
        error: { code, kind, message, fix },
      };
    }),
  };
}

/** 1 if one was refused, else 3 if one could not be told. */
export function exitCodeOf(outcomes: readonly Outcome[]): 0 | 1 | 3 {
  const codes = outcomes.map((outcome) =>
    "report" in outcome ? exitCodeOfImage(outcome.report) : exitCodes[outcome.error.kind],
  );
  return codes.includes(1) ? 1 : codes.some((code) => code !== 0) ? 3 : 0;
}
