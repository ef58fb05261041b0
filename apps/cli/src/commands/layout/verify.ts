import { resolve } from "node:path";
import { parseJson, quote, TrustError } from "@countersign/core";
import {
  formatLayoutReport,
  formatLayoutTable,
  parseEvidence,
  parseSubstitutions,
  proveMetadata,
  verifyLayout,
  type BundleProver,
  type LayoutKey,
  type Metadata,
  type Mode,
  type RunRequirement,
  type Verification,
} from "@countersign/in-toto";
import {
  openInspector,
  openLinkDirectory,
  openProduct,
  openReferenceInspector,
  type Inspector,
} from "@countersign/in-toto/node";
import { cliError } from "../../errors.ts";
import { exitCodes } from "../../exit.ts";
import { readSmallFile } from "../../input.node.ts";
import { openPlainLayoutKey } from "../../layout-key-file.ts";
import type { LayoutVerifyOptions } from "../../layout-options.ts";
import type { OutputOptions } from "../../options.ts";
import { formatJson } from "../../render-json.ts";
import { identityKeyOf, loadProver } from "../../link-trust.ts";
import { plain } from "../../render-text.ts";
import type { Terminal } from "../../terminal.ts";

/** `countersign layout verify`, in the directory of the final product: 0 allowed, 1 refused, 3 could not tell. */
export async function layoutVerifyCommand(
  _operands: readonly string[],
  given: OutputOptions,
  terminal: Terminal,
): Promise<number> {
  const options = given as LayoutVerifyOptions;
  const now = terminal.now();
  const answer = await answerTo(options, now, terminal);
  if (options.json === true) terminal.out(formatJson(formatLayoutReport(answer, now)));
  if (options.quiet !== true || answer.verdict !== "allowed") terminal.err(textOf(answer, options, terminal));
  if (answer.verdict === "allowed") return 0;
  return answer.verdict === "refused" ? exitCodes.untrusted : exitCodes.unavailable;
}

async function answerTo(options: LayoutVerifyOptions, now: Date, terminal: Terminal): Promise<Verification> {
  const { layout: path, substitute } = options;
  if (path === undefined) throw cliError("CLI_USAGE", "required option '--layout <file>' not specified");
  const mode: Mode = options.compat === true ? "compat" : "strict";
  const substitutions = substitute === undefined ? undefined : parseSubstitutions(substitute);
  const allowed = options.allowCommand?.map(parseCommand);
  const keys = await ownersOf(options, mode, terminal);
  const bytes = readInput(path, "layout");
  const evidence = parseEvidence(bytes, mode);
  const bundles = await proverFor(evidence, options, now, terminal);
  const layout = evidence === "bundle" ? proveLayout(bytes, keys, bundles) : evidence;
  const product = resolve(".");
  const links = openLinkDirectory(options.linkDir ?? ".");
  const isHidden = (name: string): boolean => links.opened.has(resolve(product, name));
  const inspector = inspectorFor(mode, { options, product, isHidden, allowed }, terminal);
  try {
    return verifyLayout({
      layout,
      keys,
      links,
      now,
      mode,
      substitutions,
      inspect: options.allowInspections === true ? inspector.run : undefined,
      sublayoutInspect: options.allowSublayoutInspections === true ? inspector.run : undefined,
      product: openProduct(product, isHidden),
      runBinding: runRequirementOf(options),
      bundles,
    });
  } finally {
    inspector.close();
  }
}

/** The keys that must have signed the layout, or the one identity. */
async function ownersOf(options: LayoutVerifyOptions, mode: Mode, terminal: Terminal): Promise<readonly LayoutKey[]> {
  const { key = [], gpg = [] } = options;
  const identity = identityKeyOf(options);
  if (identity !== undefined) return [identity];
  if (key.length + gpg.length === 0) throw cliError("CLI_USAGE", "required option '--key <file...>' not specified");
  const keys: LayoutKey[] = [];
  for (const each of key) {
    const plain = openPlainLayoutKey(each, (file) => readInput(file, "key"), mode);
    keys.push(plain ?? (await openOtherKey(each, terminal)));
  }
  return gpg.length === 0 ? keys : [...keys, ...(await gpgOwners(gpg, options, terminal))];
}

async function gpgOwners(
  keyids: readonly string[],
  options: LayoutVerifyOptions,
  terminal: Terminal,
): Promise<readonly LayoutKey[]> {
  const { gpgKeysOf } = await import("../../layout-gpg.ts");
  return gpgKeysOf(keyids, options, terminal);
}

async function openOtherKey(reference: string, terminal: Terminal): Promise<LayoutKey> {
  const [{ openLayoutKey }, { keyIoOf }] = await Promise.all([import("../../layout-key.ts"), import("../../key.ts")]);
  return openLayoutKey(reference, { ...keyIoOf({}, terminal), readFile: (file) => readInput(file, "key") });
}

/** A bundle has one signature; that it is by all of the keys is for the verification to find. */
function proveLayout(bytes: Uint8Array, keys: readonly LayoutKey[], bundles: BundleProver | undefined): Metadata {
  const [owner] = keys;
  if (owner === undefined || bundles === undefined) throw cliError("CLI_USAGE", "a bundle needs an owner and trust");
  return proveMetadata(bytes, owner, bundles);
}

/** Trust is read where the layout names Sigstore identities, or where the command line asks for it: sublayouts may. */
async function proverFor(
  layout: Metadata | "bundle",
  options: LayoutVerifyOptions,
  now: Date,
  terminal: Terminal,
): Promise<BundleProver | undefined> {
  const asked = [options.trustedRoot, options.trustConfig, options.instance, options.staging, options.maxTrustAge];
  const isAsked = asked.some((each) => each !== undefined);
  if (!isAsked && !mayNeedTrust(layout)) return undefined;
  return loadProver(options, now, terminal);
}

function mayNeedTrust(metadata: Metadata | "bundle"): boolean {
  if (metadata === "bundle") return true;
  if (metadata.type !== "layout") return false;
  const { keys, steps } = metadata.layout;
  const hasIdentity = [...keys.values()].some(({ check }) => check.kind === "sigstore");
  return hasIdentity || steps.some(({ expectedPredicates }) => expectedPredicates.length > 0);
}

/** A file that cannot be read, for whatever reason, is no answer about the chain: exit code 3. */
function readInput(path: string, what: string): Uint8Array {
  try {
    return readSmallFile(path, what);
  } catch (error) {
    if (!(error instanceof TrustError) || error.kind !== "usage") throw error;
    throw cliError("CLI_FILE_UNREADABLE", { ...error.detail, got: error.message }, error);
  }
}

interface Permission {
  readonly options: LayoutVerifyOptions;
  readonly product: string;
  readonly isHidden: (name: string) => boolean;
  readonly allowed: readonly (readonly string[])[] | undefined;
}

function inspectorFor(mode: Mode, { options, product, isHidden, allowed }: Permission, terminal: Terminal): Inspector {
  const { inspectionTimeout: seconds } = options;
  const timeout = seconds === undefined ? {} : { timeoutMs: seconds * 1000 };
  const permit = { product, isHidden, ...timeout, ...(allowed === undefined ? {} : { allowed }) };
  if (mode === "strict") return openInspector(permit);
  const set = Object.entries(terminal.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return openReferenceInspector(permit, Object.fromEntries(set));
}

/** A command line as a JSON array, so that no quoting stands between what is meant and what is compared. */
function parseCommand(text: string): readonly string[] {
  const value = parseJsonOrNothing(text);
  if (Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === "string"))
    return value as readonly string[];
  throw cliError("CLI_USAGE", `--allow-command takes a JSON array of strings, not ${quote(text)}`);
}

function parseJsonOrNothing(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function runRequirementOf({
  oneRun,
  runId,
  commit,
  notBefore,
  notAfter,
}: LayoutVerifyOptions): RunRequirement | undefined {
  const parts = { isOneRun: oneRun, id: runId, commit, notBefore, notAfter };
  const given = Object.entries(parts).filter(([, part]) => part !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as RunRequirement);
}

function textOf(answer: Verification, options: LayoutVerifyOptions, terminal: Terminal): string {
  const { verdict, mode, findings } = answer;
  const colour = verdict === "allowed" ? "green" : verdict === "refused" ? "red" : "yellow";
  const marked = mode === "compat" ? " (compat: decided as the reference would, nothing is vouched for)" : "";
  const table = formatLayoutTable(answer, options.verbose === true ? "rules" : "steps");
  return [
    `${terminal.style(colour, `${verdict}:`)} ${plain(options.layout ?? "")}${marked}`,
    ...(table.length > 1 ? table.map((line) => `  ${line}`) : []),
    ...findings.flatMap(({ level, code, message, fix }) => [
      `countersign: ${terminal.style(level === "warn" ? "yellow" : "red", level === "warn" ? "warning:" : "error:")} ${message} [${code}]`,
      `countersign: hint: ${fix}`,
    ]),
    "",
  ].join("\n");
}
