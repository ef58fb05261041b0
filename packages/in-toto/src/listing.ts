import { checkArtifactPath } from "./name.ts";
import type { Lister } from "./inspection.ts";

/** What declarative inspections can look at, by the word behind `countersign:`. */
export const declarativeListers: ReadonlyMap<string, Lister> = new Map([["dir", listDirectory]]);

/** The product's files below a directory, by their path in it; `.` is all of it. A directory that is not there has none. */
function listDirectory(product: Parameters<Lister>[0], target: string): ReturnType<Lister> {
  if (target === ".") return product.record();
  const prefix = `${checkArtifactPath(target.replace(/\/$/, ""))}/`;
  const below = [...product.record()].filter(([path]) => path.startsWith(prefix));
  return new Map(below.map(([path, hashes]) => [path.slice(prefix.length), hashes]));
}
