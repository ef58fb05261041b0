import { basename } from "node:path";
import {
  formatStatement,
  isKnownPredicateType,
  makeCosignCustom,
  parseDigest,
  parseJson,
  parsePredicate,
  parseStatement,
  parseUtf8,
  quote,
  resolvePredicateType,
  slsaProvenanceType,
  TrustError,
  type Artifact,
  type HashName,
  type Json,
  type Statement,
  type Subject,
} from "@countersign/core";
import { isDigestOperand } from "./artifact.node.ts";
import { cliError } from "./errors.ts";
import { inFile } from "./in-file.ts";
import { readSmallFile, readStandardInput } from "./input.node.ts";
import type { AttestOptions } from "./options.ts";

/** What will be attested, as far as it is known before anything else is read. */
export type StatementPlan =
  | {
      readonly kind: "statement";
      readonly predicateType: string;
      readonly statement: Statement;
      readonly bytes: Uint8Array;
    }
  | { readonly kind: "predicate"; readonly predicateType: string; readonly predicate: string }
  | { readonly kind: "provenance"; readonly predicateType: string };

/**
 * Reads what the options name, `-` from standard input, and checks a predicate by the rules of its type. Throws CLI_USAGE unless
 * it is exactly one, CLI_FILE_*, CLI_OPTION_CONFLICT and core's errors of statements and predicates.
 */
export async function readPlan(
  options: AttestOptions,
  { operands, now }: { readonly operands: readonly string[]; readonly now: Date },
): Promise<StatementPlan> {
  const { type: name, predicate, statement, provenance } = options;
  const type = name === undefined ? undefined : { name, uri: resolvePredicateType(name) };
  if (operands.includes("-") && [predicate, statement].includes("-"))
    throw cliError("CLI_OPTION_CONFLICT", { checked: "-", got: "both the file and what is said of it, from one standard input" }); // prettier-ignore
  if (statement !== undefined) return statementPlan(await readInput(statement, "statement"), statement, type);
  if (provenance === true) return provenancePlan(type);
  if (predicate === undefined)
    throw cliError("CLI_USAGE", "one of --predicate <file>, --statement <file> and --provenance is needed");
  if (type === undefined) throw cliError("CLI_USAGE", "--predicate needs --type <type> beside it");
  const bytes = await readInput(predicate, "predicate");
  return inFile("predicate", predicate, () => predicatePlan(bytes, type, now));
}

/** `--type`, and what it stands for. */
interface PlanType {
  readonly name: string;
  readonly uri: string;
}

async function readInput(path: string, what: string): Promise<Uint8Array> {
  return path === "-" ? readStandardInput() : readSmallFile(path, what);
}

/** The hashes that the files have to be read with: those that a statement names them by, or is to name them by. */
export function hashesOf(plan: StatementPlan, { subjectHash = ["sha256"] }: AttestOptions): readonly HashName[] {
  // The option offers only names of hashes.
  if (plan.kind !== "statement") return [...new Set(subjectHash as readonly HashName[])];
  const { subjects } = plan.statement;
  const others = (["sha384", "sha512"] as const).filter((name) =>
    subjects.some(({ digest }) => Object.hasOwn(digest, name)),
  );
  return ["sha256", ...others];
}

/**
 * The subjects of a statement that is signed without its files at hand, by the digests it names them by. Throws CLI_USAGE where
 * no subject has a digest that a verifier looks at; CORE_DIGEST_MALFORMED.
 */
export function subjectsOf({ subjects }: Statement): readonly Artifact[] {
  const artifacts = subjects.flatMap(({ name, digest }): readonly Artifact[] => {
    const known = hashNames.filter((hash) => Object.hasOwn(digest, hash));
    const digests = known.map((hash) => parseDigest(`${hash}:${digest[hash]}`));
    const [first] = digests;
    return first === undefined ? [] : [{ name: name ?? first, digests }];
  });
  if (artifacts.length > 0) return artifacts;
  throw cliError("CLI_USAGE", "a file is needed: the statement names none by sha256, sha384 or sha512");
}

const hashNames: readonly HashName[] = ["sha256", "sha384", "sha512"];

/** A Statement about these files, whose predicate is this JSON text. Files are named without their folders. */
export function makeStatement(artifacts: readonly Artifact[], predicateType: string, predicate: string): Uint8Array {
  return formatStatement(artifacts.map(subjectOf), predicateType, predicate);
}

/** How large the statement will be about, in bytes. */
export function statementSizeOf(plan: StatementPlan, artifacts: readonly Artifact[]): number {
  if (plan.kind === "statement") return plan.bytes.length;
  const names = artifacts.reduce((sum, { name, digests }) => sum + name.length + digests.join().length + 64, 0);
  return names + (plan.kind === "predicate" ? plan.predicate.length : 0);
}

/** How a statement names a file: without its folders. */
export function subjectOf({ name, digests }: Artifact): Subject {
  const digest = Object.fromEntries(digests.map((each) => each.split(":", 2) as [string, string]));
  return name === "-" || isDigestOperand(name) ? { digest } : { name: basename(name), digest };
}

function statementPlan(bytes: Uint8Array, path: string, type: PlanType | undefined): StatementPlan {
  const statement = inFile("statement", path, () => parseStatement(bytes));
  const { predicateType, predicate } = statement;
  if (type !== undefined && type.uri !== predicateType)
    throw cliError("CLI_OPTION_CONFLICT", { checked: "--type", expected: quote(predicateType), got: quote(type.name) });
  inFile("statement", path, () => parsePredicate(predicateType, predicate));
  return { kind: "statement", predicateType, statement, bytes };
}

function provenancePlan(type: PlanType | undefined): StatementPlan {
  if (type !== undefined && type.uri !== slsaProvenanceType)
    throw cliError("CLI_OPTION_CONFLICT", {
      checked: "--provenance",
      expected: "--type slsaprovenance1, or none",
      got: `--type ${quote(type.name)}`,
    });
  return { kind: "provenance", predicateType: slsaProvenanceType };
}

function predicatePlan(bytes: Uint8Array, { name, uri: predicateType }: PlanType, now: Date): StatementPlan {
  const text = parseUtf8(bytes);
  if (name === "custom")
    return { kind: "predicate", predicateType, predicate: JSON.stringify(makeCosignCustom(text, now)) };
  const predicate = name === "spdx" ? jsonOrText(text) : text;
  const value = parseJson(predicate);
  if (isKnownPredicateType(predicateType)) parsePredicate(predicateType, value);
  return { kind: "predicate", predicateType, predicate };
}

/** An SPDX document of tags and values is attested as a text. */
function jsonOrText(text: string): string {
  try {
    const value: Json = parseJson(text);
    return typeof value === "object" ? text : JSON.stringify(text);
  } catch (error) {
    if (error instanceof TrustError) return JSON.stringify(text);
    throw error;
  }
}
