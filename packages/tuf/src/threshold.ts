import { quote, type JsonObject, type SignedBy, type Verifier } from "@countersign/core";
import { tufError } from "./errors.ts";
import type { Key } from "./key.ts";
import type { Metadata, MetadataSignature } from "./metadata.ts";
import type { Role } from "./role.ts";

/** Whose word counts for a role: the role as root or a delegator describes it, and the keys that the same file lists. */
export interface RoleTrust {
  /** For messages and reports. */
  readonly name: string;
  readonly role: Role;
  readonly keys: ReadonlyMap<string, Key>;
}

/**
 * Who is asked whether a Sigstore identity signed (TAP 18): gives what was proved of the signer, or undefined. Must check bytes,
 * identity and issuer, and not throw.
 */
export type IdentityCheck = (claim: IdentityClaim) => SignedBy | undefined;

/** What an identity is said to have signed. */
export interface IdentityClaim {
  readonly identity: string;
  readonly issuer: string;
  /** Bytes that the bundle must be over. */
  readonly signedBytes: Uint8Array;
  /** A Sigstore bundle as JSON, unverified. */
  readonly bundle: JsonObject;
}

/** How each key that a role names fared. */
export interface SignatureResult {
  readonly keyid: string;
  readonly result: "good" | "bad" | "absent" | "unusable" | "same-key" | "unlisted";
  readonly detail?: string;
  /** Only of a good one: the key by its SubjectPublicKeyInfo, or the identity. */
  readonly signer?: SignedBy;
}

/**
 * Proves that enough of a role's keys signed the metadata. Counted are distinct public keys (or identities), not key ids,
 * of which anyone may give one key several. Returns how every key fared. Does not check what was signed.
 * Throws TUF_THRESHOLD.
 */
export function checkThreshold(
  metadata: Metadata,
  trust: RoleTrust,
  identityCheck?: IdentityCheck,
): readonly SignatureResult[] {
  const results = judgeSignatures(metadata, trust, identityCheck);
  const good = results.filter(({ result }) => result === "good").length;
  if (good >= trust.role.threshold) return results;
  const why = results.map(({ keyid, result }) => `${quote(keyid.slice(0, 16))} ${result}`).join(", ");
  throw tufError("TUF_THRESHOLD", {
    checked: `${trust.name} version ${metadata.version}`,
    expected: `${trust.role.threshold} distinct keys`,
    got: `${good}${why === "" ? "" : ` (${why})`}`,
  });
}

/** How every key that the role names fared; of keys that are the same only the first good one is `good`. Throws nothing. */
export function judgeSignatures(
  metadata: Metadata,
  trust: RoleTrust,
  identityCheck?: IdentityCheck,
): readonly SignatureResult[] {
  const counted = new Set<string>();
  return trust.role.keyids.map((keyid): SignatureResult => {
    const key = trust.keys.get(keyid);
    if (key === undefined) return { keyid, result: "unlisted", detail: "the role names a key that is not there" };
    const signature = metadata.signatures.get(keyid);
    if (signature === undefined) return { keyid, result: "absent" };
    return judge({
      key,
      signature,
      signedBytes: metadata.signedBytes,
      counted,
      ...(identityCheck && { identityCheck }),
    });
  });
}

interface Judging {
  readonly key: Key;
  readonly signature: MetadataSignature;
  readonly signedBytes: Uint8Array;
  /** Keys that have counted already. */
  readonly counted: Set<string>;
  readonly identityCheck?: IdentityCheck;
}

function judge({ key, signature, signedBytes, counted, identityCheck }: Judging): SignatureResult {
  const { keyid } = key;
  const use = key.use();
  if (use.kind === "unusable") return { keyid, result: "unusable", detail: use.reason };
  if (use.kind === "identity" && identityCheck === undefined)
    return { keyid, result: "unusable", detail: "Sigstore identities are not switched on" };
  if (counted.has(use.material)) return { keyid, result: "same-key", detail: "this key has counted under another id" };
  const signer =
    use.kind === "verifier"
      ? keySigned(use.verifier, signedBytes, signature)
      : identitySigned({ identity: use.identity, issuer: use.issuer, signedBytes }, signature, identityCheck);
  if (signer === undefined)
    return { keyid, result: signature.sig.length === 0 && use.kind === "verifier" ? "absent" : "bad" };
  counted.add(use.material);
  return { keyid, result: "good", signer };
}

function keySigned(verifier: Verifier, signedBytes: Uint8Array, { sig }: MetadataSignature): SignedBy | undefined {
  const isGood = sig.length > 0 && verifier.verify(signedBytes, sig);
  return isGood ? { kind: "key", keyid: verifier.keyid, algorithm: verifier.algorithm.name } : undefined;
}

/** The bundle stands beside the signature (securesystemslib) or in its place (TAP 18). */
function identitySigned(
  claim: Omit<IdentityClaim, "bundle">,
  { json }: MetadataSignature,
  identityCheck: IdentityCheck | undefined,
): SignedBy | undefined {
  const bundle = Object.hasOwn(json, "bundle") ? json["bundle"] : json["sig"];
  if (typeof bundle !== "object" || bundle === null || Array.isArray(bundle)) return undefined;
  return identityCheck?.({ ...claim, bundle: bundle as JsonObject });
}
