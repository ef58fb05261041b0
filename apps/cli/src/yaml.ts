import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from "yaml";
import { parseJson, quote, type Json } from "@countersign/core";
import { cliError } from "./errors.ts";

/** A YAML document as a value, and where in the text each scalar stands. */
export interface YamlDocument {
  readonly value: Json;
  /** Start and end of the scalar at a path, in UTF-16 units; undefined if nothing of the text is it alone. */
  rangeOf(path: readonly (string | number)[]): readonly [number, number] | undefined;
}

/** How many times the nodes of a document aliases may stand for, so that a few lines do not become gigabytes. */
export const maxAliases: number = 100;

/** Ends of a line, and of a comment, to kubectl's reader (YAML 1.1 §4.2) and not to others (YAML 1.2 §5.4). */
const oddLineEnd = /\r(?!\n)|[\u0085\u2028\u2029]/;

/**
 * Parses every document of a YAML or JSON text as kubectl does: merge keys are followed, and whatever two readers could take
 * in two ways (a member twice, an unknown tag, a merge key behind other keys, odd ends of lines) is CLI_YAML_MALFORMED.
 */
export function parseYaml(text: string, source: string): readonly YamlDocument[] {
  const odd = oddLineEnd.exec(text);
  if (odd !== null)
    throw cliError("CLI_YAML_MALFORMED", {
      checked: quote(source),
      expected: "line feeds only",
      got: `${quote(odd[0])} at line ${text.slice(0, odd.index).split("\n").length}`,
    });
  const parsed = parseAllDocuments(text, {
    merge: true,
    uniqueKeys: true,
    strict: true,
    stringKeys: true,
    version: "1.2",
  });
  return [...(parsed as readonly Document.Parsed[])].map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined)
      throw cliError("CLI_YAML_MALFORMED", {
        checked: quote(source),
        got: quote(problem.message.split("\n")[0] ?? ""),
      });
    visit(document, { Map: (_, map) => checkMerge(map, source) });
    return { value: valueOf(document, source), rangeOf: (path) => rangeOf(document, path) };
  });
}

/**
 * What a merge key brings must give way to what the map itself says. kubectl's reader lets it overwrite the keys before it:
 * then another image would run than the one that was judged.
 */
function checkMerge({ items }: YAMLMap, source: string): void {
  const at = items.findLastIndex(({ key }) => isScalar(key) && key.value === "<<");
  if (at > 0)
    throw cliError("CLI_YAML_MALFORMED", { checked: quote(source), expected: "<< before all other keys of its map" });
}

function valueOf(document: Document.Parsed, source: string): Json {
  try {
    // Through text, so that whatever is no JSON (dates, binary, own tags) cannot pass for it.
    return parseJson(JSON.stringify(document.toJS({ maxAliasCount: maxAliases }) ?? null, refuseForeign));
  } catch (error) {
    throw cliError("CLI_YAML_MALFORMED", { checked: quote(source), got: quote((error as Error).message) });
  }
}

/** A replacer of `JSON.stringify`, which would write what JSON has not as something else, `.inf` as null, or, as `!!merge x`, not at all. */
function refuseForeign(this: Readonly<Record<string, unknown>>, name: string, written: unknown): unknown {
  const value = Object.getOwnPropertyDescriptor(this, name)?.value as unknown;
  const isForeignNumber = typeof value === "number" && !Number.isFinite(value);
  const isForeignObject =
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.getPrototypeOf(value) !== Object.prototype;
  if (isForeignNumber || isForeignObject || ["bigint", "symbol", "undefined"].includes(typeof value))
    throw new TypeError("a value that JSON has not");
  return written;
}

/** Only what is written there itself: what an alias or a merge key brings stands elsewhere, and for others too. */
function rangeOf(document: Document.Parsed, path: readonly (string | number)[]): readonly [number, number] | undefined {
  let node: unknown = document.contents;
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) node = node.get(step, true);
    else if (isSeq(node)) node = node.get(step, true);
    else return undefined;
  }
  if (isAlias(node)) node = node.resolve(document);
  if (!isScalar(node)) return undefined;
  const range = (node as Node).range;
  return range ? [range[0], range[1]] : undefined;
}
