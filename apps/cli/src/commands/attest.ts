import type { Artifact } from "@countersign/core";
import { attest, attestBuild, type Attested, type ProvenanceMarks, type SignWorld } from "@countersign/pipeline";
import type { LogWatch, SignAs } from "@countersign/sigstore";
import { isDigestOperand, readArtifact } from "../artifact.node.ts";
import { attestationNameOf } from "../bundle.ts";
import { checkConsent, publicHosts } from "../consent.ts";
import { cliError } from "../errors.ts";
import { interruptible } from "../interrupt.ts";
import type { AttestOptions } from "../options.ts";
import { checkBundleTarget } from "../output.node.ts";
import { useNetwork } from "../network.node.ts";
import { formatAttestedText } from "../render-attested.ts";
import { formatJson } from "../render-json.ts";
import { newBundle, reservedBytes, SigningRun } from "../signing-run.ts";
import { makeSigning, type Signing } from "../signing.ts";
import {
  hashesOf,
  makeStatement,
  readPlan,
  statementSizeOf,
  subjectOf,
  subjectsOf,
  type StatementPlan,
} from "../statement-plan.ts";
import type { Terminal } from "../terminal.ts";
import { preciousOf } from "./sign.ts";

/**
 * `countersign attest`: one statement about all files, signed as a bundle that our verifier has accepted for each of them. A
 * whole statement needs no file: its subjects are taken from it.
 */
export async function attestCommand(
  operands: readonly string[],
  options: AttestOptions,
  terminal: Terminal,
): Promise<number> {
  if (operands.length === 0 && options.statement === undefined)
    throw cliError("CLI_USAGE", "a file is needed, or a --statement that names its subjects");
  const plan = await readPlan(options, { operands, now: terminal.now() });
  const subjects = operands.length === 0 && plan.kind === "statement" ? subjectsOf(plan.statement) : [];
  const path = outputOf(operands, plan, options);
  if (path !== "-") checkBundleTarget(path, [...preciousOf(operands, options), ...inputsOf(options)]);
  const signing = await makeSigning(options, terminal, "statement");
  const artifacts: Artifact[] = [...subjects];
  const hashes = hashesOf(plan, options);
  for (const operand of operands) artifacts.push(await readArtifact(operand, { hashes, keepBytes: 0 }, terminal));
  if (signing.kind === "keyless") await checkConsent({ hosts: publicHosts(signing.logs) }, options, terminal);
  useNetwork(terminal);
  await attestInto(path, { plan, artifacts, signing, terminal, options });
  return 0;
}

interface Made extends Attested {
  /** Only for a provenance that was made here. */
  readonly marks?: ProvenanceMarks;
}

/** What to say of a new attestation. */
export interface Told extends Made {
  readonly path: string;
  readonly predicateType: string;
}

interface Job {
  readonly plan: StatementPlan;
  readonly artifacts: readonly Artifact[];
  readonly signing: Signing;
  readonly options: AttestOptions;
  readonly terminal: Terminal;
}

function attestInto(path: string, job: Job): Promise<void> {
  const { plan, options, terminal } = job;
  const bundle = newBundle(path);
  const run = new SigningRun({ bundles: [bundle], terminal, isJson: options.json === true });
  const bytes = reservedBytes + 2 * statementSizeOf(plan, job.artifacts);
  return interruptible(async () => {
    const made = await run.make(bundle, (watch) => attestFiles(job, watch), bytes);
    tell({ ...made, path, predicateType: plan.predicateType }, options, terminal);
  }, run);
}

async function attestFiles({ plan, artifacts, signing, terminal }: Job, watch: LogWatch): Promise<Made> {
  const as = await signing.open();
  const world = { ...signing.world, watch };
  if (plan.kind === "provenance") return attestProvenance(artifacts, as, world, terminal);
  const statement =
    plan.kind === "statement" ? plan.bytes : makeStatement(artifacts, plan.predicateType, plan.predicate);
  return attest({ statement, artifacts }, as, world);
}

async function attestProvenance(
  artifacts: readonly Artifact[],
  as: SignAs,
  world: SignWorld,
  terminal: Terminal,
): Promise<Made> {
  const { readGit } = await import("../git.node.ts");
  const build = { artifacts, subjects: artifacts.map(subjectOf), env: terminal.env, git: () => readGit() };
  const attested = await attestBuild(build, as, world);
  // By the claims that were proved, not by what was sent.
  const marks = attested.reports[0]?.evidence[0]?.provenance;
  return { ...attested, ...(marks && { marks }) };
}

function outputOf(operands: readonly string[], plan: StatementPlan, { bundle, json }: AttestOptions): string {
  if (bundle === "-" && json === true)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--bundle -",
      got: "--json as well, for the same standard output",
    });
  if (bundle !== undefined) return bundle;
  const [operand = ""] = operands;
  if (operands.length > 1)
    throw cliError("CLI_BUNDLE_NEEDED", { checked: "one attestation", got: `${operands.length} files` });
  if (operand === "-" || operand === "" || isDigestOperand(operand))
    throw cliError("CLI_BUNDLE_NEEDED", { got: unnamed.get(operand) ?? "a digest" });
  return attestationNameOf(operand, plan.predicateType);
}

/** Operands that give a bundle no name. */
const unnamed: ReadonlyMap<string, string> = new Map([
  ["-", "standard input"],
  ["", "no file"],
]);

function inputsOf({ predicate, statement }: AttestOptions): { readonly path: string; readonly what: string }[] {
  const isFile = (path: string | undefined): path is string => path !== undefined && path !== "-";
  return [
    ...(isFile(predicate) ? [{ path: predicate, what: "the predicate" }] : []),
    ...(isFile(statement) ? [{ path: statement, what: "the statement" }] : []),
  ];
}

function tell(told: Told, options: AttestOptions, terminal: Terminal): void {
  if (options.quiet !== true) terminal.err(formatAttestedText(told, terminal));
  if (options.json !== true) return;
  const { path, predicateType, marks, reports } = told;
  const provenance = marks === undefined ? {} : { provenance: marks };
  const facts = formatJson({ schema: "countersign.attested/v1", bundle: path, predicateType, ...provenance });
  terminal.out(facts.replace(/\n\}\n$/, ',\n  "reports": ['));
  // Piece by piece: each has the statement in it, and all of them may be more than a text can be long.
  for (const [at, report] of reports.entries()) terminal.out(`${at === 0 ? "" : ","}\n${formatJson(report).trimEnd()}`);
  terminal.out("\n  ]\n}\n");
}
