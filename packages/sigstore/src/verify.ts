import {
  base64,
  hash,
  hex,
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
  type VerifiedTime,
  type Verifier,
} from "@countersign/core";
import { checkArtifactDigests, provedDigests } from "./artifact-digest.ts";
import type { Bundle } from "./bundle.ts";
import { checkIssued, checkSigningUsage } from "./certificate.ts";
import { makeChecklist, type Checklist, type Proved } from "./checklist.ts";
import { countDistinct, type Party } from "./distinct.ts";
import { sigstoreError } from "./errors.ts";
import { readIdentity } from "./identity.ts";
import { checkKeyHint } from "./key-hint.ts";
import type { Expected } from "./log-entry.ts";
import { checkLogEntry, type Logged } from "./rekor.ts";
import { requirements } from "./requirement.ts";
import { checkSct, logsOfSct, parseSctList, type Sct } from "./sct.ts";
import {
  checkDigestHint,
  checkEnvelopeSignature,
  checkMessageSignature,
  checkSubject,
  readStatement,
} from "./signature.ts";
import { checkTimestamp } from "./timestamp.ts";
import type { Log, TrustRoot } from "./trust-root.ts";

/** How a bundle is to be judged. */
export interface VerifyOptions {
  /** The signer's public key. Leave it out for bundles with a certificate; each refuses the other kind. */
  readonly key?: Verifier;
  /** Numbers that differ from the defaults in `requirements`. */
  readonly require?: Partial<Requirements>;
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
  const run: Run = { bundle, artifact, trust, options, need: needOf(options), list: makeChecklist() };
  const signer = checkMaterial(bundle, options);
  checkArtifactDigests(artifact);
  const content = checkContent(run, signer.spki);
  const stamps = checkTimestamps(run);
  const logged = checkLogEntries(
    run,
    signer,
    stamps.map((stamp) => stamp.timeMs),
  );
  const times = [...stamps, ...logged.flatMap((entry) => (entry.time === undefined ? [] : [entry.time]))];
  checkCounts(run, logged, times);
  const who = signer.leaf === undefined ? keySigner(content?.verifier) : checkCertificate(run, signer.leaf, times);
  const { problem, checks } = run.list;
  if (problem !== undefined || who.signer === undefined || content === undefined)
    return { checks, problem: problem ?? sigstoreError("SIGSTORE_CERTIFICATE_UNTRUSTED") };
  return { checks, claims: vouch(claimsOf({ signer: who.signer, scts: who.scts, times, logged, content })) };
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

interface Run {
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly trust: TrustRoot;
  readonly options: VerifyOptions;
  readonly need: Requirements;
  readonly list: Checklist;
}

interface Material {
  readonly leaf?: Certificate;
  readonly spki: Uint8Array;
  readonly verifier: Expected["verifier"];
}

/** A verified time, with its number for arithmetic. */
interface TimedAt extends Party {
  readonly timeMs: number;
  readonly claim: VerifiedTime;
}

function needOf(options: VerifyOptions): Requirements {
  const defaults = options.key === undefined ? requirements.certificate : requirements.key;
  return { ...defaults, ...options.require };
}

function checkMaterial(bundle: Bundle, options: VerifyOptions): Material {
  if (bundle.material.kind === "certificate") {
    if (options.key !== undefined) throw sigstoreError("SIGSTORE_KEY_UNWANTED");
    const leaf = bundle.material.chain[0] as Certificate;
    return { leaf, spki: leaf.spki, verifier: { kind: "certificate", der: leaf.raw, spki: leaf.spki } };
  }
  if (options.key === undefined)
    throw sigstoreError("SIGSTORE_KEY_NEEDED", { checked: "key hint", got: quote(bundle.material.hint) });
  const { spki } = options.key;
  return { spki, verifier: { kind: "key", der: spki, spki } };
}

function checkContent(run: Run, spki: Uint8Array): SignedContent | undefined {
  const { bundle, artifact, options, list } = run;
  const { content, material } = bundle;
  if (material.kind === "key")
    list.run("key-hint", () => ({
      value: checkKeyHint(material.hint, options.key as Verifier),
      detail: "the bundle names no other key",
    }));
  if (content.kind === "message") {
    list.run("artifact-digest", () => ({
      value: checkDigestHint(content, artifact),
      detail: artifact.digests.join(" "),
    }));
    const verifier = list.run("signature", () => {
      const value = checkMessageSignature(content, artifact, spki, bundle.entries.length > 0);
      return { value, detail: `${value.algorithm.name} over the artifact` };
    });
    return verifier && { verifier, digests: provedDigests(artifact, { verifier }) };
  }
  return checkEnvelope(run, content.envelope, spki);
}

function checkEnvelope({ artifact, list }: Run, envelope: Envelope, spki: Uint8Array): SignedContent | undefined {
  const verifier = list.run("signature", () => {
    const value = checkEnvelopeSignature(envelope, spki);
    return { value, detail: `${value.algorithm.name} over the envelope` };
  });
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

function checkTimestamps({ bundle, trust, list }: Run): readonly TimedAt[] {
  const { content } = bundle;
  const signature =
    content.kind === "message" ? content.signature : (content.envelope.signatures[0]?.sig ?? new Uint8Array());
  return bundle.timestamps.flatMap((token, index) => {
    const name = `timestamp[${index}]`;
    try {
      const { authority, timeMs } = checkTimestamp(token, signature, trust.timestampAuthorities);
      const time = new Date(timeMs).toISOString();
      const claim: VerifiedTime = {
        source: "rfc3161",
        authority: authority.uri,
        ...operatorOf(authority.operator),
        time,
      };
      list.run(name, () => ({ value: time, detail: `${time} by ${authority.uri}` }));
      return [
        {
          timeMs,
          claim,
          operator: authority.operator ?? authority.uri,
          key: hex(hash("sha256", (authority.chain[0] as Certificate).spki)),
        },
      ];
    } catch (error) {
      return noted(list, name, error, "SIGSTORE_TIMESTAMP_UNTRUSTED");
    }
  });
}

interface LoggedAt extends Logged {
  readonly time?: TimedAt;
}

function checkLogEntries(run: Run, signer: Material, stampsMs: readonly number[]): readonly LoggedAt[] {
  const { bundle, trust, list } = run;
  const expected = expectedOf(run, signer);
  return bundle.entries.flatMap((entry, index) => {
    const name = `log-entry[${index}]`;
    try {
      const logged = checkLogEntry(entry, expected, trust.logs, {
        version: bundle.version,
        timesMs: stampsMs,
        nowMs: run.options.nowMs,
      });
      list.run(name, () => ({
        value: logged,
        detail: `${logged.claim.entry} in ${logged.claim.origin}, proved by ${logged.claim.proof}`,
      }));
      return [logged.integratedMs === undefined ? logged : { ...logged, time: timeOf(logged, logged.integratedMs) }];
    } catch (error) {
      return noted(list, name, error, "SIGSTORE_LOG_UNKNOWN");
    }
  });
}

function timeOf(logged: Logged, timeMs: number): TimedAt {
  const { claim, authority } = logged;
  const { operator } = claim;
  return {
    timeMs,
    operator: operator ?? authority,
    key: logged.keyid,
    claim: { source: "rekor-v1", authority, ...operatorOf(operator), time: new Date(timeMs).toISOString() },
  };
}

function expectedOf({ bundle, artifact }: Run, signer: Material): Expected {
  const { content } = bundle;
  if (content.kind === "message") {
    return {
      signature: content.signature,
      verifier: signer.verifier,
      content: { kind: "message", digests: artifact.digests },
    };
  }
  const { payloadType, payload, signatures } = content.envelope;
  const [only] = signatures;
  return {
    signature: only?.sig ?? new Uint8Array(),
    verifier: signer.verifier,
    content: { kind: "envelope", payloadType, payload, keyid: only?.keyid ?? "" },
  };
}

// What an unknown party says counts for nothing; what a known one did not say is a forgery and fails.
function noted(list: Checklist, name: string, error: unknown, ignorable: string): [] {
  if (!(error instanceof TrustError)) throw error;
  if (error.code === ignorable) list.skip(name, error);
  else list.fail(name, error);
  return [];
}

function checkCounts({ list, need, options }: Run, logged: readonly LoggedAt[], times: readonly TimedAt[]): void {
  const logs = countDistinct(
    logged.map(({ claim, keyid }) => ({ operator: claim.operator ?? claim.logId, key: keyid })),
  );
  countCheck(list, {
    name: "log-entries",
    skipped: "log-entry[",
    need: need.logEntries,
    got: logs,
    code: "SIGSTORE_TOO_FEW_LOG_ENTRIES",
  });
  // Without a time nothing can be said about a certificate, whatever the policy asks for.
  const needTimes = options.key === undefined ? Math.max(1, need.times) : need.times;
  countCheck(list, {
    name: "times",
    skipped: "timestamp[",
    need: needTimes,
    got: countDistinct(times),
    code: "SIGSTORE_TOO_FEW_TIMES",
  });
}

interface Count {
  readonly name: string;
  readonly skipped: string;
  readonly need: number;
  readonly got: number;
  readonly code: "SIGSTORE_TOO_FEW_LOG_ENTRIES" | "SIGSTORE_TOO_FEW_TIMES" | "SIGSTORE_TOO_FEW_SCTS";
}

function countCheck(list: Checklist, count: Count): void {
  list.run(count.name, () => {
    if (count.got >= count.need) return { value: count.got, detail: `${count.got} distinct, ${count.need} needed` };
    // The reader wants to know why the only timestamp did not count, not that there was none.
    const skipped = list.skipped(count.skipped);
    throw skipped ?? sigstoreError(count.code, { expected: String(count.need), got: String(count.got) });
  });
}

function checkCertificate(run: Run, leaf: Certificate, times: readonly TimedAt[]): Certified {
  const { list, trust } = run;
  list.run("certificate-usage", () => ({ value: checkSigningUsage(leaf), detail: "code signing, no CA" }));
  const issued = list.run("certificate-chain", () => {
    const value = checkIssued(
      leaf,
      trust.authorities,
      times.map((time) => time.timeMs),
    );
    return { value, detail: `issued by ${value.authority.uri}, valid at ${times.length} verified times` };
  });
  const scts = issued === undefined ? [] : checkScts(run, leaf, issued.issuer);
  const signer = list.run("identity", () => {
    const value = readIdentity(leaf);
    return { value, detail: `${quote(value.identity.value)} vouched for by ${quote(value.issuer)}` };
  });
  return { signer, scts };
}

interface Certified {
  readonly signer: SignedBy | undefined;
  readonly scts: readonly Promised[];
}

function checkScts(run: Run, leaf: Certificate, issuer: Certificate): readonly Promised[] {
  const { list, trust, need } = run;
  const scts = leaf.sctList === undefined ? [] : (list.run("sct-list", () => listScts(leaf)) ?? []);
  const found = scts.flatMap((sct, index) =>
    proveSct(list, { name: `sct[${index}]`, sct, leaf, issuer }, logsOfSct(sct, trust.ctLogs)),
  );
  const logs = countDistinct(
    found.map(({ log }) => ({ operator: log.operator ?? base64(log.logId), key: log.verifier.keyid })),
  );
  countCheck(list, { name: "scts", skipped: "sct[", need: need.scts, got: logs, code: "SIGSTORE_TOO_FEW_SCTS" });
  return found;
}

function listScts(leaf: Certificate): Proved<readonly Sct[]> {
  const value = parseSctList(leaf.sctList as Uint8Array);
  return { value, detail: `${value.length} in the certificate` };
}

interface SctAt {
  readonly name: string;
  readonly sct: Sct;
  readonly leaf: Certificate;
  readonly issuer: Certificate;
}

function proveSct(list: Checklist, { name, sct, leaf, issuer }: SctAt, logs: readonly Log[]): Promised[] {
  const time = new Date(sct.timestampMs).toISOString();
  if (logs.length === 0) {
    list.skip(name, sigstoreError("SIGSTORE_SCT_UNKNOWN", { got: base64(sct.logId) }));
    return [];
  }
  const log = list.run(name, () => {
    const value = checkSct(sct, leaf, issuer, logs);
    return { value, detail: `${value.baseUrl} at ${time}` };
  });
  return log === undefined ? [] : [{ log, time }];
}

interface Promised {
  readonly log: Log;
  readonly time: string;
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
    logs: distinct(
      proved.logged.map((entry) => entry.claim),
      (claim) => claim.logId,
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

function sctClaim({ log, time }: Promised): Claims["scts"][number] {
  return { logId: base64(log.logId), ...operatorOf(log.operator), time };
}

function operatorOf(operator: string | undefined): { operator?: string } {
  return operator === undefined ? {} : { operator };
}

function distinct<T>(values: readonly T[], idOf: (value: T) => string): T[] {
  return [...new Map(values.toReversed().map((value) => [idOf(value), value])).values()].toReversed();
}
