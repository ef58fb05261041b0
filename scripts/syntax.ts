import { parseAst } from "rolldown/parseAst";

/** One node of the syntax tree (ESTree with TypeScript nodes), walked without knowing every shape. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** A node with the way down to it: `parents[0]` is the nearest. */
export interface Found {
  readonly node: SyntaxNode;
  readonly parents: readonly SyntaxNode[];
}

/** One TypeScript source file, parsed. */
export interface Source {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly found: readonly Found[];
}

/** One place where a file names another module. */
export interface Import {
  /** Undefined for `import(expression)`. */
  readonly specifier: string | undefined;
  readonly typeOnly: boolean;
  readonly line: number;
}

/** The syntax tree of a file, flattened in the order of the text. Throws a SyntaxError that names the file. */
export function parseSource(path: string, text: string): Source {
  const found: Found[] = [];
  collect(parse(path, text), [], found);
  return { path, text, found };
}

/** Every import, re-export, `import()` and `import("…")` type of a file. */
export function importsOf(source: Source): readonly Import[] {
  return source.found.filter(({ node }) => importTypes.has(node.type) && isNode(node["source"])).map(toImport(source));
}

/** The line of an offset, counted from 1. */
export function lineOf(source: Source, offset: number): number {
  return source.text.slice(0, offset).split("\n").length;
}

/** Whether the node is an identifier of this name. */
export function isIdentifier(value: unknown, name: string): boolean {
  return isNode(value) && value.type === "Identifier" && value["name"] === name;
}

/** Identifiers that stand for a value: neither a member's name nor a type. */
export function valueIdentifiers(source: Source): readonly Found[] {
  return source.found.filter((found) => found.node.type === "Identifier" && !isMemberName(found) && !isInType(found));
}

const importTypes = new Set([
  "ImportDeclaration",
  "ExportNamedDeclaration",
  "ExportAllDeclaration",
  "ImportExpression",
  "TSImportType",
]);

const namingTypes = new Set([
  "Property",
  "MethodDefinition",
  "PropertyDefinition",
  "ImportSpecifier",
  "ExportSpecifier",
]);

function parse(path: string, text: string): SyntaxNode {
  try {
    return parseAst(text, { lang: path.endsWith(".tsx") ? "tsx" : "ts" }, path) as unknown as SyntaxNode;
  } catch (error) {
    throw new SyntaxError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}

function collect(node: SyntaxNode, parents: readonly SyntaxNode[], found: Found[]): void {
  found.push({ node, parents });
  const below = [node, ...parents];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) collect(child, below, found);
  }
}

function toImport(source: Source): (found: Found) => Import {
  return ({ node }) => {
    const value = (node["source"] as SyntaxNode)["value"];
    const typeOnly = node["importKind"] === "type" || node["exportKind"] === "type" || node.type === "TSImportType";
    return { specifier: typeof value === "string" ? value : undefined, typeOnly, line: lineOf(source, node.start) };
  };
}

function isMemberName({ node, parents: [parent] }: Found): boolean {
  if (parent === undefined || parent["computed"] === true) return false;
  if (parent.type === "MemberExpression") return parent["property"] === node;
  if (parent["shorthand"] === true) return false;
  return namingTypes.has(parent.type) && (parent["key"] ?? parent["imported"] ?? parent["exported"]) === node;
}

function isInType({ parents: [parent] }: Found): boolean {
  return parent !== undefined && parent.type.startsWith("TS") && !expressionWrappers.has(parent.type);
}

/** TypeScript nodes that hold a value, such as `x as T`. */
const expressionWrappers = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSTypeAssertion",
  "TSInstantiationExpression",
  "TSParameterProperty",
]);

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}
