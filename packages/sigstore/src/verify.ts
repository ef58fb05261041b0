import {
  matchSubject,
  quote,
  TrustError,
  vouch,
  type Artifact,
  type Certificate,
  type Check,
  type Claims,
  type Digest,
  type Envelope,
  type Requirements,
  type SignedBy,
  type Statement,
  type Verified,
  type Verifier,
} from "@countersign/core";
import type { WitnessPolicy } from "@countersign/tlog";
import { checkArtifactDigests, provedDigests } from "./artifact-digest.ts";
import type { Bundle } from "./bundle.ts";
import { checkCertificate, sctClaim, type Certified, type Promised } from "./certified.ts";
import { makeChecklist, type Checklist } from "./checklist.ts";
import { sigstoreError } from "./errors.ts";
import type { Material, Run } from "./examination.ts";
import { checkKeyHint } from "./key-hint.ts";
import { requirements } from "./requirement.ts";
import { checkCounts, checkLogEntries, checkTimestamps, type LoggedAt, type TimedAt } from "./sighting.ts";
import {
  checkDigestHint,
  checkEnvelopeSignature,
  checkMessageSignature,
  checkSubject,
  readStatement,
} from "./signature.ts";
import { bundleKey, callerKey, type SignatureKey } from "./signature-key.ts";
import type { TrustRoot } from "./trust-root.ts";

/** How a bundle is to be judged. */
export interface VerifyOptions {
  /** The signer's public key. Leave it out for bundles with a certificate; each refuses the other kind. */
  readonly key?: Verifier;
  /** Numbers that differ from the defaults in `requirements`. */
  readonly require?: Partial<Requirements>;
  /** Whose cosignatures the checkpoint of every log entry must carry, of which there must be one, and which logs count; nobody's unless given. */
  readonly witnesses?: WitnessPolicy;
  /** The time of the run. Used only where the evidence carries no time of its own. */
  readonly nowMs: number;
}

/** Everything that was looked at, and the claims if all of it held. */
export interface Examination {
  readonly checks: readonly Check[];
  readonly claims?: Verified<Claims>;
  /** The reason of the refusal, present exactly when there are no claims. */
  readonly problem?: TrustError;
}

/**
 * Proves who signed `artifact`, when, and which logs saw it (client-spec §4). Throws the reason of a refusal.
 * Does not decide whether that signer is wanted: give the claims to a policy.
 */
export function verifyBundle(
  bundle: Bundle,
  artifact: Artifact,
  trust: TrustRoot,
  options: VerifyOptions,
): Verified<Claims> {
  const { claims, problem } = examineBundle(bundle, artifact, trust, options);
  if (claims === undefined) throw problem ?? sigstoreError("SIGSTORE_SIGNATURE_INVALID");
  return claims;
}

/**
 * As `verifyBundle`, but runs every check that can be run and lists what each one said.
 * Throws only usage errors (a key for a certificate bundle and the reverse, a digest that cannot be used).
 */
export function examineBundle(
  bundle: Bundle,
  artifact: Artifact,
  trust: TrustRoot,
  options: VerifyOptions,
): Examination {
  return examinationOf(proveBundle({ bundle, artifact, trust, options }));
}

/** Judges a bundle as `examineBundle` does. */
export type Examine = typeof examineBundle;

/**
 * An `examineBundle` for many artifacts of one attestation. Of the bundle that it proved last only the subject is looked for again:
 * nothing else of an envelope depends on the artifact. That is the same one if it is the very same object, by the same trust root
 * and options; nobody may have changed them since.
 */
export function makeExamine(): Examine {
  let last: Held | undefined;
  return (bundle, artifact, trust, options) => {
    const asked = { bundle, artifact, trust, options };
    const again = last !== undefined && isSame(last.asked, asked) ? anotherSubject(last, artifact) : undefined;
    if (again !== undefined) return again;
    const outcome = proveBundle(asked);
    const { proved } = outcome;
    if (proved !== undefined) last = { asked, outcome: { ...outcome, proved } };
    return examinationOf(outcome);
  };
}

/** A bundle of which everything held. */
interface Held {
  readonly asked: Asked;
  readonly outcome: Extract<Outcome, { readonly proved: AllProved }>;
}

function isSame(one: Asked, other: Asked): boolean {
  const [a, b] = [one.options, other.options];
  return (
    one.bundle === other.bundle &&
    one.trust === other.trust &&
    a.key === b.key &&
    a.witnesses === b.witnesses &&
    a.nowMs === b.nowMs &&
    isSameNeed(needOf(a), needOf(b))
  );
}

function isSameNeed(one: Requirements, other: Requirements): boolean {
  return one.scts === other.scts && one.logEntries === other.logEntries && one.times === other.times;
}

/** Undefined where it is none of the subjects, or what was signed is no Statement: that is looked at in full. */
function anotherSubject({ outcome }: Held, artifact: Artifact): Examination | undefined {
  const { proved } = outcome;
  const { statement } = proved.content;
  checkArtifactDigests(artifact);
  const subject = statement && matchSubject(statement, artifact.digests);
  if (subject === undefined) return undefined;
  const content = { ...proved.content, digests: provedDigests(artifact, { subject }) };
  return examinationOf({ ...outcome, proved: { ...proved, content } });
}

function examinationOf({ checks, proved, problem }: Outcome): Examination {
  return proved === undefined ? { checks, problem } : { checks, claims: vouch(claimsOf(proved)) };
}

function proveBundle(asked: Asked): Outcome {
  return proveAll(asked, (run, key) => {
    checkArtifactDigests(asked.artifact);
    return checkContent(run, key);
  });
}

/** What an envelope in a bundle was proved to be; nothing is said of any artifact. */
export interface EnvelopeProof extends Pick<Claims, "signer" | "times" | "logs" | "scts"> {
  /** The very bytes that were signed, under their type. */
  readonly envelope: Envelope;
}

/**
 * Proves who signed the bundle's envelope, when, and which logs saw it, whatever it says and of whatever artifact: for
 * documents that are judged by other rules, such as links and layouts of in-toto. Makes no claims. Throws the reason of a
 * refusal, SIGSTORE_ENVELOPE_NEEDED for a bundle without an envelope, and the usage errors of `examineBundle`.
 */
export function verifyEnvelope(bundle: Bundle, trust: TrustRoot, options: VerifyOptions): EnvelopeProof {
  const { content } = bundle;
  if (content.kind !== "envelope") throw sigstoreError("SIGSTORE_ENVELOPE_NEEDED");
  const artifact: Artifact = { name: "", digests: [] };
  const { proved, problem } = proveAll({ bundle, artifact, trust, options }, ({ list }, key) => {
    const verifier = checkSigned(list, content.envelope, key);
    return verifier && { verifier, digests: [] };
  });
  if (proved === undefined) throw problem;
  const { signer, times, logs, scts } = claimsOf(proved);
  return { envelope: content.envelope, signer, times, logs, scts };
}

interface Asked {
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly trust: TrustRoot;
  readonly options: VerifyOptions;
}

type Outcome =
  | { readonly checks: readonly Check[]; readonly proved: AllProved; readonly problem?: undefined }
  | { readonly checks: readonly Check[]; readonly proved?: undefined; readonly problem: TrustError };

/** Every check in its order; `check` is the one of what the signature covers. */
function proveAll(
  { bundle, artifact, trust, options }: Asked,
  check: (run: Run, key: SignatureKey) => SignedContent | undefined,
): Outcome {
  const need = needOf(options);
  const isKeyed = options.key !== undefined;
  const { nowMs, witnesses } = options;
  const run: Run = {
    bundle,
    artifact,
    trust,
    isKeyed,
    nowMs,
    need,
    list: makeChecklist(),
    ...(witnesses !== undefined && { witnesses }),
  };
  const material = checkMaterial(bundle, options);
  const content = check(run, material.key);
  const stamps = checkTimestamps(run);
  const logged = checkLogEntries(
    run,
    material,
    stamps.map((stamp) => stamp.timeMs),
  );
  const times = [...stamps, ...logged.flatMap((entry) => (entry.time === undefined ? [] : [entry.time]))];
  checkCounts(run, logged, times);
  const { leaf } = material;
  const { signer, scts } = leaf === undefined ? keySigner(content?.verifier) : checkCertificate(run, leaf, times);
  const { problem, checks } = run.list;
  if (problem !== undefined || signer === undefined || content === undefined)
    return { checks, problem: problem ?? sigstoreError("SIGSTORE_CERTIFICATE_UNTRUSTED") };
  return { checks, proved: { signer, scts, times, logged, content } };
}

// The verifier that was found to fit: what the caller's says of its algorithm was not checked here.
function keySigner(verifier: Verifier | undefined): Certified {
  if (verifier === undefined) return { signer: undefined, scts: [] };
  return { signer: { kind: "key", keyid: verifier.keyid, algorithm: verifier.algorithm.name }, scts: [] };
}

/** What the signature covers, and the key and algorithm that made it. */
interface SignedContent {
  readonly verifier: Verifier;
  readonly digests: readonly Digest[];
  readonly statement?: Statement;
}

function needOf(options: VerifyOptions): Requirements {
  const defaults = options.key === undefined ? requirements.certificate : requirements.key;
  const need = { ...defaults, ...options.require };
  // Without an entry no witness could be missed: who leaves the log out must not get around those who watch it.
  return options.witnesses === undefined ? need : { ...need, logEntries: Math.max(1, need.logEntries) };
}

function checkMaterial(bundle: Bundle, options: VerifyOptions): Material {
  if (bundle.material.kind === "certificate") {
    if (options.key !== undefined) throw sigstoreError("SIGSTORE_KEY_UNWANTED");
    const leaf = bundle.material.chain[0] as Certificate;
    return { leaf, key: bundleKey(leaf.spki), verifier: { kind: "certificate", der: leaf.raw, spki: leaf.spki } };
  }
  if (options.key === undefined)
    throw sigstoreError("SIGSTORE_KEY_NEEDED", { checked: "key hint", got: quote(bundle.material.hint) });
  const key = callerKey(options.key);
  return { key, verifier: { kind: "key", der: key.spki, spki: key.spki } };
}

function checkContent(run: Run, key: SignatureKey): SignedContent | undefined {
  const { bundle, artifact, list } = run;
  const { content, material } = bundle;
  if (material.kind === "key")
    list.run("key-hint", () => ({
      value: checkKeyHint(material.hint, key.spki),
      detail: "the bundle names no other key",
    }));
  if (content.kind === "message") {
    list.run("artifact-digest", () => ({
      value: checkDigestHint(content, artifact),
      detail: artifact.digests.join(" "),
    }));
    const verifier = list.run("signature", () => {
      const value = checkMessageSignature(content, artifact, key, bundle.entries.length > 0);
      return { value, detail: `${value.algorithm.name} over the artifact` };
    });
    return verifier && { verifier, digests: provedDigests(artifact, { verifier }) };
  }
  return checkEnvelope(run, content.envelope, key);
}

function checkSigned(list: Checklist, envelope: Envelope, key: SignatureKey): Verifier | undefined {
  return list.run("signature", () => {
    const value = checkEnvelopeSignature(envelope, key);
    return { value, detail: `${value.algorithm.name} over the envelope` };
  });
}

function checkEnvelope({ artifact, list }: Run, envelope: Envelope, key: SignatureKey): SignedContent | undefined {
  const verifier = checkSigned(list, envelope, key);
  const statement = list.run("statement", () => {
    const value = readStatement(envelope);
    return { value, detail: `${value.subjects.length} subjects, predicate ${quote(value.predicateType)}` };
  });
  if (statement === undefined) return undefined;
  const subject = list.run("subject", () => ({
    value: checkSubject(statement, artifact),
    detail: "the artifact is one of the subjects",
  }));
  return verifier && subject && { verifier, digests: provedDigests(artifact, { subject }), statement };
}

function claimsOf(proved: AllProved): Claims {
  const { digests, statement } = proved.content;
  return {
    via: "sigstore",
    artifact: { digests },
    signer: proved.signer,
    // One token given twice is one time.
    times: distinct(
      proved.times.map((time) => time.claim),
      (claim) => `${claim.source} ${claim.authority} ${claim.time}`,
    ),
    // A place that a deny-list names must not be hidden by another entry of the same log.
    logs: distinct(
      proved.logged.map((entry) => entry.claim),
      (claim) => `${claim.logId} ${claim.index}`,
    ),
    scts: distinct(proved.scts.map(sctClaim), (claim) => claim.logId),
    ...(statement === undefined ? {} : { statement }),
  };
}

interface AllProved {
  readonly signer: SignedBy;
  readonly times: readonly TimedAt[];
  readonly logged: readonly LoggedAt[];
  readonly scts: readonly Promised[];
  readonly content: SignedContent;
}

function distinct<T>(values: readonly T[], idOf: (value: T) => string): T[] {
  if (values.length < 2) return [...values];
  return [...new Map(values.toReversed().map((value) => [idOf(value), value])).values()].toReversed();
}
