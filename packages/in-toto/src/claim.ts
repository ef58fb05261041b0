import { parseDigest, type Claims, type Digest, type SignedBy } from "@countersign/core";
import { inTotoError } from "./errors.ts";
import { readHashes } from "./hashes.ts";
import type { LayoutKey } from "./key.ts";
import type { LevelAnswer } from "./level.ts";
import type { Artifacts } from "./artifacts.ts";
import type { Link } from "./link.ts";
import type { Metadata } from "./metadata.ts";
import type { SignedBy as SignedStepBy } from "./step.ts";

/** Who was asked for, and in what. */
interface ClaimSource {
  readonly keys: readonly LayoutKey[];
  readonly layout: Metadata;
  readonly artifact?: readonly Digest[] | undefined;
}

/**
 * What a met layout proves, in the words that policies read: the owner who signed it, who signed for each step, and the
 * digests of what the last step produced, or of the one artifact that was asked about. Undefined if there are none.
 * Proves nothing itself.
 */
export function claimsOf({ keys, layout, artifact }: ClaimSource, level: LevelAnswer): Claims | undefined {
  const owners = keys.map(
    (key) => (key.check.kind === "sigstore" ? layout.proved?.signer : undefined) ?? signerOf(key),
  );
  const digests = artifact ?? digestsOf(level.link?.products ?? new Map());
  const [owner] = owners;
  if (owner === undefined || digests.length === 0) return undefined;
  return {
    via: "in-toto",
    artifact: { digests },
    signer: owner,
    times: layout.proved?.times ?? [],
    logs: layout.proved?.logs ?? [],
    scts: [],
    layout: {
      digest: level.report.digest,
      expires: level.report.expires ?? "",
      owners,
      steps: [...level.signed].map(([name, signed]) => ({ name, functionaries: signed.map(functionaryOf) })),
      inspections: level.report.inspections.map(({ name }) => name),
    },
  };
}

/** Proves that one of the artifact's digests is that of a product. Throws INTOTO_ARTIFACT_NOT_PRODUCED. */
export function checkProduced(artifact: readonly Digest[], { products }: Link): void {
  const known = new Set(digestsOf(products));
  if (!artifact.some((digest) => known.has(digest)))
    throw inTotoError("INTOTO_ARTIFACT_NOT_PRODUCED", { checked: artifact.join(" ") });
}

const commonStart = '{"sha256":"';
const commonChars = commonStart.length + 66;

function digestsOf(products: Artifacts): Digest[] {
  const digests = new Set<string>();
  for (const hashes of products.values()) {
    // No regular expression: there may be a million.
    const isCommon = hashes.length === commonChars && hashes.indexOf('"', commonStart.length) === commonChars - 2;
    if (isCommon && hashes.startsWith(commonStart)) digests.add(`sha256:${hashes.slice(commonStart.length, -2)}`);
    else
      for (const [name, hex] of readHashes(hashes))
        if (/^sha(?:256|384|512)$/.test(name)) digests.add(`${name}:${hex}`);
  }
  return [...digests].map(parseDigest);
}

function signerOf(key: LayoutKey): SignedBy {
  return { kind: "key", keyid: key.materialId, algorithm: algorithmOf(key) };
}

/** The key that signed may be a subkey of the one that is listed. */
function functionaryOf({ key, materialId, proved }: SignedStepBy): SignedBy {
  if (proved !== undefined) return proved.signer;
  return { kind: "key", keyid: materialId, algorithm: algorithmOf(key) };
}

function algorithmOf({ check, scheme }: LayoutKey): string {
  return check.kind === "plain" ? check.verifier.algorithm.name : scheme;
}
