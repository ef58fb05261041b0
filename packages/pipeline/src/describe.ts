import { attempt, hex, type Certificate } from "@countersign/core";
import {
  parseBundle,
  parseTimestamp,
  readIdentity,
  readStatement,
  type Bundle,
  type LogEntry,
} from "@countersign/sigstore";

/** What a bundle claims about itself. Nothing here was verified: whoever made the file chose every word. */
export interface BundleDescription {
  readonly verified: false;
  readonly mediaType: string;
  readonly signer:
    | {
        readonly kind: "certificate";
        readonly identities: readonly string[];
        readonly issuer?: string;
        /** What else the certificate says, by the names that a policy's `claims` have. */
        readonly extensions?: Readonly<Record<string, string>>;
        readonly notBefore: string;
        readonly notAfter: string;
      }
    | { readonly kind: "key"; readonly hint: string };
  readonly content:
    | { readonly kind: "message"; readonly digest?: string }
    | {
        readonly kind: "envelope";
        readonly payloadType: string;
        readonly predicateType?: string;
        readonly subjects: readonly SubjectDescription[];
      };
  readonly logEntries: readonly {
    readonly log: string;
    readonly kind: string;
    readonly index: string;
    readonly integratedTime?: string;
  }[];
  readonly timestamps: readonly string[];
}

/** One subject of an attestation, as it stands there. */
export interface SubjectDescription {
  readonly name?: string;
  readonly digest: Readonly<Record<string, string>>;
}

/** Reads a bundle for people: who, when, which log, which subjects. Proves nothing. */
export function describeBundle(bytes: Uint8Array): BundleDescription {
  const bundle = parseBundle(bytes);
  return {
    verified: false,
    mediaType: bundle.mediaType,
    signer:
      bundle.material.kind === "key"
        ? { kind: "key", hint: bundle.material.hint }
        : describeCertificate(bundle.material.chain[0] as Certificate),
    content: describeContent(bundle),
    logEntries: bundle.entries.map(describeEntry),
    timestamps: bundle.timestamps.map(
      (token) => attempt(() => new Date(parseTimestamp(token).timeMs).toISOString()) ?? "unreadable",
    ),
  };
}

function describeCertificate(leaf: Certificate): BundleDescription["signer"] {
  const signer = attempt(() => readIdentity(leaf));
  return {
    kind: "certificate",
    identities: leaf.subjectAltNames.map((name) => name.value),
    ...(signer && { issuer: signer.issuer, extensions: signer.extensions }),
    notBefore: new Date(leaf.notBeforeMs).toISOString(),
    notAfter: new Date(leaf.notAfterMs).toISOString(),
  };
}

function describeContent(bundle: Bundle): BundleDescription["content"] {
  const { content } = bundle;
  if (content.kind === "message")
    return { kind: "message", ...(content.digest === undefined ? {} : { digest: content.digest }) };
  const statement = attempt(() => readStatement(content.envelope));
  return {
    kind: "envelope",
    payloadType: content.envelope.payloadType,
    ...(statement === undefined ? {} : { predicateType: statement.predicateType }),
    subjects: statement?.subjects ?? [],
  };
}

function describeEntry(entry: LogEntry): BundleDescription["logEntries"][number] {
  const origin = entry.proof?.checkpoint?.split("\n", 1)[0];
  const seconds = entry.integratedTime;
  return {
    log: origin ?? `log id ${hex(entry.logId)}`,
    kind: `${entry.kind} ${entry.version}`,
    index: String(entry.logIndex),
    ...(seconds > 0n && seconds < 8_640_000_000_000n
      ? { integratedTime: new Date(Number(seconds) * 1000).toISOString() }
      : {}),
  };
}
