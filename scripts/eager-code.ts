import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAst } from "rolldown/parseAst";

/** Where the functions start that ran, in code units, by the name of their file. */
export type Ran = ReadonlyMap<string, ReadonlySet<number>>;

/** As much of a node of ESTree as is read here. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/**
 * The module with the functions that start at these offsets in parentheses: those declared at its top level first, where declarations
 * are hoisted to; function expressions and arrow functions in their place. V8 compiles such a function together with what it stands in
 * (https://v8.dev/blog/preparser#pife), and any other one when it is first called. The code does the same either way. Methods,
 * functions declared inside others and async arrow functions stay: for them V8 knows no such sign.
 */
export function inParentheses(code: string, starts: ReadonlySet<number>): string {
  const program = parseAst(code);
  const edits = expressionsIn(program as unknown as Node, starts).toSorted((one, other) => one.at - other.at);
  const eager: string[] = [];
  let rest = "";
  let at = 0;
  for (const node of program.body) {
    if (node.type !== "FunctionDeclaration" || node.id === null || !starts.has(node.start)) continue;
    const { id } = node;
    // Without its own name inside, which would be another variable than the one outside.
    eager.push(`${id.name}=(${code.slice(node.start, id.start)}${edited(code, edits, id.end, node.end)})`);
    rest += edited(code, edits, at, node.start);
    at = node.end;
  }
  rest += edited(code, edits, at, code.length);
  return eager.length === 0 ? rest : `var ${eager.join(",")};${rest}`;
}

/** A parenthesis before the character at that place. */
interface Edit {
  readonly at: number;
  readonly text: "(" | ")";
}

/** Those of closing come before those of opening: two expressions never touch, but one may begin where another one does. */
function expressionsIn(root: Node, starts: ReadonlySet<number>): readonly Edit[] {
  const edits: Edit[] = [];
  const look = (node: Node, isMethod: boolean): void => {
    const isArrow = node.type === "ArrowFunctionExpression" && node["async"] !== true;
    if (starts.has(node.start) && (isArrow || (node.type === "FunctionExpression" && !isMethod)))
      edits.push({ at: node.start, text: "(" }, { at: node.end, text: ")" });
    const hasMethod = node.type === "MethodDefinition" || (node.type === "Property" && !isPlain(node));
    for (const child of childrenOf(node)) look(child, hasMethod);
  };
  look(root, false);
  return edits;
}

function isPlain(property: Node): boolean {
  return property["kind"] === "init" && property["method"] !== true;
}

function childrenOf(node: Node): readonly Node[] {
  return Object.values(node).flat().filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** A part of the code with the edits that fall into it; one at its end belongs to what follows. */
function edited(code: string, edits: readonly Edit[], from: number, to: number): string {
  let text = "";
  let at = from;
  for (const edit of edits) {
    if (edit.at < from || (edit.at >= to && to < code.length)) continue;
    text += code.slice(at, edit.at) + edit.text;
    at = edit.at;
  }
  return text + code.slice(at, to);
}

/** With nothing of the environment: no compile cache, and nobody's settings. Throws if the program says that anything went wrong. */
export function runNode(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const { status, stdout, stderr, error } = spawnSync(process.execPath, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`node ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

/** As much of a coverage report (https://v8.dev/blog/javascript-code-coverage) as is read here. */
interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly startOffset: number; readonly count: number }[];
    }[];
  }[];
}

/** What ran of the files below a folder while processes wrote to `NODE_V8_COVERAGE`. */
export function readCoverage(coverage: string, folder: string): Ran {
  const ran = new Map<string, Set<number>>();
  for (const name of readdirSync(coverage)) {
    const { result } = JSON.parse(readFileSync(`${coverage}/${name}`, "utf8")) as Coverage;
    for (const { url, functions } of result) {
      if (!url.startsWith("file:")) continue;
      const file = relative(folder, fileURLToPath(url)).replaceAll("\\", "/");
      const starts = ran.get(file) ?? new Set();
      ran.set(file, starts);
      // The first range is the whole function.
      for (const {
        ranges: [whole],
      } of functions)
        if (whole !== undefined && whole.count > 0) starts.add(whole.startOffset);
    }
  }
  return ran;
}
