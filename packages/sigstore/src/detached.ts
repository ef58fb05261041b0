import {
  base64,
  equalBytes,
  formatEnvelope,
  formatPem,
  hex,
  parseBase64,
  parseCertificate,
  parseEnvelope,
  parseHex,
  parseJson,
  parsePem,
  readObject,
  TrustError,
  utf8,
  type Certificate,
  type Detail,
  type ObjectReader,
} from "@countersign/core";
import { maxBundleBytes, maxChain, type Bundle, type Content, type Material } from "./bundle.ts";
import { sigstoreError } from "./errors.ts";
import type { Service } from "./signing-config.ts";
import type { LogEntry } from "./transparency-entry.ts";

/** A signature as cosign kept it before there were bundles: beside what was signed, each part a text of its own. */
export interface Detached {
  /** What was signed: a payload by itself, or a DSSE envelope that carries its signature. */
  readonly signed:
    | { readonly kind: "payload"; readonly signature: string }
    | { readonly kind: "envelope"; readonly bytes: Uint8Array };
  /** PEM of the signer's certificate; without one a key is meant. */
  readonly certificate?: string;
  /** PEM of what issued it. */
  readonly chain?: string;
  /** JSON: `{SignedEntryTimestamp, Payload: {body, integratedTime, logIndex, logID}}`. */
  readonly logBundle?: string;
  /** JSON: `{SignedRFC3161Timestamp}`. */
  readonly timestamp?: string;
  /**
   * What the timestamp may be over instead of the signature: of an image's attestation cosign before 3 stamps the whole envelope;
   * 3.1 stamps the signature, and its own verifier looks for the envelope.
   */
  readonly timestampOver?: "envelope";
}

/**
 * The same evidence as a bundle of version 0.1, which is judged like every other (cosign's SIGNATURE_SPEC.md). Self-issued
 * certificates in the chain are left out: trust begins at the trust root alone. Proves nothing but the form.
 * Throws SIGSTORE_DETACHED_MALFORMED.
 */
export function parseDetached(detached: Detached): Bundle {
  try {
    return {
      mediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
      version: "0.1",
      material: readMaterial(detached),
      content: readContent(detached.signed),
      entries: detached.logBundle === undefined ? [] : [readLogBundle(detached.logBundle)],
      timestamps: detached.timestamp === undefined ? [] : [readTimestamp(detached.timestamp)],
      ...timestampedIn(detached),
    };
  } catch (error) {
    if (!(error instanceof TrustError) || error.code === "SIGSTORE_DETACHED_MALFORMED") throw error;
    throw sigstoreError("SIGSTORE_DETACHED_MALFORMED", { got: error.message }, error);
  }
}

function timestampedIn({ signed, timestampOver }: Detached): Pick<Bundle, "timestamped"> {
  return timestampOver === "envelope" && signed.kind === "envelope" ? { timestamped: signed.bytes } : {};
}

/** A bundle's parts as cosign's older layouts keep them: the envelope's bytes, if it has one, and the layer's annotations. */
export interface FormattedDetached {
  readonly bytes: Uint8Array;
  readonly annotations: ReadonlyMap<string, string>;
}

/**
 * The inverse of `parseDetached`, for bundles whose log is Rekor v1: its promise is all that the older layouts have room
 * for. A bundle with another log entry is SIGSTORE_DETACHED_UNFIT; timestamps of an envelope are left out, since cosign
 * reads them as being over all of it.
 */
export function formatDetached(bundle: Bundle): FormattedDetached {
  const { content, material, entries, timestamps } = bundle;
  const [leaf] = material.kind === "certificate" ? material.chain : [];
  const [timestamp] = content.kind === "message" ? timestamps : [];
  const signature = content.kind === "message" ? base64(content.signature) : "";
  const annotations = new Map([["dev.cosignproject.cosign/signature", signature]]);
  if (leaf !== undefined) annotations.set("dev.sigstore.cosign/certificate", formatPem("CERTIFICATE", leaf.raw));
  if (entries.length > 0) annotations.set("dev.sigstore.cosign/bundle", formatLogBundle(entries));
  if (timestamp !== undefined)
    annotations.set(
      "dev.sigstore.cosign/rfc3161timestamp",
      JSON.stringify({ SignedRFC3161Timestamp: base64(timestamp) }),
    );
  const bytes = content.kind === "envelope" ? utf8(JSON.stringify(formatEnvelope(content.envelope))) : new Uint8Array();
  return { bytes, annotations };
}

/** Refuses (SIGSTORE_DETACHED_UNFIT) logs whose entries `formatDetached` would have no room for: before they have any. */
export function checkDetachable(logs: readonly Pick<Service, "majorApiVersion">[]): void {
  if (logs.length <= 1 && logs.every(({ majorApiVersion }) => majorApiVersion === 1)) return;
  throw unfit();
}

function unfit(): TrustError {
  return sigstoreError("SIGSTORE_DETACHED_UNFIT", { expected: "one entry of Rekor v1, with its promise" });
}

function formatLogBundle([entry, ...others]: readonly LogEntry[]): string {
  if (entry?.promise === undefined || others.length > 0) throw unfit();
  const { body, integratedTime, logIndex, logId } = entry;
  return JSON.stringify({
    SignedEntryTimestamp: base64(entry.promise),
    Payload: {
      body: base64(body),
      integratedTime: Number(integratedTime),
      logIndex: Number(logIndex),
      logID: hex(logId),
    },
  });
}

function malformed(detail: Detail): TrustError {
  return sigstoreError("SIGSTORE_DETACHED_MALFORMED", detail);
}

function readMaterial({ certificate, chain }: Detached): Material {
  if (certificate === undefined || certificate === "") return { kind: "key", hint: "" };
  const [leaf, ...others] = readCertificates(certificate);
  if (leaf === undefined || others.length > 0) throw malformed({ checked: "certificate", expected: "one" });
  const issuers = readCertificates(chain ?? "").filter((each) => !equalBytes(each.issuer, each.subject));
  return { kind: "certificate", chain: [leaf, ...issuers] };
}

function readCertificates(pem: string): readonly Certificate[] {
  if (pem.trim() === "") return [];
  const blocks = parsePem(pem);
  if (blocks.length > maxChain) throw malformed({ checked: "chain", expected: `at most ${maxChain}` });
  return blocks.map(({ label, bytes }) => {
    if (label !== "CERTIFICATE") throw malformed({ checked: "PEM", expected: "CERTIFICATE" });
    return parseCertificate(bytes);
  });
}

function readContent(signed: Detached["signed"]): Content {
  if (signed.kind === "payload") {
    const signature = parseBase64(signed.signature);
    if (signature.length === 0) throw malformed({ checked: "signature", got: "nothing" });
    return { kind: "message", signature };
  }
  const envelope = parseEnvelope(parseJson(signed.bytes, { maxBytes: maxBundleBytes }));
  if (envelope.signatures.length !== 1) throw malformed({ checked: "signatures", expected: "one" });
  return { kind: "envelope", envelope };
}

function readLogBundle(text: string): LogEntry {
  const reader = readObject(parseJson(text, { maxBytes: maxBundleBytes }), "log bundle", malformed);
  const payload = reader.object("Payload");
  const body = payload.bytes("body");
  const entry: LogEntry = {
    ...kindOf(body),
    logIndex: readCount(payload, "logIndex"),
    logId: readLogId(payload.string("logID")),
    integratedTime: readCount(payload, "integratedTime"),
    promise: reader.bytes("SignedEntryTimestamp"),
    body,
  };
  payload.refuseUnknown();
  reader.refuseUnknown();
  return entry;
}

/** What the entry says it is; whether it is that is checked with the rest of it. */
function kindOf(body: Uint8Array): Pick<LogEntry, "kind" | "version"> {
  const reader = readObject(parseJson(body, { maxBytes: maxBundleBytes }), "log entry", malformed);
  return { kind: reader.string("kind"), version: reader.string("apiVersion") };
}

function readLogId(text: string): Uint8Array {
  const bytes = parseHex(text);
  if (bytes.length !== 32) throw malformed({ checked: "logID", expected: "32 bytes", got: `${bytes.length}` });
  return bytes;
}

function readCount(reader: ObjectReader, name: string): bigint {
  const count = reader.integer(name);
  if (count < 0n) throw malformed({ checked: name, expected: "not negative" });
  return count;
}

function readTimestamp(text: string): Uint8Array {
  const reader = readObject(parseJson(text, { maxBytes: maxBundleBytes }), "timestamp", malformed);
  return reader.bytes("SignedRFC3161Timestamp");
}
