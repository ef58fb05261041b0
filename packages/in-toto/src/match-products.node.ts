import { inTotoError } from "./errors.ts";
import { readHashes } from "./hashes.ts";
import { matchProducts } from "./match-products.ts";
import { proveMetadata, type BundleProver } from "./bundle.ts";
import { parseEvidence, type Metadata } from "./metadata.ts";
import { recordArtifacts } from "./record.node.ts";
import { checkSignature } from "./signature.ts";
import type { ArtifactHash } from "./file-hash.node.ts";
import type { Hashes } from "./hashes.ts";
import type { LayoutKey } from "./key.ts";
import type { Artifacts } from "./artifacts.ts";
import type { ProductMatch } from "./match-products.ts";
import type { RecordOptions } from "./record.node.ts";
import type { Skipped } from "./walk.node.ts";

/** What is compared with a link's products. */
export interface LocalProducts {
  /** Default: the base path and all below. */
  readonly paths?: readonly string[];
  /** Without `hashes`: the link's own are made. */
  readonly record?: Omit<RecordOptions, "hashes">;
  /** Who must have signed the link, all of them; without keys its signatures are not looked at, as in the reference. */
  readonly keys?: readonly LayoutKey[];
  /** For keys that expire. */
  readonly nowMs: number;
  /** Proves Sigstore bundles, for identities among the keys. */
  readonly bundles?: BundleProver;
}

/** The comparison, and who is known to have signed the link. */
export interface LocalMatch extends ProductMatch {
  readonly signers: readonly string[];
  readonly skipped: readonly Skipped[];
}

/**
 * Compares files with the products that a link (Metablock, DSSE or Sigstore bundle) lists. Rejects with the errors of
 * `parseEvidence`, `proveMetadata`, `checkSignature` and `recordArtifacts`, and INTOTO_METADATA_TYPE for a layout. What differs is in the result.
 */
export async function matchLocalProducts(bytes: Uint8Array, local: LocalProducts): Promise<LocalMatch> {
  const { keys = [], paths = ["."], nowMs } = local;
  const metadata = readLink(bytes, keys, local.bundles);
  for (const key of keys) checkSignature(metadata, key, nowMs);
  if (metadata.type !== "link") throw inTotoError("INTOTO_METADATA_TYPE", { expected: "link", got: metadata.type });
  const { products } = metadata.link;
  const { artifacts, skipped } = await recordArtifacts(paths, { ...local.record, hashes: hashesIn(products) });
  return { ...matchProducts(products, artifacts), signers: keys.map(({ keyid }) => keyid), skipped };
}

/** A bundle is proved for who should have signed it; there is no looking into one without. */
function readLink(bytes: Uint8Array, keys: readonly LayoutKey[], bundles: BundleProver | undefined): Metadata {
  const evidence = parseEvidence(bytes, "strict");
  if (evidence !== "bundle") return evidence;
  const [key] = keys;
  if (key === undefined || bundles === undefined)
    throw inTotoError("INTOTO_BUNDLE_UNTRUSTED", { checked: "link", expected: "whom it should be by", got: "nobody" });
  return proveMetadata(bytes, key, bundles);
}

const known: readonly ArtifactHash[] = ["sha256", "sha384", "sha512", "gitoid:blob:sha256"];

/** Nearly all artifacts of a link have the same algorithms: each text is looked at, but few are read. */
function hashesIn(products: Artifacts): readonly ArtifactHash[] {
  const names = new Set<string>();
  for (const hashes of products.values()) {
    if (!isSha256Alone(hashes)) for (const name of readHashes(hashes).keys()) names.add(name);
    else names.add("sha256");
  }
  const own = known.filter((name) => names.has(name));
  return own.length === 0 ? ["sha256"] : own;
}

function isSha256Alone(hashes: Hashes): boolean {
  return hashes.length === 77 && hashes.startsWith('{"sha256":"');
}
