import { hash, hex, quote, type Check, type Claims } from "@countersign/core";
import type { EvidenceReport } from "./report.ts";
import type { PeerSigner } from "./second-opinion.ts";

/** What `@sigstore/verify` does not look at or takes too lightly, and which of our checks does: the start of its name. */
const blindSpots: readonly (readonly [guard: string, check: string])[] = [
  // Media types that are not versions, members given twice or unknown, base64 with white space.
  ["form", "bundle"],
  ["statement", "statement"],
  ["subject", "subject"],
  ["key-hint", "key-hint"],
  // The window of a log's key, the entry's certificate or key, the checkpoint's name.
  ["log-entry", "log-entry["],
  ["log-operators", "log-entries"],
  ["timestamp", "timestamp["],
  ["time-operators", "times"],
  // codeSigning of the leaf, critical extensions.
  ["certificate-usage", "certificate-usage"],
  ["certificate-chain", "certificate-chain"],
  // What an image's evidence was made as.
  ["role", "role"],
];

/**
 * Our own checks of the other implementation's known weaknesses, apart from its verdict; and whether it read the same signer
 * as we did, letter for letter, so that its patterns for identities are never used.
 */
export function guardsOf(report: EvidenceReport, seen: PeerSigner): readonly Check[] {
  const guards = blindSpots.flatMap(([name, start]) => {
    const checks = report.checks.filter((check) => isOf(check, start));
    const check = checks.find(({ result }) => result === "failed") ?? checks[0];
    return check === undefined ? [] : [{ ...check, name }];
  });
  return report.claims === undefined ? guards : [...guards, sameSigner(report.claims, seen)];
}

function isOf({ name }: Check, start: string): boolean {
  return start.endsWith("[") ? name.startsWith(start) : name === start;
}

function sameSigner({ signer }: Claims, seen: PeerSigner): Check {
  const name = "same-signer";
  if (signer.kind === "key" && seen.kind === "key") {
    const keyid = hex(hash("sha256", seen.spki));
    return { name, result: keyid === signer.keyid ? "passed" : "failed", detail: `key ${keyid}` };
  }
  if (signer.kind !== "certificate" || seen.kind !== "certificate")
    return { name, result: "failed", detail: "a certificate for one, a key for the other" };
  const same = seen.identity === signer.identity.value && seen.issuer === signer.issuer;
  const { identity = "", issuer = "" } = seen;
  return { name, result: same ? "passed" : "failed", detail: `${quote(identity)} by ${quote(issuer)}` };
}
