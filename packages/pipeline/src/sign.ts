import {
  makeVerifier,
  matchSubject,
  parseStatement,
  quote,
  utf8,
  type Artifact,
  type Certificate,
  type Requirements,
  type Verifier,
} from "@countersign/core";
import type { Policy, SignerRule } from "@countersign/policy";
import {
  formatBundle,
  makeExamine,
  parseBundle,
  readIdentity,
  readStatement,
  signArtifact,
  signStatement,
  type Bundle,
  type CertificateSigner,
  type Examine,
  type Http,
  type LogWatch,
  type SignAs,
} from "@countersign/sigstore";
import { pipelineError } from "./errors.ts";
import type { EvidenceFile } from "./evidence.ts";
import { inspect } from "./pipeline.ts";
import type { Report } from "./report.ts";
import { ioOf, selfCheck, unloggedNeeds } from "./sign-io.ts";
import type { Trust } from "./trust.ts";

/** What signing needs of the outside world. */
export interface SignWorld {
  now(): Date;
  /** The trust root that a receiver would judge the new bundle by. */
  readonly trust: Trust;
  readonly http: Http;
  readonly watch?: LogWatch;
  /** Waits before a service is asked again. */
  sleep(ms: number): Promise<void>;
}

/** A new bundle, and the report of our own verifier about it. */
export interface Signed {
  /** Bundle 0.3, JSON. */
  readonly bundle: string;
  readonly report: Report;
}

/**
 * Signs an artifact and proves the new bundle as a receiver would; a bundle that is refused is never given out
 * (PIPELINE_SELF_CHECK). Also throws what `signArtifact` throws.
 */
export async function sign(artifact: Artifact, as: SignAs, world: SignWorld): Promise<Signed> {
  const reports: Report[] = [];
  const preview = async (bundle: Bundle): Promise<void> => {
    await checkNew(fileOf(bundle), artifact, judgingOf(as, world, unloggedNeeds));
  };
  const verify = async (bundle: Bundle): Promise<void> => {
    reports.push(await checkNew(fileOf(bundle), artifact, judgingOf(as, world, requireFor(as))));
  };
  const bundle = await signArtifact(artifact, as, { ...ioOf(world), preview, verify });
  const [report] = reports;
  if (report === undefined) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle was not looked at");
  return { bundle: formatBundle(bundle), report };
}

/** What is to be attested. */
export interface Attestation {
  /** Exactly these bytes are signed. */
  readonly statement: Uint8Array;
  /** At least one, and each must be a subject. */
  readonly artifacts: readonly Artifact[];
  /** Looks at whom a new certificate names before anything is signed or logged; throws to stop. */
  readonly accept?: (signer: CertificateSigner) => void;
}

/** A new attestation, and the reports of our own verifier, one an artifact. */
export interface Attested {
  /** Bundle 0.3, JSON. */
  readonly bundle: string;
  readonly reports: readonly Report[];
}

/**
 * As `sign`, but signs a Statement. Throws PIPELINE_NOT_A_SUBJECT, before anything is sent, where an artifact is none of
 * its subjects, and the errors of `parseStatement`.
 */
export async function attest(attestation: Attestation, as: SignAs, world: SignWorld): Promise<Attested> {
  const { statement, artifacts, accept } = attestation;
  checkSubjects(statement, artifacts);
  const reports: Report[] = [];
  const preview = async (bundle: Bundle): Promise<void> => {
    await checkNew(fileOf(bundle), artifacts[0] as Artifact, judgingOf(as, world, unloggedNeeds));
  };
  const verify = async (bundle: Bundle): Promise<void> => {
    const now = world.now();
    const judging = { ...judgingOf(as, world, requireFor(as)), now: () => now, examine: makeExamine() };
    const file = fileOf(bundle);
    for (const artifact of artifacts) reports.push(await checkNew(file, artifact, judging));
  };
  const look = accept && ((leaf: Certificate): void => accept(selfCheck(() => readIdentity(leaf))));
  const io = { ...ioOf(world), preview, verify, ...(look && { accept: look }) };
  const bundle = await signStatement(statement, as, io);
  if (reports.length === 0) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle was not looked at");
  return { bundle: formatBundle(bundle), reports };
}

function checkSubjects(statement: Uint8Array, artifacts: readonly Artifact[]): void {
  const parsed = parseStatement(statement);
  const stranger = artifacts.find(({ digests }) => matchSubject(parsed, digests) === undefined);
  if (artifacts.length > 0 && stranger === undefined) return;
  const expected = stranger?.digests.join(" ") ?? "at least one artifact";
  throw pipelineError("PIPELINE_NOT_A_SUBJECT", { checked: quote(stranger?.name ?? ""), expected });
}

interface Judging {
  readonly now: () => Date;
  readonly trust: Trust;
  readonly require: Partial<Requirements>;
  /** For all artifacts of one attestation. */
  readonly examine?: Examine;
}

function judgingOf(as: SignAs, world: SignWorld, require: Partial<Requirements>): Judging {
  const keys: readonly Verifier[] = as.kind === "key" ? [makeVerifier(as.signer.spki, as.signer.algorithm.name)] : [];
  return { now: () => world.now(), trust: { ...world.trust, keys }, require };
}

/** A bundle as a receiver will read it. */
type NewFile = EvidenceFile & { readonly bundle: Bundle; readonly expected: Pick<Policy, "predicateType"> };

function fileOf(made: Bundle): NewFile {
  const bytes = utf8(formatBundle(made));
  const bundle = parseBundle(bytes);
  const { content } = bundle;
  const expected = content.kind === "envelope" ? { predicateType: readStatement(content.envelope).predicateType } : {};
  return { source: "the new bundle", bytes, bundle, expected };
}

async function checkNew(file: NewFile, artifact: Artifact, judging: Judging): Promise<Report> {
  const { now, trust, require, examine } = judging;
  const policy = { ...file.expected, signers: [ruleFor(file.bundle, trust.keys)], require };
  const report = await inspect(artifact, policy, {
    now,
    trust: () => Promise.resolve(trust),
    evidence: () => [file],
    ...(examine && { examine }),
  });
  if (report.decision.verdict === "allowed") return report;
  throw pipelineError("PIPELINE_SELF_CHECK", {
    checked: report.decision.code ?? report.decision.verdict,
    got: report.decision.reason,
  });
}

// The signer itself is not in question here: what is proved is that logs, times and chain will convince a receiver.
function ruleFor(bundle: Bundle, [key]: readonly Verifier[]): SignerRule {
  if (key !== undefined) return { kind: "key", keyid: key.keyid };
  const [leaf] = bundle.material.kind === "certificate" ? bundle.material.chain : [];
  if (leaf === undefined) throw pipelineError("PIPELINE_SELF_CHECK", "the new bundle has no certificate");
  const { identity, issuer } = selfCheck(() => readIdentity(leaf));
  return { kind: "certificate", identity: { exact: identity.value }, issuer: { exact: issuer } };
}

// Who signs without a log, or with services that have none, has said so; a receiver has to allow it as well.
function requireFor({ services }: SignAs): Partial<Requirements> {
  return (services?.rekor ?? []).length === 0 ? { logEntries: 0 } : {};
}
