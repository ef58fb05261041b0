import { digestName, quote, vouch, type Artifact, type Claims, type Verified } from "@countersign/core";
import { tufError } from "./errors.ts";
import { isTrustedTarget, type TrustedTarget } from "./trusted-target.ts";

/**
 * Proves that a file is the target that an updater found: its length and every hash that the metadata lists. What the updater
 * proved before (signatures, versions, expiries from the anchor to the role that lists it) becomes claims of the file. Its name is
 * not compared. Throws TUF_TARGET_UNPROVED for anything but an updater's own finding, TUF_TARGET_UNHASHED, TUF_TARGET_LENGTH and
 * TUF_TARGET_HASH.
 */
export function verifyTarget(target: TrustedTarget, artifact: Artifact): Verified<Claims> {
  if (!isTrustedTarget(target)) throw tufError("TUF_TARGET_UNPROVED", { checked: quote(target.name) });
  checkLength(target, artifact);
  checkDigests(target, artifact);
  return vouch(claimsOf(target));
}

function checkLength({ name, length }: TrustedTarget, { size, bytes }: Artifact): void {
  const got = size ?? bytes?.length;
  if (got === length) return;
  throw tufError("TUF_TARGET_LENGTH", {
    checked: quote(name),
    expected: `${length} bytes`,
    got: String(got ?? "unknown"),
  });
}

function checkDigests({ name, digests }: TrustedTarget, artifact: Artifact): void {
  for (const expected of digests) {
    const got = artifact.digests.find((digest) => digestName(digest) === digestName(expected));
    if (got === undefined)
      throw tufError("TUF_TARGET_UNHASHED", { checked: quote(name), expected: digestName(expected) });
    if (got !== expected) throw tufError("TUF_TARGET_HASH", { checked: quote(name), expected, got });
  }
}

/** The first signer stands for all: the metadata says how many must have signed, and that many have. */
function claimsOf(target: TrustedTarget): Claims {
  const { name, length, digests, custom, rolePath, version, expires, signers, under, time } = target;
  const [signer] = signers;
  // A threshold is at least 1, and was met.
  if (signer === undefined) throw tufError("TUF_TARGET_UNPROVED", { checked: quote(name) });
  const listed = {
    name,
    length,
    rolePath: [...rolePath],
    version,
    expires,
    signers: [...signers],
    under: { ...under },
    time,
  };
  return {
    via: "tuf",
    artifact: { digests: [...digests] },
    signer,
    times: [],
    logs: [],
    scts: [],
    target: custom === undefined ? listed : { ...listed, custom: structuredClone(custom) },
  };
}
