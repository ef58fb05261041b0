import {
  exitCodeOf,
  inspect,
  openEvidence,
  readingFor as readingOfAll,
  type Report,
  type World,
} from "@countersign/pipeline";
import { defaultKeepBytes, maxKeepBytes, resolvePredicateType } from "@countersign/core";
import { readArtifact } from "../artifact.node.ts";
import { bundlePathOf, bundlesOf, readBundle, readingFor } from "../bundle.ts";
import { cliError } from "../errors.ts";
import { checkFile } from "../input.node.ts";
import type { VerifyOptions } from "../options.ts";
import { acceptanceOf, isOpinionWanted } from "../policy.ts";
import { formatReportJson } from "../render-json.ts";
import { formatReportText } from "../render-text.ts";
import type { OpinionRequest } from "../second-opinion.ts";
import type { Terminal } from "../terminal.ts";
import { readTrust } from "../trust.ts";

/** `countersign verify`: 0 allowed, 1 refused, 3 could not tell. Opens no socket, with or without --offline, unless --key or the policy names the key of a service. */
export async function verifyCommand(
  operands: readonly string[],
  options: VerifyOptions,
  terminal: Terminal,
): Promise<number> {
  if (isMany(operands, options)) {
    const { verifyMany } = await import("./verify-many.ts");
    return verifyMany(operands, options, terminal);
  }
  const [operand = ""] = operands;
  const report = await reportOf(operand, options, terminal);
  if (options.json === true) terminal.out(formatReportJson(report));
  if (options.quiet !== true || report.decision.verdict !== "allowed") {
    terminal.err(formatReportText(report, terminal, options.verbose === true ? "every-check" : "outcome"));
  }
  return exitCodeOf(report);
}

/** Whether more than one verdict, or a report of another form, is asked for; its code is loaded only then. */
function isMany(operands: readonly string[], { list, digests, checksums, format }: VerifyOptions): boolean {
  return operands.length !== 1 || [list, digests, checksums, format].some((each) => each !== undefined);
}

/** Usage first, then the small files, and the artifact last: nobody waits for gigabytes to hear of a typing error. */
async function reportOf(operand: string, options: VerifyOptions, terminal: Terminal): Promise<Report> {
  const predicateType = options.type === undefined ? undefined : resolvePredicateType(options.type);
  const bundles = bundlesOf(options);
  const given = options.bundle ?? bundles?.[0];
  const path = bundlePathOf({ operand, given, predicateType });
  const acceptance = await acceptanceOf(options, path ?? "BUNDLE", terminal);
  if (path === undefined) throw cliError("CLI_BUNDLE_NEEDED", { got: operand === "-" ? "standard input" : "a digest" });
  // Who mistyped the file's name is not to be told of its bundle.
  if (given === undefined) checkFile(operand, "artifact");
  const files =
    bundles === undefined
      ? [openEvidence({ source: path, bytes: readBundle(path, options.bundle) })]
      : (await import("../bundle-file.ts")).readBundles(bundles);
  const { policy, keys, witnesses } = acceptance;
  const [file] = files;
  // What does not fit one of several bundles is said in the report: the others may be enough.
  const { hashes, wholeMessage } =
    files.length === 1 && file !== undefined ? readingFor(file, acceptance) : readingOfAll(files, keys);
  const now = terminal.now();
  const trust = await readTrust(options, { keys, witnesses }, terminal);
  const keepBytes = wholeMessage ? maxKeepBytes : defaultKeepBytes;
  const opinion = isOpinionWanted(options, acceptance) ? await loadRequest() : undefined;
  const artifact = await readArtifact(operand, { hashes, keepBytes, ...opinion?.reading }, terminal);
  const world: World = {
    now: () => now,
    trust: () => Promise.resolve(trust),
    evidence: () => files,
    ...opinion?.world(artifact),
  };
  return inspect(artifact, policy, world);
}

/** Only who asks for it loads it. */
async function loadRequest(): Promise<OpinionRequest> {
  const { requestOpinion } = await import("../second-opinion.ts");
  return requestOpinion();
}
