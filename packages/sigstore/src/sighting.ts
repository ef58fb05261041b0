import { hash, hex, TrustError, type Certificate, type VerifiedTime } from "@countersign/core";
import type { Checklist } from "./checklist.ts";
import { countDistinct, type Party } from "./distinct.ts";
import { countCheck, operatorOf, type Material, type Run } from "./examination.ts";
import type { Expected } from "./log-entry.ts";
import { checkLogEntry, type Logged } from "./rekor.ts";
import { checkTimestamp } from "./timestamp.ts";

/** A verified time, with its number for arithmetic. */
export interface TimedAt extends Party {
  readonly timeMs: number;
  readonly claim: VerifiedTime;
}

/** The times that authorities of the trust root signed; each token is noted as proved, failed or passed over. */
export function checkTimestamps({ bundle, trust, list }: Run): readonly TimedAt[] {
  const { content } = bundle;
  const signature =
    content.kind === "message" ? content.signature : (content.envelope.signatures[0]?.sig ?? new Uint8Array());
  return bundle.timestamps.flatMap((token, index) => {
    const name = `timestamp[${index}]`;
    try {
      const { authority, timeMs } = stampOver(token, { signature, other: bundle.timestamped }, trust);
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

/** Of a signature alone, or also of what is stamped in its place; the token's imprint tells which of them is meant. */
function stampOver(
  token: Uint8Array,
  { signature, other }: { readonly signature: Uint8Array; readonly other: Uint8Array | undefined },
  { timestampAuthorities }: Run["trust"],
): ReturnType<typeof checkTimestamp> {
  try {
    return checkTimestamp(token, signature, timestampAuthorities);
  } catch (error) {
    const isElse = error instanceof TrustError && error.code === "SIGSTORE_TIMESTAMP_MISMATCH";
    if (!isElse || other === undefined) throw error;
    return checkTimestamp(token, other, timestampAuthorities);
  }
}

/** A log that holds the entry, and the time it stands for, if it does. */
export interface LoggedAt extends Logged {
  readonly time?: TimedAt;
}

/** The logs that were proved to hold an entry about exactly this bundle; each entry is noted. */
export function checkLogEntries(run: Run, signer: Material, stampsMs: readonly number[]): readonly LoggedAt[] {
  const { bundle, trust, list } = run;
  const expected = expectedOf(run, signer);
  return bundle.entries.flatMap((entry, index) => {
    const name = `log-entry[${index}]`;
    try {
      const logged = checkLogEntry(entry, expected, trust.logs, {
        version: bundle.version,
        timesMs: stampsMs,
        nowMs: run.nowMs,
        ...(run.witnesses !== undefined && { witnesses: run.witnesses }),
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
  const { claim, authority, party } = logged;
  const time = new Date(timeMs).toISOString();
  return { ...party, timeMs, claim: { source: "rekor-v1", authority, ...operatorOf(claim.operator), time } };
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

/** Notes whether enough logs and times were proved. */
export function checkCounts(
  { list, need, isKeyed }: Run,
  logged: readonly LoggedAt[],
  times: readonly TimedAt[],
): void {
  const logs = countDistinct(logged.map(({ party }) => party));
  countCheck(list, {
    name: "log-entries",
    skipped: "log-entry[",
    need: need.logEntries,
    got: logs,
    code: "SIGSTORE_TOO_FEW_LOG_ENTRIES",
  });
  // Without a time nothing can be said about a certificate, whatever the policy asks for.
  const needTimes = isKeyed ? need.times : Math.max(1, need.times);
  countCheck(list, {
    name: "times",
    skipped: "timestamp[",
    need: needTimes,
    got: countDistinct(times),
    code: "SIGSTORE_TOO_FEW_TIMES",
  });
}
