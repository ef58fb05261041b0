import { base64, type Certificate } from "@countersign/core";
import { formatName } from "./distinguished-name.ts";
import { standingOf } from "./trust-root-lint.ts";
import type { Authority, Log, TrustRoot } from "./trust-root.ts";
import { isWithin, type Window } from "./window.ts";

/** Whether something counts for what is signed now, or only for other times. */
export type TrustState = "current" | "ended" | "not yet";

/** A window and what it means now; times are ISO 8601. */
export interface WindowDescription {
  readonly from: string;
  /** Absent where the window is open. */
  readonly until?: string;
  readonly state: TrustState;
}

/** A log in words. */
export interface LogDescription extends WindowDescription {
  readonly url: string;
  /** The name it signs checkpoints with. */
  readonly origin: string;
  readonly operator?: string;
  /** Base64, 32 or 4 bytes. */
  readonly logId: string;
  readonly checkpointKeyId?: string;
  readonly algorithm: string;
}

/** A certificate of an authority in words. */
export interface CertificateDescription {
  readonly subject: string;
  readonly serial: string;
  readonly notBefore: string;
  readonly notAfter: string;
}

/** An authority in words. */
export interface AuthorityDescription extends WindowDescription {
  readonly url: string;
  readonly operator?: string;
  /** When the first certificate of its chain ends. */
  readonly expires: string;
  readonly certificates: readonly CertificateDescription[];
}

/** A trust root in words: what it says, not whether it is right. */
export interface TrustRootDescription {
  readonly authorities: readonly AuthorityDescription[];
  readonly ctLogs: readonly LogDescription[];
  readonly logs: readonly LogDescription[];
  readonly timestampAuthorities: readonly AuthorityDescription[];
}

/** Describes what `root` says at `nowMs`. Texts are as hostile as the file was: quote them before they reach a terminal. */
export function describeTrustRoot(root: TrustRoot, nowMs: number): TrustRootDescription {
  const authority = (each: Authority): AuthorityDescription => describeAuthority(each, nowMs);
  const log = (each: Log): LogDescription => describeLog(each, nowMs);
  return {
    authorities: root.authorities.map(authority),
    ctLogs: root.ctLogs.map(log),
    logs: root.logs.map(log),
    timestampAuthorities: root.timestampAuthorities.map(authority),
  };
}

function describeLog(log: Log, nowMs: number): LogDescription {
  const { baseUrl, origin, operator, logId, checkpointKeyId, verifier, validFor } = log;
  return {
    url: baseUrl,
    origin,
    ...(operator !== undefined && { operator }),
    logId: base64(logId),
    ...(checkpointKeyId !== undefined && { checkpointKeyId: base64(checkpointKeyId) }),
    algorithm: verifier.algorithm.name,
    ...describeWindow(validFor, stateOf(validFor, nowMs)),
  };
}

function describeAuthority(authority: Authority, nowMs: number): AuthorityDescription {
  const { uri, operator, chain, validFor } = authority;
  const standing = standingOf(authority);
  return {
    url: uri,
    ...(operator !== undefined && { operator }),
    ...describeWindow(validFor, standing === undefined ? "ended" : stateOf(standing, nowMs)),
    expires: time(Math.min(...chain.map((each) => each.notAfterMs))),
    certificates: chain.map(describeCertificate),
  };
}

function describeCertificate({ subject, serial, notBeforeMs, notAfterMs }: Certificate): CertificateDescription {
  return { subject: formatName(subject), serial, notBefore: time(notBeforeMs), notAfter: time(notAfterMs) };
}

function describeWindow({ startMs, endMs }: Window, state: TrustState): WindowDescription {
  return { from: time(startMs), ...(endMs !== undefined && { until: time(endMs) }), state };
}

function stateOf(window: Window, nowMs: number): TrustState {
  if (isWithin(window, nowMs)) return "current";
  return nowMs < window.startMs ? "not yet" : "ended";
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
