import { readHashes } from "./hashes.ts";
import type { Hashes } from "./hashes.ts";
import type { Artifacts } from "./artifacts.ts";

/** How local artifacts differ from a link's products; names in order. All three empty: they are the same. */
export interface ProductMatch {
  readonly onlyInProducts: readonly string[];
  readonly notInProducts: readonly string[];
  /** In both, with a hash that differs, or with no algorithm in common. */
  readonly differ: readonly string[];
}

/** Compares local artifacts with the products of a link, by every algorithm that both have. Checks no signature. */
export function matchProducts(products: Artifacts, local: Artifacts): ProductMatch {
  return {
    onlyInProducts: [...products.keys()].filter((name) => !local.has(name)).sort(),
    notInProducts: [...local.keys()].filter((name) => !products.has(name)).sort(),
    differ: [...products].flatMap(([name, hashes]) => (isDifferent(hashes, local.get(name)) ? [name] : [])).sort(),
  };
}

function isDifferent(hashes: Hashes, local: Hashes | undefined): boolean {
  if (local === undefined || local === hashes) return false;
  const mine = readHashes(local);
  const common = [...readHashes(hashes)].filter(([algorithm]) => mine.has(algorithm));
  return common.length === 0 || common.some(([algorithm, hash]) => mine.get(algorithm) !== hash);
}
