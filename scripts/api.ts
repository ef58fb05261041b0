import { existsSync, globSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { parseSource, type Source, type SyntaxNode } from "./syntax.ts";

/** One name in the public face of a package. */
export interface ApiEntry {
  readonly name: string;
  /** Without comments and with single spaces; for what comes from another package, where it comes from. */
  readonly declaration: string;
}

/** The public face of a package and the declarations that its signatures reach. */
export interface Api {
  readonly exported: readonly ApiEntry[];
  /** Not exported, but part of a signature: a change here is a change of the face. */
  readonly reached: readonly ApiEntry[];
}

/** A published package: where it is and which declaration file its `.` export names. */
export interface PublishedPackage {
  readonly name: string;
  readonly folder: string;
  readonly index: string;
}

/** Every package and app of the workspace that is not private. */
export function publishedPackages(root: string): readonly PublishedPackage[] {
  return globSync("{packages,apps}/*/package.json", { cwd: root })
    .toSorted()
    .flatMap((path) => {
      const manifest = JSON.parse(readFileSync(join(root, path), "utf8")) as Manifest;
      if (manifest.private === true) return [];
      const types = manifest.exports?.["."]?.types ?? "./dist/index.d.ts";
      const folder = posix.dirname(path.replaceAll("\\", "/"));
      return [{ name: manifest.name, folder, index: posix.join(folder, types) }];
    });
}

/**
 * Reads the face of a package from its built declarations, following its own files from the index. What it re-exports
 * from another package is named, not opened. Throws a plain Error if a file is missing (build first).
 */
export function readApi(root: string, index: string): Api {
  const reader: Reader = { root, files: new Map(), exports: new Map() };
  const exports = exportsOf(reader, index);
  const exported = [...exports].map(([name, place]) => {
    const renamed = place.name === name || place.name === "*" ? "" : `${name}: `;
    return { name, declaration: renamed + declarationOf(reader, place) };
  });
  return { exported: exported.toSorted(byName), reached: reachedFrom(reader, [...exports.values()]).toSorted(byName) };
}

/** The snapshot's text: one declaration a line. */
export function formatApi(name: string, api: Api): string {
  const lines = (entries: readonly ApiEntry[]): string => entries.map((entry) => `${entry.declaration}\n`).join("");
  const reached = api.reached.length === 0 ? "" : `\n# not exported, but part of a signature\n${lines(api.reached)}`;
  return `# ${name}\n${lines(api.exported)}${reached}`;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, { readonly types?: string }>>;
}

interface Reader {
  readonly root: string;
  readonly files: Map<string, Module>;
  /** What each file exports; entered before it is filled, so that files may import each other. */
  readonly exports: Map<string, Map<string, Place>>;
}

/** Where a name is declared: in a file under a local name, or in another package. */
type Place = { readonly file: string; readonly name: string } | { readonly from: string; readonly name: string };

/** A name as an import brings it in, not followed yet. */
interface Imported {
  readonly statement: SyntaxNode;
  readonly name: string;
}

interface Module {
  readonly source: Source;
  readonly declared: ReadonlyMap<string, readonly SyntaxNode[]>;
  readonly imported: ReadonlyMap<string, Imported>;
  readonly body: readonly SyntaxNode[];
}

function exportsOf(reader: Reader, file: string): Map<string, Place> {
  const known = reader.exports.get(file);
  if (known !== undefined) return known;
  const module = read(reader, file);
  const found = new Map<string, Place>();
  reader.exports.set(file, found);
  for (const node of module.body) {
    if (node.type === "ExportAllDeclaration")
      for (const [name, place] of starExports(reader, file, node)) found.set(name, place);
    if (node.type !== "ExportNamedDeclaration") continue;
    for (const name of namesOf(node["declaration"] as SyntaxNode | null)) found.set(name, { file, name });
    for (const specifier of node["specifiers"] as readonly SyntaxNode[]) {
      const local = nameOf(specifier["local"]);
      const place = node["source"] === null ? resolveLocal(reader, file, local) : remote(reader, file, node, local);
      found.set(nameOf(specifier["exported"]), place);
    }
  }
  return found;
}

function starExports(reader: Reader, file: string, node: SyntaxNode): Iterable<[string, Place]> {
  const from = specifierOf(node);
  if (node["exported"] !== null) return [[nameOf(node["exported"]), { from, name: "*" }]];
  return from.startsWith(".") ? exportsOf(reader, besides(file, from)) : [[`* from ${from}`, { from, name: "*" }]];
}

function remote(reader: Reader, file: string, node: SyntaxNode, name: string): Place {
  const from = specifierOf(node);
  if (!from.startsWith(".")) return { from, name };
  return exportsOf(reader, besides(file, from)).get(name) ?? { file: besides(file, from), name };
}

function resolveLocal(reader: Reader, file: string, name: string): Place {
  const imported = read(reader, file).imported.get(name);
  return imported === undefined ? { file, name } : remote(reader, file, imported.statement, imported.name);
}

function declarationOf(reader: Reader, place: Place): string {
  if ("from" in place) return `export { ${place.name} } from "${place.from}"`;
  const module = read(reader, place.file);
  const nodes = module.declared.get(place.name) ?? [];
  if (nodes.length === 0) throw new Error(`${place.file}: ${place.name} is exported but not declared`);
  return nodes.map((node) => squeeze(module.source.text.slice(node.start, node.end))).join(" ");
}

/** Everything that the declarations mention and that is declared in the package's own files without being exported. */
function reachedFrom(reader: Reader, exported: readonly Place[]): ApiEntry[] {
  const seen = new Set(exported.map(keyOf));
  const queue = [...exported];
  const entries: ApiEntry[] = [];
  for (const place of queue) {
    for (const next of mentionedBy(reader, place)) {
      if (seen.has(keyOf(next))) continue;
      seen.add(keyOf(next));
      queue.push(next);
      entries.push({ name: next.name, declaration: declarationOf(reader, next) });
    }
  }
  return entries;
}

function mentionedBy(reader: Reader, place: Place): readonly Place[] {
  if ("from" in place) return [];
  const module = read(reader, place.file);
  const nodes = module.declared.get(place.name) ?? [];
  const inside = module.source.found.filter(({ node }) =>
    nodes.some((outer) => node.start >= outer.start && node.end <= outer.end),
  );
  const names = new Set(inside.flatMap(({ node }) => (node.type === "Identifier" ? [nameOf(node)] : [])));
  const known = [...names].filter((name) => module.imported.has(name) || module.declared.has(name));
  return known.map((name) => resolveLocal(reader, place.file, name)).filter((found) => !("from" in found));
}

function read(reader: Reader, file: string): Module {
  const known = reader.files.get(file);
  if (known !== undefined) return known;
  const path = join(reader.root, file);
  if (!existsSync(path)) throw new Error(`${file} does not exist: run "pnpm build" first`);
  const source = parseSource(file, readFileSync(path, "utf8"));
  const body = source.found[0]?.node["body"] as readonly SyntaxNode[];
  const module: Module = { source, body, declared: declaredIn(body), imported: importedIn(body) };
  reader.files.set(file, module);
  return module;
}

function declaredIn(body: readonly SyntaxNode[]): ReadonlyMap<string, readonly SyntaxNode[]> {
  const found = new Map<string, SyntaxNode[]>();
  for (const statement of body) {
    const inner =
      statement.type === "ExportNamedDeclaration" ? (statement["declaration"] as SyntaxNode | null) : statement;
    for (const name of namesOf(inner)) found.set(name, [...(found.get(name) ?? []), inner ?? statement]);
  }
  return found;
}

function importedIn(body: readonly SyntaxNode[]): ReadonlyMap<string, Imported> {
  const imports = body.filter((node) => node.type === "ImportDeclaration");
  return new Map(
    imports.flatMap((statement) =>
      (statement["specifiers"] as readonly SyntaxNode[]).map((specifier): [string, Imported] => [
        nameOf(specifier["local"]),
        { statement, name: nameOf(specifier["imported"] ?? { name: "*" }) },
      ]),
    ),
  );
}

/** The names that a declaration statement binds. */
function namesOf(node: SyntaxNode | null): readonly string[] {
  if (node === null) return [];
  if (node.type === "VariableDeclaration")
    return (node["declarations"] as readonly SyntaxNode[]).map(({ id }) => nameOf(id));
  return /Declaration$|^TSDeclareFunction$/.test(node.type) && node["id"] != null ? [nameOf(node["id"])] : [];
}

function specifierOf(node: SyntaxNode): string {
  return (node["source"] as { readonly value: string }).value;
}

/** A declaration file beside `file`: built declarations keep the `.ts` of the source they were made from. */
function besides(file: string, from: string): string {
  return posix.join(posix.dirname(file), from.replace(/(\.d)?\.[jt]s$/, ".d.ts"));
}

function keyOf(place: Place): string {
  return "from" in place ? `${place.from} ${place.name}` : `${place.file} ${place.name}`;
}

function nameOf(node: unknown): string {
  const { name, value } = node as { readonly name?: string; readonly value?: string };
  return name ?? value ?? "";
}

/** Drops comments (not what looks like one inside a string) and folds white space. */
function squeeze(text: string): string {
  const strings = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\/\*[\s\S]*?\*\/|\/\/.*/g;
  const bare = text.replace(strings, (match) => (match.startsWith("/") ? " " : match));
  return bare.replace(/\s+/g, " ").trim();
}

function byName(a: ApiEntry, b: ApiEntry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
