import {
  equalBytes,
  pae,
  parseEnvelope,
  parseJson,
  parseStatement,
  quote,
  TrustError,
  type Envelope,
  type Statement,
} from "@countersign/core";
import { checkProved, type BundleProver, type ProvedEnvelope, type Prover } from "../bundle.ts";
import { inTotoError } from "../errors.ts";
import type { LayoutKey } from "../key.ts";
import type { Layout, Step } from "../layout.ts";
import type { AttestationFile, LinkSource } from "../link-source.ts";
import { inTotoPayloadType } from "../metadata.ts";
import type { ExpectedPredicate } from "./predicate.ts";
import { artifactsOf, type StatementArtifacts } from "./statement-artifact.ts";

/** A Statement that an authorised functionary signed; of what it says nothing is proved yet. */
export interface SignedStatement extends StatementArtifacts {
  readonly file: string;
  readonly statement: Statement;
  /** The listed id of who signed. */
  readonly keyid: string;
  readonly key: LayoutKey;
  readonly proved?: Prover;
}

/** A file that counts for nothing, and why. */
export interface IgnoredStatement {
  readonly file: string;
  readonly error: TrustError;
}

/** What was found for a step. */
export interface FoundStatements {
  readonly signed: readonly SignedStatement[];
  readonly ignored: readonly IgnoredStatement[];
}

/** What finding attestations needs. */
export interface SearchContext {
  readonly layout: Layout;
  readonly links: LinkSource;
  readonly bundles?: BundleProver | undefined;
}

/** How many files of one step are looked at. */
export const maxStatementFiles = 1000;
/** How many signatures are checked for one step. */
export const maxStatementChecks = 20_000;

/**
 * Finds the Statements that functionaries of the step signed, in its files `<step>.<label>.json`: DSSE envelopes and
 * Sigstore bundles. A file that is anything else, of a predicate that the step does not ask for, or of nobody who may
 * attest it, is set aside. Nothing signed says that a Statement was made for this step, except in a link 0.3.
 * Throws INTOTO_TOO_LARGE.
 */
export function findStatements(step: Step, context: SearchContext): FoundStatements {
  const signed: SignedStatement[] = [];
  const ignored: IgnoredStatement[] = [];
  const budget = { left: maxStatementChecks };
  let files = 0;
  for (const file of context.links.attestations?.(step.name) ?? []) {
    if (++files > maxStatementFiles) throw tooMany(step, `${maxStatementFiles} files`);
    try {
      const found = readFile(file, { step, budget, ...context });
      signed.push(...found);
      context.links.noteRelied?.(file.name);
    } catch (error) {
      if (!(error instanceof TrustError) || error.code === "INTOTO_TOO_LARGE") throw error;
      ignored.push({ file: file.name, error });
    }
  }
  return { signed, ignored };
}

interface FileContext extends SearchContext {
  readonly step: Step;
  readonly budget: { left: number };
}

/** Who of the step's functionaries signed the file; at least one. */
function readFile(file: AttestationFile, context: FileContext): readonly SignedStatement[] {
  const opened = openFile(file, context);
  const { payloadType, payload } = opened.envelope;
  if (payloadType !== inTotoPayloadType)
    throw unusable({ checked: quote(file.name), expected: inTotoPayloadType, got: quote(payloadType) });
  const statement = parseStatement(payload);
  const expected = context.step.expectedPredicates.find((each) => each.predicateType === statement.predicateType);
  if (expected === undefined)
    throw unusable({
      checked: quote(file.name),
      expected: "a predicate that the step asks for",
      got: quote(statement.predicateType),
    });
  const by = signersOf(opened, expected, context);
  if (by.length === 0)
    throw unusable({
      checked: quote(file.name),
      expected: "a signature by an authorised functionary",
      got: opened.why(),
    });
  const artifacts = artifactsOf(statement);
  return by.map((who) => ({ file: file.name, statement, ...artifacts, ...who }));
}

/** An envelope, and a way to find whether a functionary signed it. */
interface OpenedFile {
  readonly envelope: Pick<Envelope, "payload" | "payloadType">;
  /** The proof if it came in a bundle; `true` if the key signed; undefined if not. */
  readonly isBy: (key: LayoutKey) => Prover | true | undefined;
  /** Why it is nobody's. */
  readonly why: () => string;
}

function openFile(file: AttestationFile, context: FileContext): OpenedFile {
  const json = parseJson(file.bytes);
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  if (isObject && Object.hasOwn(json, "mediaType") && !Object.hasOwn(json, "payload")) return openBundle(file, context);
  const envelope = parseEnvelope(json);
  const message = pae(envelope.payloadType, envelope.payload);
  const isBy = ({ check, ids }: LayoutKey): true | undefined => {
    if (check.kind !== "plain") return undefined;
    const own = envelope.signatures.filter(({ keyid }) => keyid === "" || ids.includes(keyid));
    return own.some(({ sig }) => check.verifier.verify(message, sig)) || undefined;
  };
  return { envelope, isBy, why: () => "none" };
}

/** Either the certificate of a bundle proves it, once, or one of the keys does. */
function openBundle(file: AttestationFile, { bundles }: FileContext): OpenedFile {
  if (bundles === undefined)
    throw inTotoError("INTOTO_BUNDLE_UNTRUSTED", {
      checked: quote(file.name),
      got: "nothing that verifies bundles was given",
    });
  const proofs = new Map<string, ProvedEnvelope | TrustError>();
  const prove = (key: LayoutKey): ProvedEnvelope | TrustError => {
    const id = key.check.kind === "plain" ? key.materialId : "";
    const known =
      proofs.get(id) ?? attempt(() => bundles(file.bytes, key.check.kind === "plain" ? key.check.verifier : undefined));
    proofs.set(id, known);
    return known;
  };
  const envelope = envelopeIn(file);
  const isBy = (key: LayoutKey): Prover | undefined => {
    const proof = prove(key);
    if (proof instanceof TrustError || !isSame(proof, envelope)) return undefined;
    if (attempt(() => checkProved(proof, key)) instanceof TrustError) return undefined;
    return { signer: proof.signer, times: proof.times, logs: proof.logs };
  };
  const why = (): string => {
    const [first] = [...proofs.values()].filter((each) => each instanceof TrustError);
    return first === undefined ? "another signer" : `${first.message} (${first.code})`;
  };
  return { envelope, isBy, why };
}

/** Whether the prover has proved what was read here. */
function isSame(proof: ProvedEnvelope, { payload, payloadType }: Envelope): boolean {
  return proof.payloadType === payloadType && equalBytes(proof.payload, payload);
}

/** What the bundle carries. */
function envelopeIn(file: AttestationFile): Envelope {
  const json = parseJson(file.bytes) as { readonly dsseEnvelope?: Parameters<typeof parseEnvelope>[0] };
  return parseEnvelope(json.dsseEnvelope ?? null);
}

function attempt<T>(check: () => T): T | TrustError {
  try {
    return check();
  } catch (error) {
    if (error instanceof TrustError) return error;
    throw error;
  }
}

type By = Pick<SignedStatement, "keyid" | "key"> & { readonly proved?: Prover };

function signersOf(opened: OpenedFile, { functionaries }: ExpectedPredicate, context: FileContext): readonly By[] {
  const { layout, budget, step } = context;
  return [...new Set(functionaries)].flatMap((keyid) => {
    const key = layout.keys.get(keyid);
    if (key === undefined) return [];
    if (--budget.left < 0) throw tooMany(step, `${maxStatementChecks} signatures to check`);
    const proof = opened.isBy(key);
    if (proof === undefined) return [];
    return [{ keyid, key, ...(proof === true ? {} : { proved: proof }) }];
  });
}

function tooMany(step: Step, expected: string): TrustError {
  return inTotoError("INTOTO_TOO_LARGE", { checked: `step ${quote(step.name)}`, expected: `at most ${expected}` });
}

function unusable(detail: { readonly checked: string; readonly expected: string; readonly got: string }): TrustError {
  return inTotoError("INTOTO_STATEMENT_UNUSABLE", detail);
}
