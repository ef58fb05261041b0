import { base64, equalBytes, formatPrecertTbs, concatBytes, hash, type Certificate } from "@countersign/core";
import { sigstoreError } from "./errors.ts";
import type { Log } from "./trust-root.ts";
import { isWithin } from "./window.ts";

/** The most SCTs that are read from one certificate. */
export const maxScts: number = 16;

/** One signed certificate timestamp as it stands in a certificate (RFC 6962 §3.2): unverified. */
export interface Sct {
  readonly logId: Uint8Array;
  readonly timestampMs: number;
  readonly extensions: Uint8Array;
  readonly hashAlgorithm: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

/** Parses a SignedCertificateTimestampList (RFC 6962 §3.3): uint16 lengths, big-endian, nothing left over. */
export function parseSctList(list: Uint8Array): readonly Sct[] {
  const whole = new Cursor(list);
  const inner = new Cursor(whole.vector());
  whole.end();
  const scts: Sct[] = [];
  while (inner.left() > 0) {
    if (scts.length === maxScts) throw sigstoreError("SIGSTORE_SCT_MALFORMED", { expected: `at most ${maxScts} SCTs` });
    scts.push(parseSct(inner.vector()));
  }
  if (scts.length === 0) throw sigstoreError("SIGSTORE_SCT_MALFORMED", { got: "an empty list" });
  return scts;
}

/**
 * Proves that one of `logs` (those with the SCT's log id), valid at the SCT's own time, promised the precertificate
 * of `leaf` under `issuer` (RFC 6962 §3.2), and returns it. Does not check that the promise was kept.
 */
export function checkSct(sct: Sct, leaf: Certificate, issuer: Certificate, logs: readonly Log[]): Log {
  const at = new Date(sct.timestampMs).toISOString();
  const valid = logs.filter((log) => isWithin(log.validFor, sct.timestampMs));
  if (valid.length === 0) throw sigstoreError("SIGSTORE_SCT_WINDOW", { got: at });
  const data = signedData(sct, leaf, issuer);
  const log = valid.find((each) => isKnownPair(sct, each) && each.verifier.verify(data, sct.signature));
  if (log === undefined)
    throw sigstoreError("SIGSTORE_SCT_INVALID", { checked: `SCT of ${base64(sct.logId)} at ${at}` });
  return log;
}

/** The logs whose id is the SCT's: none means that the trust root does not know it. */
export function logsOfSct(sct: Sct, logs: readonly Log[]): readonly Log[] {
  return logs.filter((log) => equalBytes(log.logId, sct.logId));
}

// RFC 5246 §7.4.1.4.1: hash 4 is SHA-256; signature 3 is ECDSA, 1 is RSA.
function isKnownPair(sct: Sct, log: Log): boolean {
  const expected = log.verifier.algorithm.name.startsWith("ecdsa") ? 3 : 1;
  return sct.hashAlgorithm === 4 && sct.signatureAlgorithm === expected;
}

function signedData(sct: Sct, leaf: Certificate, issuer: Certificate): Uint8Array {
  const tbs = formatPrecertTbs(leaf);
  const head = new Uint8Array(12);
  const view = new DataView(head.buffer);
  view.setBigUint64(2, BigInt(sct.timestampMs));
  view.setUint16(10, 1);
  const tail = Uint8Array.of(sct.extensions.length >> 8, sct.extensions.length & 0xff);
  const length = Uint8Array.of(tbs.length >> 16, (tbs.length >> 8) & 0xff, tbs.length & 0xff);
  return concatBytes(head, hash("sha256", issuer.spki), length, tbs, tail, sct.extensions);
}

function parseSct(bytes: Uint8Array): Sct {
  const cursor = new Cursor(bytes);
  const [version] = cursor.take(1);
  if (version !== 0)
    throw sigstoreError("SIGSTORE_SCT_MALFORMED", { checked: "version", expected: "0", got: String(version) });
  const logId = cursor.take(32);
  const timestampMs = readTime(cursor.take(8));
  const extensions = cursor.vector();
  const [hashAlgorithm = -1, signatureAlgorithm = -1] = cursor.take(2);
  const signature = cursor.vector();
  cursor.end();
  return { logId, timestampMs, extensions, hashAlgorithm, signatureAlgorithm, signature };
}

/** The largest time a JavaScript Date holds, in milliseconds. */
const maxTimeMs = 8_640_000_000_000_000n;

function readTime(bytes: Uint8Array): number {
  const time = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  if (time > maxTimeMs) throw sigstoreError("SIGSTORE_SCT_MALFORMED", { checked: "timestamp", got: String(time) });
  return Number(time);
}

// A class for speed alone: four closures for each SCT cost more than what they read.
class Cursor {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(count: number): Uint8Array {
    const from = this.#at;
    if (from + count > this.#bytes.length)
      throw sigstoreError("SIGSTORE_SCT_MALFORMED", { expected: `${count} more bytes`, got: String(this.left()) });
    this.#at = from + count;
    return this.#bytes.subarray(from, this.#at);
  }

  vector(): Uint8Array {
    const [high = 0, low = 0] = this.take(2);
    return this.take((high << 8) | low);
  }

  left(): number {
    return this.#bytes.length - this.#at;
  }

  end(): void {
    if (this.left() > 0) throw sigstoreError("SIGSTORE_SCT_MALFORMED", { got: `${this.left()} bytes too many` });
  }
}
