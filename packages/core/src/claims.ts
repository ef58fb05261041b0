import { coreError } from "./errors.ts";
import type { Json } from "./json.ts";
import type { Statement } from "./statement.ts";
import type { Digest } from "./digest.ts";

/**
 * What a verifier proved, as plain frozen JSON: no Date, no bytes, no functions.
 * Verifiers make it, policy reads it, neither imports the other.
 */
export interface Claims {
  /** Which verifier proved this. */
  readonly via: "sigstore" | "in-toto" | "tuf";
  /** Digests of the artifact that the signature was proved to cover, at least one. */
  readonly artifact: { readonly digests: readonly Digest[] };
  readonly signer: SignedBy;
  /** Every verified time at which the signature existed, in the order of the evidence. */
  readonly times: readonly VerifiedTime[];
  /** Every place where a log was proved to hold the entry, each once; one log may have several. */
  readonly logs: readonly LoggedIn[];
  /** Every CT log that was proved to have promised the certificate, one row a distinct log. */
  readonly scts: readonly { readonly logId: string; readonly operator?: string; readonly time: string }[];
  /** Only for attestations: the Statement whose bytes were signed. */
  readonly statement?: Statement;
  /** Only for in-toto: the layout that was met. Its first owner is the `signer`, its products are the artifact. */
  readonly layout?: LayoutMet;
  /** Only for TUF: where a repository lists the artifact. Its first signer is the `signer`. */
  readonly target?: TargetListed;
}

/** A file that a TUF repository was proved to list, by a role that may speak for it. */
export interface TargetListed {
  readonly name: string;
  /** In bytes. */
  readonly length: number;
  /** The roles from the top-level one to the one that lists it. */
  readonly rolePath: readonly string[];
  /** Version and expiry of the metadata that lists it. */
  readonly version: number;
  readonly expires: string;
  /** Everyone whose signature on that metadata counted. */
  readonly signers: readonly SignedBy[];
  /** Versions of the metadata under which it was found. */
  readonly under: { readonly root: number; readonly timestamp: number; readonly snapshot: number };
  /** By which time expiries were judged. */
  readonly time: string;
  /** What the repository says of it besides; signed, and otherwise its own affair. */
  readonly custom?: Json;
}

/** A layout of in-toto that a chain of links was proved to meet, and who did what in it. */
export interface LayoutMet {
  /** SHA-256 of the layout's signed bytes. */
  readonly digest: Digest;
  readonly expires: string;
  /** Everyone whose signature on the layout was asked for. */
  readonly owners: readonly SignedBy[];
  /** In the order of the layout; functionaries are those whose links were relied on. */
  readonly steps: readonly { readonly name: string; readonly functionaries: readonly SignedBy[] }[];
  /** Names of the inspections that were passed. */
  readonly inspections: readonly string[];
}

/** Who signed: a certified identity, or a key that the caller named. */
export type SignedBy =
  | {
      readonly kind: "certificate";
      readonly identity: { readonly type: "uri" | "email" | "other-name"; readonly value: string };
      readonly issuer: string;
      /** Fulcio extension claims by their documented name, such as `sourceRepositoryURI`; only those present. */
      readonly extensions: Readonly<Record<string, string>>;
      /** SHA-256 of the certificate's DER. */
      readonly fingerprint: Digest;
      /** The same of the certificate with the other ECDSA signature that holds, which anybody can put in (r, n - s); absent where its issuer signs otherwise. */
      readonly twin?: Digest;
      /** The key in the certificate: lower-case hex of the SHA-256 of its SubjectPublicKeyInfo. */
      readonly keyid: string;
      readonly notBefore: string;
      readonly notAfter: string;
    }
  | { readonly kind: "key"; readonly keyid: string; readonly algorithm: string };

/** A time and who stood for it. ISO 8601, UTC. */
export interface VerifiedTime {
  readonly source: "rfc3161" | "rekor-v1";
  readonly authority: string;
  readonly operator?: string;
  readonly time: string;
}

/** One log's verified word that it holds the entry. Sizes and indices are decimal strings (uint64). */
export interface LoggedIn {
  readonly origin: string;
  /** Standard base64 of the log id in the trust root. */
  readonly logId: string;
  readonly operator?: string;
  readonly entry: string;
  /** Position in the tree that was proved; absent if only a promise (SET) was given. */
  readonly index?: string;
  readonly treeSize?: string;
  readonly proof: "inclusion" | "promise" | "inclusion+promise";
  /** Names of the witnesses that were proved to have cosigned the tree; only where a policy named some. */
  readonly witnesses?: readonly string[];
}

/** How much independent word a verdict needs; each number counts distinct operators (or logs, where no operator is named). */
export interface Requirements {
  readonly scts: number;
  readonly logEntries: number;
  readonly times: number;
}

/** One thing that was looked at, for the report: `skipped` counts for nothing, in either direction. */
export interface Check {
  readonly name: string;
  readonly result: "passed" | "failed" | "skipped";
  readonly detail: string;
  readonly code?: string;
}

declare const verifiedBrand: unique symbol;
/** A value that `vouch` registered: branded for the compiler, and registered at run time, so that a copy is refused. */
export type Verified<T> = T & { readonly [verifiedBrand]: true };

const registered = new WeakSet<object>();

/** Freezes `value` deeply and registers it as proved. Call it only in a file named verify.ts, after the last check. */
export function vouch<T extends object>(value: T): Verified<T> {
  freezeDeep(value);
  registered.add(value);
  return value as Verified<T>;
}

/** Whether exactly this object came out of `vouch`: a spread copy or a JSON round trip did not. */
export function isVerified<T extends object>(value: T): value is Verified<T> {
  return registered.has(value);
}

/** Refuses what did not come out of `vouch`. */
export function checkVerified<T extends object>(value: T): Verified<T> {
  if (!isVerified(value)) throw coreError("CORE_NOT_VERIFIED");
  return value;
}

// By what was seen, not by what is frozen: a part that somebody froze at its surface is still soft inside.
function freezeDeep(value: object, seen: Set<object> = new Set()): void {
  if (seen.has(value)) return;
  seen.add(Object.freeze(value));
  for (const name of Object.keys(value)) {
    const inner: unknown = (value as Readonly<Record<string, unknown>>)[name];
    if (typeof inner === "object" && inner !== null) freezeDeep(inner, seen);
  }
}
