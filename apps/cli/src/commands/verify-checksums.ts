import { basename, dirname, join, relative, sep } from "node:path";
import { digestName, digestOf, findingOf, quote, TrustError, type Digest } from "@countersign/core";
import { inspect, loadTrust, parseChecksums, readingFor, type EvidenceFile, type Report } from "@countersign/pipeline";
import { isDigestOperand, readArtifact } from "../artifact.node.ts";
import { bundlePathOf, bundlesOf, readBundle } from "../bundle.ts";
import { readBundles } from "../bundle-file.ts";
import { filesBelow, isThere, plainFileSize } from "../directory.node.ts";
import { cliError } from "../errors.ts";
import { checkPresent, readSmallFile } from "../input.node.ts";
import type { VerifyOptions } from "../options.ts";
import { acceptanceOf, isOpinionWanted } from "../policy.ts";
import { runList } from "../list-run.ts";
import { loadPeer } from "../second-opinion.ts";
import { openOutput } from "../result-output.ts";
import { resultOfFinding, resultOfReport, type Result } from "../result.ts";
import type { Terminal } from "../terminal.ts";
import { readTrustSettings } from "../trust.ts";

/**
 * `countersign verify --checksums FILE`: the checksum file by its bundle, then by its digests the files that are named, all
 * of a directory (nothing missing, nothing besides), or without operands all that it names beside it. Unless the checksum
 * file is allowed nobody reads what it says.
 */
export async function verifyChecksums(
  operands: readonly string[],
  options: VerifyOptions,
  terminal: Terminal,
): Promise<number> {
  const path = options.checksums ?? "";
  const digestOperand = operands.find((operand) => operand === "-" || isDigestOperand(operand));
  if (digestOperand !== undefined)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--checksums", expected: "files", got: quote(digestOperand) });
  // Read once: what is believed afterwards is to the letter what was proved.
  const bytes = readSmallFile(path, "checksum file");
  const report = await inspectBytes(path, bytes, options, terminal);
  const proof = resultOfReport(path, report);
  if (proof.verdict !== "allowed") {
    const output = openOutput(options, 1, terminal);
    output.add(proof);
    return output.end();
  }
  const listing: Listing = { path, directory: dirname(path), digests: parseChecksums(bytes) };
  const questions = questionsOf(operands, listing, options);
  const output = openOutput(options, questions.length + 1, terminal);
  output.add(proof);
  return await runList([path, ...questions.map(({ file }) => file)], output, async () => {
    for (const question of questions) output.add(await compare(question, listing, terminal));
  });
}

/** A checksum file that was proved. */
interface Listing {
  readonly path: string;
  readonly directory: string;
  readonly digests: ReadonlyMap<string, Digest>;
}

/** A file, and the digest that it should have if it is named at all. */
interface Question {
  readonly file: string;
  readonly digest?: Digest | undefined;
}

async function inspectBytes(
  path: string,
  bytes: Uint8Array,
  options: VerifyOptions,
  terminal: Terminal,
): Promise<Report> {
  const bundlePath = options.bundle ?? bundlePathOf({ operand: path });
  const acceptance = await acceptanceOf(options, bundlePath ?? "BUNDLE", terminal);
  const { policy, keys, witnesses } = acceptance;
  const files = readEvidence(bundlePath, options);
  const trust = await loadTrust(await readTrustSettings(options, { keys, witnesses }, terminal));
  const { hashes } = readingFor(files, keys);
  const now = terminal.now();
  const artifact = { name: path, digests: hashes.map((name) => digestOf(name, bytes)), size: bytes.length, bytes };
  return inspect(artifact, policy, {
    now: () => now,
    trust: () => Promise.resolve(trust),
    evidence: () => files,
    ...(isOpinionWanted(options, acceptance) && { peer: await loadPeer() }),
  });
}

function readEvidence(path: string | undefined, options: VerifyOptions): readonly EvidenceFile[] {
  const given = bundlesOf(options);
  if (given !== undefined) return readBundles(given);
  return path === undefined ? [] : [{ source: path, bytes: readBundle(path, options.bundle) }];
}

function questionsOf(operands: readonly string[], listing: Listing, options: VerifyOptions): readonly Question[] {
  const beside = bundlePathOf({ operand: listing.path, given: options.bundle });
  const bundles = bundlesOf(options) ?? (beside === undefined ? [] : [beside]);
  const questions =
    operands.length === 0
      ? namedBelow(listing.directory, listing)
      : operands.flatMap((operand) => questionsOfOperand(operand, listing, bundles));
  if (options.ignoreMissing !== true) return questions;
  // Something else in a file's place is not missing, and what is not named stays asked about, whatever it is.
  const present = questions.filter(({ file, digest }) => digest === undefined || isThere(file));
  if (present.length === 0)
    throw cliError("CLI_LIST_EMPTY", { checked: quote(listing.path), got: "none of its files" });
  return present;
}

/** A directory must hold what is named, and nothing that is not. */
function questionsOfOperand(operand: string, listing: Listing, bundles: readonly string[]): readonly Question[] {
  checkPresent(operand, "artifact");
  const below = filesBelow(operand);
  if (below === undefined) return [{ file: operand, digest: digestFor(operand, listing) }];
  const own = new Set([listing.path, ...bundles].map((path) => relative(operand, path)));
  const others = below.filter((name) => !own.has(name) && !listing.digests.has(name.split(sep).join("/")));
  return [...namedBelow(operand, listing), ...others.map((name) => ({ file: join(operand, name) }))];
}

function namedBelow(directory: string, { digests }: Listing): readonly Question[] {
  return [...digests].map(([name, digest]) => ({ file: join(directory, name), digest }));
}

/** By its path below the checksum file, or else by its own name: a list is often made where the files were built. */
function digestFor(operand: string, { directory, digests }: Listing): Digest | undefined {
  const name = relative(directory, operand).split(sep).join("/");
  return digests.get(name) ?? digests.get(basename(operand));
}

async function compare({ file, digest }: Question, listing: Listing, terminal: Terminal): Promise<Result> {
  try {
    const at = `${quote(file)} in ${quote(listing.path)}`;
    if (digest === undefined) throw cliError("CLI_CHECKSUM_UNLISTED", { checked: at });
    if (plainFileSize(file) === undefined) throw cliError("CLI_CHECKSUM_MISSING", { checked: at });
    const { digests } = await readArtifact(file, { hashes: [digestName(digest)], keepBytes: 0 }, terminal);
    if (!digests.includes(digest))
      throw cliError("CLI_CHECKSUM_MISMATCH", { checked: at, expected: digest, got: digests.join(", ") });
    return { name: file, verdict: "allowed", reason: `${digest} stands in ${quote(listing.path)}, which is proved` };
  } catch (error) {
    if (!(error instanceof TrustError)) throw error;
    return resultOfFinding(file, findingOf(error));
  }
}
