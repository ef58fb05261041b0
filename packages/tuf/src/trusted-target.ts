import { formatInstant } from "./time.ts";
import { targetAddresses } from "./target.ts";
import type { Digest, Json, SignedBy } from "@countersign/core";
import type { Found } from "./delegation.ts";
import type { SnapshotSet } from "./trusted-set.ts";

/** What a repository was proved to say of one target. The file itself has yet to be compared with it. */
export interface TrustedTarget {
  readonly name: string;
  /** In bytes. */
  readonly length: number;
  /** At least one; every one must fit. */
  readonly digests: readonly Digest[];
  /** The repository's own, signed. */
  readonly custom?: Json;
  /** The roles from the top-level one to the one that lists it. */
  readonly rolePath: readonly string[];
  /** Version and expiry of the metadata that lists it; the expiry as ISO 8601. */
  readonly version: number;
  readonly expires: string;
  /** Whose signatures on that metadata counted, distinct keys. */
  readonly signers: readonly SignedBy[];
  /** Versions of the metadata under which this was found. */
  readonly under: { readonly root: number; readonly timestamp: number; readonly snapshot: number };
  /** By which time all expiries were judged, ISO 8601. */
  readonly time: string;
  /** Where the repository may keep the file, below its targets address; not escaped. */
  readonly addresses: readonly string[];
}

const trusted = new WeakSet<TrustedTarget>();

/** Puts down what a search proved. Only for the engine: what comes out counts as proved in `verifyTarget`. */
export function trustTarget(name: string, found: Found, set: SnapshotSet): TrustedTarget {
  const { file, targets, rolePath } = found;
  const target: TrustedTarget = frozen({
    name,
    length: file.length,
    digests: file.digests,
    ...(file.custom === undefined ? {} : { custom: file.custom }),
    rolePath,
    version: targets.version,
    expires: formatInstant(targets.expiresMs),
    signers: targets.signed.flatMap(({ signer }) => (signer === undefined ? [] : [signer])),
    under: { root: set.root.version, timestamp: set.timestamp.version, snapshot: set.snapshot.version },
    time: formatInstant(set.nowMs),
    addresses: targetAddresses(name, file.digests, set.root.consistentSnapshot ? "consistent" : "plain"),
  });
  trusted.add(target);
  return target;
}

/** With all that is in it: what could still be changed would be vouched for as if it had been proved. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

/** Whether exactly this object came out of a search: a copy did not. */
export function isTrustedTarget(target: TrustedTarget): boolean {
  return trusted.has(target);
}
