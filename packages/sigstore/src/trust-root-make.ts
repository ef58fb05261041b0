import {
  base64,
  concatBytes,
  defaultAlgorithm,
  findingOf,
  hash,
  quote,
  utf8,
  type Certificate,
  type Finding,
  type TrustError,
} from "@countersign/core";
import { parseNameParts } from "./distinguished-name.ts";
import { sigstoreError } from "./errors.ts";
import { keyDetailsOf } from "./key-detail.ts";
import { requirements } from "./requirement.ts";
import { checkIssuing, checkStamping, lintTrustRoots } from "./trust-root-lint.ts";
import { originOf, parseTrustRoot } from "./trust-root.ts";
import type { Window } from "./window.ts";

/** A log to be put into a trust root. */
export interface LogPart {
  readonly url: string;
  /** The name it signs checkpoints with, where that is not the URL's own. */
  readonly origin?: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Rekor 2 takes a log's id from its name and key, all others from the key alone. */
  readonly idOf: "key" | "name-and-key";
  readonly validFor: Window;
  readonly operator?: string;
}

/** An authority to be put into a trust root. */
export interface AuthorityPart {
  readonly url: string;
  /** What issues leaves, or the timestamp authority's own certificate, first; the anchor last. */
  readonly chain: readonly Certificate[];
  /** Without a start: from when all of the chain is valid. */
  readonly validFor: Partial<Window>;
  readonly operator?: string;
}

/** What a trust root is made of. */
export interface TrustRootParts {
  /** 0.2 names operators; 0.1 is understood by older clients. */
  readonly version: "0.1" | "0.2";
  readonly authorities: readonly AuthorityPart[];
  readonly timestampAuthorities: readonly AuthorityPart[];
  readonly logs: readonly LogPart[];
  readonly ctLogs: readonly LogPart[];
  readonly nowMs: number;
}

/** A trust root that our own reader takes without a word, and what is odd about it. */
export interface MadeTrustRoot {
  readonly bytes: Uint8Array;
  readonly findings: readonly Finding[];
}

const mediaTypes = {
  "0.1": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  "0.2": "application/vnd.dev.sigstore.trustedroot.v0.2+json",
} as const;

/**
 * Makes a trusted_root.json (protobuf-specs sigstore_trustroot.proto). Refuses chains that do not hold together, windows outside the
 * certificates' own, keys that are listed twice and whatever else would have good signatures refused. Does not know
 * whether the parts are the right ones. Throws SIGSTORE_TRUST_PART, and what `parseTrustRoot` and the checks of chains throw.
 */
export function makeTrustRoot(parts: TrustRootParts): MadeTrustRoot {
  const { version } = parts;
  if (parts.authorities.length + parts.logs.length + parts.timestampAuthorities.length === 0)
    throw wrong("the parts", "a certificate authority, a log or a timestamp authority", "none");
  for (const { chain } of parts.authorities) checkIssuing(chain);
  for (const { chain } of parts.timestampAuthorities) checkStamping(chain);
  const json = {
    mediaType: mediaTypes[version],
    tlogs: parts.logs.map((log) => logJson(log, version)),
    certificateAuthorities: parts.authorities.map((authority) => authorityJson(authority, version)),
    ctlogs: parts.ctLogs.map((log) => logJson(log, version)),
    timestampAuthorities: parts.timestampAuthorities.map((authority) => authorityJson(authority, version)),
  };
  const bytes = utf8(`${JSON.stringify(json, null, 2)}\n`);
  return { bytes, findings: [...review(bytes, parts), ...unsaidOperators(parts)] };
}

/**
 * What our own reader says of it; a member passed over or a log left out would be a mistake of the parts. Too few logs for the
 * usual verdict are not: some instances keep none, and other files may name them.
 */
function review(bytes: Uint8Array, { authorities, nowMs }: TrustRootParts): readonly Finding[] {
  const root = parseTrustRoot(bytes);
  const need = authorities.length > 0 ? requirements.certificate : { scts: 0, logEntries: 0, times: 0 };
  const findings = lintTrustRoots([root], { nowMs, need }).map((finding) =>
    finding.code === "SIGSTORE_TRUST_THRESHOLD" ? warningOf(finding) : finding,
  );
  const [bad] = [...findings.filter(({ level }) => level === "fail"), ...root.warnings];
  if (bad !== undefined) throw wrong("the new trust root", "one without errors", `${bad.message} [${bad.code}]`);
  return findings;
}

/** Operators that were given, in a version that has no room for them: two logs of one would count twice. */
function unsaidOperators(parts: TrustRootParts): readonly Finding[] {
  const all = [...parts.authorities, ...parts.timestampAuthorities, ...parts.logs, ...parts.ctLogs];
  const names = [...new Set(all.flatMap(({ operator }) => operator ?? []))];
  if (parts.version !== "0.1" || names.length === 0) return [];
  const got = names.map((name) => quote(name)).join(", ");
  return [warningOf(findingOf(sigstoreError("SIGSTORE_TRUST_OPERATOR_UNSAID", { got })))];
}

function warningOf(finding: Finding): Finding {
  return { ...finding, level: "warn" };
}

function wrong(checked: string, expected: string, got: string): TrustError {
  return sigstoreError("SIGSTORE_TRUST_PART", { checked, expected, got });
}

function logJson(log: LogPart, version: TrustRootParts["version"]): object {
  const { spki, validFor } = log;
  const origin = log.origin ?? originOf(log.url);
  const logId = logIdOf(origin, log);
  const baseUrl = origin === originOf(log.url) ? log.url : `https://${origin}`;
  // The URL is all that a trust root says of the name.
  if (originOf(baseUrl) !== origin) throw wrong("origin", "one without a slash at its end", quote(origin));
  return {
    baseUrl,
    hashAlgorithm: "SHA2_256",
    publicKey: {
      rawBytes: base64(spki),
      keyDetails: keyDetailsOf(defaultAlgorithm(spki), spki),
      validFor: windowJson(validFor),
    },
    // No checkpointKeyId: where there is none the log id stands for it, and @sigstore/verify 4.1.3 takes it for the whole id.
    logId: { keyId: base64(logId) },
    ...operatorJson(log, version),
  };
}

const ed25519PrefixBytes = 12;

/** RFC 6962 §3.2; for Rekor 2 the whole hash of which C2SP signed-note takes four bytes, which for ECDSA is the same. */
function logIdOf(origin: string, { spki, idOf }: LogPart): Uint8Array {
  const algorithm = defaultAlgorithm(spki);
  if (idOf === "key" || algorithm.startsWith("ecdsa")) return hash("sha256", spki);
  if (algorithm !== "ed25519")
    throw wrong(`the key of ${quote(origin)}`, "an ECDSA or Ed25519 key for Rekor 2", algorithm);
  return hash("sha256", concatBytes(utf8(`${origin}\n`), Uint8Array.of(1), spki.subarray(ed25519PrefixBytes)));
}

function authorityJson(authority: AuthorityPart, version: TrustRootParts["version"]): object {
  const { url, chain } = authority;
  const names = parseNameParts((chain[0] as Certificate).subject);
  const textOf = (type: string): string => names.find((part) => part.type === type)?.text ?? "";
  return {
    subject: { organization: textOf("O"), commonName: textOf("CN") },
    uri: url,
    certChain: { certificates: chain.map(({ raw }) => ({ rawBytes: base64(raw) })) },
    validFor: windowJson(authorityWindow(authority)),
    ...operatorJson(authority, version),
  };
}

/** The window must lie inside the certificates' own: what reaches beyond promises what no verifier will keep. */
function authorityWindow({ url, chain, validFor }: AuthorityPart): Window {
  const firstMs = Math.max(...chain.map((each) => each.notBeforeMs));
  const lastMs = Math.min(...chain.map((each) => each.notAfterMs));
  const { startMs = firstMs, endMs } = validFor;
  const expected = `a window from ${time(firstMs)} to ${time(lastMs)}, when all its certificates are valid`;
  if (
    lastMs < firstMs ||
    startMs < firstMs ||
    startMs > lastMs ||
    (endMs ?? lastMs) > lastMs ||
    (endMs ?? lastMs) < startMs
  )
    throw wrong(quote(url), expected, `${time(startMs)} to ${endMs === undefined ? "no end" : time(endMs)}`);
  return { startMs, ...(endMs !== undefined && { endMs }) };
}

function operatorJson({ operator }: { readonly operator?: string }, version: TrustRootParts["version"]): object {
  return version === "0.2" && operator !== undefined ? { operator } : {};
}

/** A protobuf TimeRange. */
export function windowJson({ startMs, endMs }: Window): object {
  return { start: time(startMs), ...(endMs !== undefined && { end: time(endMs) }) };
}

function time(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}
