import { digestOf, hashNames, TrustError, utf8, type Artifact } from "@countersign/core";
import { examineBundle, parseBundle } from "@countersign/sigstore";
import type { IdentityCheck } from "@countersign/tuf";
import { groundsOf } from "./grounds.ts";
import type { Trust } from "./trust.ts";

/**
 * What TUF takes to let Sigstore identities sign for its roles (TAP 18): a bundle over the very bytes that are signed, with
 * every check that a bundle for a file gets, by exactly the identity and issuer that the role's key names. Never throws a
 * TrustError: evidence that does not hold is no signature.
 */
export function tufIdentityCheck(trust: Trust, now: Date): IdentityCheck {
  return ({ identity, issuer, signedBytes, bundle }) => {
    const digests = hashNames.map((name) => digestOf(name, signedBytes));
    const artifact: Artifact = { name: "metadata", digests, bytes: signedBytes, size: signedBytes.length };
    try {
      const parsed = parseBundle(utf8(JSON.stringify(bundle)));
      if (parsed.material.kind !== "certificate" || parsed.content.kind !== "message") return undefined;
      const { root, require } = groundsOf(parsed, trust, undefined);
      const signer = examineBundle(parsed, artifact, root, { require, nowMs: now.getTime() }).claims?.signer;
      const isTheirs = signer?.kind === "certificate" && signer.identity.value === identity && signer.issuer === issuer;
      return isTheirs ? signer : undefined;
    } catch (error) {
      if (error instanceof TrustError) return undefined;
      throw error;
    }
  };
}
