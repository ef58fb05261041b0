import { globSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { confined, layers, maxLines, vouchers, vouchHomes, worldFile, type Layer } from "./layer-table.ts";
import { reportAndExit, repositoryRoot } from "./report.ts";
import { importsOf, isIdentifier, lineOf, parseSource, valueIdentifiers } from "./syntax.ts";
import type { Found, Import, Source } from "./syntax.ts";

/** A file as the check sees it: path relative to the repository, with `/`. */
export interface File {
  readonly path: string;
  readonly text: string;
}

interface Room {
  readonly folder: string;
  readonly name: string;
  readonly layer: Layer;
  /** Tests, benches and testkit: free of the rules that guard what is shipped. */
  readonly isTest: boolean;
  readonly isNode: boolean;
}

/**
 * What breaks the rules of docs/architecture.md, one line a violation, each beginning with `path:line: rule N:`.
 *
 * Test files (`*.test.ts`, `*.contract.ts`, `bench/`, testkit) are exempt from rules 3 and 5 and from the list of outside packages in
 * rule 1, and may import testkit and local-sigstore besides their own layer. Rule 2 holds for them too; of rule 4 only
 * `*.test.ts` is free. The line limit is for what is not a test.
 */
export function checkLayers(files: readonly File[]): readonly string[] {
  const doors = packageDoors(files);
  return files.flatMap((file) => {
    const room = roomOf(file.path);
    if (room === undefined)
      return [`${file.path}:1: rule 1: this folder is not in scripts/layer-table.ts, enter it there`];
    if (posix.basename(file.path) === "package.json") return checkManifest(file, room);
    return [...checkSource(parseSource(file.path, file.text), room, doors), ...checkLength(file, room)];
  });
}

/** The files of packages/ and apps/ that `checkLayers` reads: sources, benches and package.json. */
export function readFiles(root: string): readonly File[] {
  const patterns = ["packages/*/{src,bench}/**/*.ts", "apps/*/{src,bench}/**/*.ts", "{packages,apps}/*/package.json"];
  const paths = globSync(patterns, { cwd: root }).map((path) => path.replaceAll("\\", "/"));
  return paths.toSorted().map((path) => ({ path, text: readFileSync(`${root}/${path}`, "utf8") }));
}

function roomOf(path: string): Room | undefined {
  const [top = "", name = ""] = path.split("/");
  const folder = `${top}/${name}`;
  const layer = layers.get(folder);
  if (layer === undefined) return undefined;
  const isTest = /\.(test|contract)\.ts$/.test(path) || path.startsWith(`${folder}/bench/`) || name === "testkit";
  return { folder, name, layer, isTest, isNode: isTest || layer.nodeOnly === true || path.endsWith(".node.ts") };
}

function checkSource(source: Source, room: Room, doors: ReadonlySet<string>): readonly string[] {
  const lines = importsOf(source).flatMap((found) =>
    checkImport(found, source.path, room, doors).map((says) => `${source.path}:${found.line}: ${says}`),
  );
  return [...lines, ...checkVouch(source), ...checkGlobals(source, room)];
}

function checkImport(found: Import, path: string, room: Room, doors: ReadonlySet<string>): readonly string[] {
  const { specifier } = found;
  if (specifier === undefined)
    return room.isTest ? [] : ["rule 1: an import whose target is computed cannot be checked"];
  if (specifier.startsWith(".")) return checkRelative(found, path, room);
  if (specifier.startsWith("#")) return [];
  if (isBuiltin(specifier)) {
    return room.isNode ? [] : [`rule 3: ${specifier} belongs in a *.node.ts file`];
  }
  if (specifier.startsWith("@countersign/")) return checkSibling(specifier, room, doors);
  return checkOutside(specifier, path, room);
}

function checkRelative(found: Import, path: string, room: Room): readonly string[] {
  const target = posix.join(posix.dirname(path), found.specifier ?? "");
  if (!target.startsWith(`${room.folder}/`)) {
    return [`rule 2: ${found.specifier} leaves the package, import @countersign/<name> instead`];
  }
  if (target.endsWith(".node.ts") && !found.typeOnly && !room.isNode) {
    return [`rule 3: ${found.specifier} pulls node: into a file that must run in a browser`];
  }
  return [];
}

function checkSibling(specifier: string, room: Room, doors: ReadonlySet<string>): readonly string[] {
  const name = specifier.split("/")[1] ?? "";
  if (!doors.has(specifier)) return [`rule 2: ${specifier} is the inside of a package, import a name that it exports`];
  const forTests = room.isTest && (name === "testkit" || name === "local-sigstore");
  if (name === room.name || forTests || room.layer.mayImport.includes(name)) return [];
  return [`rule 1: ${room.name} may not import ${name}`];
}

function checkOutside(specifier: string, path: string, room: Room): readonly string[] {
  if (room.isTest) return [];
  const name = packageOf(specifier);
  if (!room.layer.outside.includes(name)) {
    return [
      `rule 1: ${room.name} may not import ${name}: enter it in the table and in docs/decisions/0002-dependencies.md`,
    ];
  }
  const only = confined.get(name);
  return only === undefined || only.test(path)
    ? []
    : [`rule 1: ${name} belongs only in files that match ${only.source}`];
}

function checkManifest(file: File, room: Room): readonly string[] {
  const manifest = JSON.parse(file.text) as { dependencies?: Readonly<Record<string, string>> };
  const names = Object.keys(manifest.dependencies ?? {});
  const bad = names.filter((name) =>
    name.startsWith("@countersign/")
      ? !room.layer.mayImport.includes(name.slice("@countersign/".length))
      : !room.layer.outside.includes(name),
  );
  return bad.map((name) => `${file.path}:1: rule 1: ${room.name} may not depend on ${name}`);
}

function checkVouch(source: Source): readonly string[] {
  if (source.path.endsWith(".test.ts") || vouchHomes.has(source.path)) return [];
  const uses = source.found.filter(({ node }) => isIdentifier(node, "vouch") || node["value"] === "vouch");
  if (!vouchers.has(source.path)) {
    return uses.slice(0, 1).map((found) => at(source, found, "rule 4: vouch belongs in verify.ts"));
  }
  const renamed = source.found.filter(
    ({ node }) => isIdentifier(node["imported"], "vouch") && !isIdentifier(node["local"], "vouch"),
  );
  const made = uses.filter(({ parents: [parent] }) => parent?.type !== "ImportSpecifier");
  return [
    ...renamed.map((found) => at(source, found, "rule 4: vouch keeps its name, so that a search finds it")),
    ...made.slice(1).map((found) => at(source, found, "rule 4: trust is made in one place, this is a second vouch()")),
  ];
}

function checkGlobals(source: Source, room: Room): readonly string[] {
  if (room.isTest || room.layer.nodeOnly === true) return [];
  return valueIdentifiers(source).flatMap((found) => {
    const says = badGlobal(found, room, worldFile.test(source.path));
    return says === undefined ? [] : [at(source, found, says)];
  });
}

function badGlobal(found: Found, room: Room, isWorld: boolean): string | undefined {
  const name = found.node["name"] as string;
  const member = globalMember(found);
  const reached = name === "globalThis" || name === "self" || name === "window" ? member : name;
  if (!room.isNode && nodeGlobals.has(reached))
    return `rule 3: ${reached} exists only in Node, move this to a *.node.ts file`;
  if (isWorld) return undefined;
  if (reached === "process" && member === "env") return "rule 5: process.env must be an argument";
  if (banned.has(reached)) return `rule 5: ${reached} must be an argument (and its parameter needs another name)`;
  if (reached === "Math" && (member === "random" || member === "")) return "rule 5: Math.random must be an argument";
  if (reached === "Date" && !isPureDate(found)) return "rule 5: the clock must be an argument";
  return undefined;
}

const nodeGlobals = new Set(["Buffer", "process", "setImmediate"]);
const banned = new Set(["fetch", "XMLHttpRequest", "WebSocket", "EventSource", "console", "performance"]);

/** The name after the dot, or "" if there is none that can be read. */
function globalMember({ node, parents: [parent] }: Found): string {
  if (parent?.type !== "MemberExpression" || parent["object"] !== node) return "";
  const property = parent["property"] as { readonly name?: string; readonly value?: string };
  return (parent["computed"] === true ? property.value : property.name) ?? "";
}

/** `new Date(something)`, `Date.UTC`, `Date.parse` and `instanceof Date` read no clock. */
function isPureDate(found: Found): boolean {
  const parent = found.parents[0];
  if (parent?.type === "NewExpression") return (parent["arguments"] as readonly unknown[]).length > 0;
  if (parent?.type === "BinaryExpression") return parent["operator"] === "instanceof";
  return ["UTC", "parse"].includes(globalMember(found));
}

function checkLength(file: File, room: Room): readonly string[] {
  const count = file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
  if (room.isTest || count <= maxLines) return [];
  return [`${file.path}:${count}: ${count} lines, the ceiling is ${maxLines}: does it hold one idea?`];
}

function packageDoors(files: readonly File[]): ReadonlySet<string> {
  const manifests = files.filter((file) => posix.basename(file.path) === "package.json");
  return new Set(manifests.flatMap(({ text }) => doorsOf(JSON.parse(text) as { name: string; exports?: object })));
}

function doorsOf(manifest: { readonly name: string; readonly exports?: object }): readonly string[] {
  const doors = Object.keys(manifest.exports ?? {}).filter((door) => door !== "./package.json");
  return doors.map((door) => posix.join(manifest.name, door));
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function at(source: Source, found: Found, says: string): string {
  return `${source.path}:${lineOf(source, found.node.start)}: ${says}`;
}

if (import.meta.main) {
  const files = readFiles(repositoryRoot);
  reportAndExit("layers", checkLayers(files), `${files.length} files`);
}
