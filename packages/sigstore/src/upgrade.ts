import { bundleMediaType, type Bundle, type LogEntry } from "./bundle.ts";
import { sigstoreError } from "./errors.ts";

/** A bundle in the current version, and what of the old one it leaves out. */
export interface Upgraded {
  readonly bundle: Bundle;
  /** Certificates above the signer's, which version 0.3 has no room for: a verifier takes them from its trust root. */
  readonly droppedCertificates: number;
}

/**
 * The same evidence as a bundle of version 0.3 (sigstore_bundle.proto): the signer's certificate alone, an inclusion proof with
 * checkpoint for every log entry, promises kept. Asks no log: an entry that carries only a promise is SIGSTORE_BUNDLE_NOT_UPGRADABLE.
 * Verifies nothing; what was false before is false afterwards.
 */
export function upgradeBundle(bundle: Bundle): Upgraded {
  for (const [index, entry] of bundle.entries.entries()) checkProof(entry, index);
  const { material } = bundle;
  const chain = material.kind === "certificate" ? material.chain : [];
  return {
    bundle: {
      ...bundle,
      mediaType: bundleMediaType,
      version: "0.3",
      material: material.kind === "certificate" ? { kind: "certificate", chain: chain.slice(0, 1) } : material,
    },
    droppedCertificates: Math.max(0, chain.length - 1),
  };
}

function checkProof({ proof }: LogEntry, index: number): void {
  if (proof?.checkpoint !== undefined) return;
  throw sigstoreError("SIGSTORE_BUNDLE_NOT_UPGRADABLE", {
    checked: `tlogEntries[${index}]`,
    expected: "an inclusion proof with a checkpoint",
    got: proof === undefined ? "only the log's promise" : "a proof without checkpoint",
  });
}
