import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/**
 * Copies the declarations that the umbrella API reaches into `dist/types/<package>/`, with the names of workspace
 * packages rewritten to relative paths: the packed package then needs no other one for its types.
 */
export function copyTypes(root: string, dist: string): void {
  const types = join(dist, "types");
  rmSync(types, { recursive: true, force: true });
  const waiting = [placeOf(root, types, "countersign", "index")];
  const done = new Set<string>();
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    if (done.has(place.to)) continue;
    done.add(place.to);
    waiting.push(...copyOne(root, types, place));
  }
}

interface Place {
  readonly packageName: string;
  readonly from: string;
  readonly to: string;
}

/** Writes one declaration file and returns those that it refers to. */
function copyOne(root: string, types: string, place: Place): Place[] {
  const reached: Place[] = [];
  const text = readFileSync(place.from, "utf8").replace(
    /(from |import\()"([^"]+)"/g,
    (whole, lead: string, specifier: string) => {
      const target = resolveSpecifier(root, types, place, specifier);
      if (target === undefined) return whole;
      reached.push(target);
      return `${lead}"${relativeSpecifier(place.to, target.to)}"`;
    },
  );
  mkdirSync(dirname(place.to), { recursive: true });
  writeFileSync(place.to, text);
  return reached;
}

function resolveSpecifier(root: string, types: string, place: Place, specifier: string): Place | undefined {
  const [, packageName, half] = /^@countersign\/([a-z-]+)(\/node)?$/.exec(specifier) ?? [];
  if (packageName !== undefined) return placeOf(root, types, packageName, half === undefined ? "index" : "index.node");
  if (!specifier.startsWith(".")) return undefined;
  const name = relative(join(types, place.packageName), resolve(dirname(place.to), specifier)).replace(
    /\.(ts|js)$/,
    "",
  );
  return placeOf(root, types, place.packageName, name);
}

function placeOf(root: string, types: string, packageName: string, name: string): Place {
  const folder =
    packageName === "countersign" ? join(root, "apps/cli/dist/.tsc") : join(root, "packages", packageName, "dist");
  return { packageName, from: join(folder, `${name}.d.ts`), to: join(types, packageName, `${name}.d.ts`) };
}

function relativeSpecifier(from: string, to: string): string {
  const path = relative(dirname(from), to)
    .replaceAll("\\", "/")
    .replace(/\.d\.ts$/, ".js");
  return path.startsWith(".") ? path : `./${path}`;
}
