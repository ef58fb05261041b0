import { base64, equalBytes, hex, TrustError, utf8, type LoggedIn } from "@countersign/core";
import {
  checkCheckpoint,
  checkInclusion,
  checkWitnesses,
  leafHash,
  type Checkpoint,
  type SignedCheckpoint,
  type WitnessPolicy,
} from "@countersign/tlog";
import type { Bundle, LogEntry } from "./bundle.ts";
import { partyOfLog, type Party } from "./distinct.ts";
import { sigstoreError } from "./errors.ts";
import { checkEntry, generationOf, type Expected } from "./log-entry.ts";
import type { Log } from "./trust-root.ts";
import { isWithin } from "./window.ts";

/** What a log was proved to hold. */
export interface Logged {
  readonly claim: LoggedIn;
  /** The log's name in the trust root, which stands for its time with and without a checkpoint. */
  readonly authority: string;
  /** Who stands for it, for counting. */
  readonly party: Party;
  /** Rekor v1's time in milliseconds, only where its signature over the time was verified. */
  readonly integratedMs?: number;
}

/** What the log entry is judged against besides the bundle's own content. */
export interface LogContext {
  readonly version: Bundle["version"];
  /** Verified times of the signature, from elsewhere. */
  readonly timesMs: readonly number[];
  /** Used for the key's window only if there is no verified time at all. */
  readonly nowMs: number;
  /** Who must have cosigned the checkpoint. */
  readonly witnesses?: WitnessPolicy;
}

/**
 * Proves that a log of the trust root holds an entry about exactly this bundle (client-spec §4.4; RFC 6962 §2.1.1).
 * Size and root come from the verified checkpoint, the time from the verified promise; what the bundle says of
 * these is never looked at. The log's key must have been valid at every verified time, and at the checkpoint's
 * own time where it carries one (Rekor v1).
 */
export function checkLogEntry(entry: LogEntry, expected: Expected, logs: readonly Log[], context: LogContext): Logged {
  const generation = generationOf(entry);
  if (generation === undefined)
    throw sigstoreError("SIGSTORE_ENTRY_KIND", { got: `${entry.kind} ${entry.version}`.slice(0, 80) });
  const candidates = logs.filter((log) => isLogOf(log, entry.logId));
  if (candidates.length === 0) throw sigstoreError("SIGSTORE_LOG_UNKNOWN", { got: base64(entry.logId) });
  checkEntry(entry, expected);
  return firstOf(candidates, (log) => checkInLog(entry, log, generation, context));
}

function checkInLog(entry: LogEntry, log: Log, generation: 1 | 2, context: LogContext): Logged {
  // Rekor v2 makes no promises: a SET beside its entries would be a time that nobody stands for.
  const integratedMs =
    generation === 1 && entry.promise !== undefined ? checkPromise(entry, entry.promise, log) : undefined;
  checkWindow(log, integratedMs === undefined ? context.timesMs : [integratedMs], context.nowMs);
  const checkpoint = checkProof(entry, log, generation);
  if (checkpoint === undefined && (integratedMs === undefined || context.version !== "0.1")) {
    throw sigstoreError("SIGSTORE_LOG_NO_EVIDENCE", { expected: "an inclusion proof with a checkpoint" });
  }
  const witnesses = context.witnesses && checkWitnessed(checkpoint, log, context.witnesses);
  return {
    claim: { ...claimOf(entry, log, integratedMs, checkpoint), ...(witnesses !== undefined && { witnesses }) },
    authority: log.origin,
    party: partyOfLog(log),
    ...(integratedMs === undefined ? {} : { integratedMs }),
  };
}

/** Proves Rekor v1's signed entry timestamp (JCS of body, time, log id and global index), and returns its time. */
function checkPromise(entry: LogEntry, promise: Uint8Array, log: Log): number {
  const { integratedTime, logIndex } = entry;
  const text = `{"body":"${base64(entry.body)}","integratedTime":${integratedTime},"logID":"${hex(entry.logId)}","logIndex":${logIndex}}`;
  if (!log.verifier.verify(utf8(text), promise)) throw sigstoreError("SIGSTORE_LOG_PROMISE", { checked: log.baseUrl });
  if (integratedTime <= 0n || integratedTime > maxSeconds)
    throw sigstoreError("SIGSTORE_LOG_PROMISE", { checked: "time", got: String(integratedTime) });
  return Number(integratedTime) * 1000;
}
/** The last second that a JavaScript Date holds. */
const maxSeconds = 8_640_000_000_000n;

function checkWindow(log: Log, timesMs: readonly number[], nowMs: number): void {
  for (const timeMs of timesMs.length === 0 ? [nowMs] : timesMs) {
    if (isWithin(log.validFor, timeMs)) continue;
    throw sigstoreError("SIGSTORE_LOG_WINDOW", { checked: log.baseUrl, got: new Date(timeMs).toISOString() });
  }
}

/** Proves that the policy knows the log and that its witnesses saw the very tree that holds the entry. Gives their names. */
function checkWitnessed(checkpoint: SignedCheckpoint | undefined, log: Log, policy: WitnessPolicy): readonly string[] {
  const refuse = (got: string, cause?: unknown): TrustError =>
    sigstoreError("SIGSTORE_LOG_UNWITNESSED", { checked: log.baseUrl, got }, cause);
  if (checkpoint === undefined) throw refuse("no checkpoint");
  // The name too: one key may sign for several logs, of which the policy lists one.
  const isListed = policy.logs.some(
    ({ name, verifier }) => name === log.origin && verifier.keyid === log.verifier.keyid,
  );
  if (policy.logs.length > 0 && !isListed) throw refuse("a log that the policy does not list");
  try {
    return checkWitnesses(checkpoint.note, policy).map(({ key }) => key.name);
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw refuse(cause.message, cause);
  }
}

function checkProof(entry: LogEntry, log: Log, generation: 1 | 2): SignedCheckpoint | undefined {
  const { proof } = entry;
  if (proof?.checkpoint === undefined) return undefined;
  const checkpoint = checkSignedTree(proof.checkpoint, log, generation);
  try {
    checkInclusion(
      { index: proof.logIndex, size: checkpoint.size, path: proof.hashes },
      leafHash(entry.body),
      checkpoint.root,
    );
  } catch (cause) {
    if (!(cause instanceof TrustError)) throw cause;
    throw sigstoreError("SIGSTORE_LOG_INCLUSION", { checked: log.baseUrl, got: cause.message }, cause);
  }
  return checkpoint;
}

function checkSignedTree(text: string, log: Log, generation: 1 | 2): SignedCheckpoint {
  const dialect = generation === 2 ? "c2sp" : "rekor-v1";
  try {
    const checkpoint = checkCheckpoint(text, { name: log.origin, verifier: log.verifier, dialect });
    checkCheckpointTime(checkpoint, log);
    return checkpoint;
  } catch (cause) {
    if (!(cause instanceof TrustError) || cause.code.startsWith("SIGSTORE_")) throw cause;
    throw sigstoreError("SIGSTORE_LOG_CHECKPOINT", { checked: log.baseUrl, got: cause.message }, cause);
  }
}

// Rekor v1 signs the time of the checkpoint in nanoseconds as an extension line. Entries and windows count in whole
// seconds: a checkpoint of the window's very last second, which the window still holds, may carry a fraction.
function checkCheckpointTime(checkpoint: Checkpoint, log: Log): void {
  for (const line of checkpoint.extensions) {
    const nanoseconds = /^Timestamp: (\d{1,19})$/.exec(line)?.[1];
    if (nanoseconds !== undefined) checkWindow(log, [Number(BigInt(nanoseconds) / 1_000_000_000n) * 1000], 0);
  }
}

function claimOf(
  entry: LogEntry,
  log: Log,
  integratedMs: number | undefined,
  checkpoint: Checkpoint | undefined,
): LoggedIn {
  const proofs = [checkpoint === undefined ? "" : "inclusion", integratedMs === undefined ? "" : "promise"];
  return {
    origin: checkpoint?.origin ?? log.origin,
    logId: base64(log.logId),
    ...(log.operator === undefined ? {} : { operator: log.operator }),
    entry: `${entry.kind} ${entry.version}`,
    ...(checkpoint === undefined ? {} : { index: String(entry.proof?.logIndex), treeSize: String(checkpoint.size) }),
    proof: proofs.filter((each) => each !== "").join("+") as LoggedIn["proof"],
  };
}

// A trust root of version 0.2 may give four bytes of the id only; the log's signature decides in the end.
function isLogOf(log: Log, logId: Uint8Array): boolean {
  const known = [log.logId, ...(log.checkpointKeyId === undefined ? [] : [log.checkpointKeyId])];
  return known.some((id) => id.length >= 4 && equalBytes(id, logId.subarray(0, id.length)));
}

// One log may stand in the trust root with several keys or windows: one of them has to fit.
function firstOf<T>(logs: readonly Log[], check: (log: Log) => T): T {
  let problem: TrustError | undefined;
  for (const log of logs) {
    try {
      return check(log);
    } catch (error) {
      if (!(error instanceof TrustError)) throw error;
      problem ??= error;
    }
  }
  throw problem as TrustError;
}
