import { octets } from "./asn1.ts";
import { makeKeyPair, sha256, signWith } from "./keyring.ts";
import type { KeyPair } from "./keyring.ts";
import type { TrustedLog } from "./trusted-root.ts";

/** What a certificate transparency log signs, and how to deviate from it. */
export interface SctRequest {
  /** TBSCertificate of the final certificate without its SCT extension (RFC 6962 §3.2). */
  readonly tbs: Uint8Array;
  /** SubjectPublicKeyInfo of the certificate's issuer. */
  readonly issuerSpki: Uint8Array;
  readonly time: Date;
  /** CtExtensions; signed, usually empty (static CT puts a leaf index here). */
  readonly extensions?: Uint8Array;
  /** Signs with this key instead of the log's own. */
  readonly signer?: KeyPair;
  /** Names this log id instead of the log's own. */
  readonly logId?: Uint8Array;
}

/** A CT log that promises every precertificate it is shown. It keeps no tree: nobody asks for inclusion. */
export interface CtLog {
  readonly key: KeyPair;
  readonly logId: Uint8Array;
  /** This log as a trust root states it. */
  readonly trusted: TrustedLog;
  /** One serialised SignedCertificateTimestamp. */
  readonly promise: (request: SctRequest) => Uint8Array;
}

/** A CT log of its own, known to no trust root until a caller puts it there. */
export function makeCtLog(o: {
  readonly baseUrl: string;
  readonly start: Date;
  readonly key?: KeyPair;
  readonly operator?: string;
}): CtLog {
  const key = o.key ?? makeKeyPair("p256");
  const logId = sha256(key.spki);
  const trusted: TrustedLog = {
    baseUrl: o.baseUrl,
    key,
    logId,
    validFor: { start: o.start },
    ...(o.operator === undefined ? {} : { operator: o.operator }),
  };
  return { key, logId, trusted, promise: (request) => promise({ signer: key, logId, ...request }) };
}

/** SignedCertificateTimestampList inside its OCTET STRING, the value of the extension (RFC 6962 §3.3). */
export function formatSctList(scts: readonly Uint8Array[]): Uint8Array {
  const items = scts.map((sct) => Buffer.concat([uint(sct.length, 2), sct]));
  const list = Buffer.concat(items);
  return octets(Buffer.concat([uint(list.length, 2), list]));
}

function promise(request: SctRequest & { readonly signer: KeyPair; readonly logId: Uint8Array }): Uint8Array {
  const extensions = request.extensions ?? new Uint8Array(0);
  const time = uint(request.time.getTime(), 8);
  const trailer = Buffer.concat([uint(extensions.length, 2), extensions]);
  // digitally-signed struct of RFC 6962 §3.2: v1, certificate_timestamp, time, precert_entry, issuer key hash, TBS.
  const precert = Buffer.concat([sha256(request.issuerSpki), uint(request.tbs.length, 3), request.tbs]);
  const signed = Buffer.concat([Uint8Array.of(0, 0), time, uint(1, 2), precert, trailer]);
  const signature = signWith(request.signer, signed, "sha256");
  const scheme = Uint8Array.of(4, request.signer.kind === "rsa2048" ? 1 : 3);
  const parts = [Uint8Array.of(0), request.logId, time, trailer, scheme, uint(signature.length, 2), signature];
  return new Uint8Array(Buffer.concat(parts));
}

function uint(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(BigInt(value));
  return buffer.subarray(8 - bytes);
}
