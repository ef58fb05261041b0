import { quote, type Json } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** Which of an item's two lists of artifacts is meant. */
export type Side = "materials" | "products";

/** What a rule says; `words` is how the layout spells it. */
export type Rule = (SimpleRule | RequireRule | MatchRule) & { readonly words: readonly string[] };

/** Consumes, or forbids, the queued artifacts that the pattern matches. */
export interface SimpleRule {
  readonly kind: "create" | "delete" | "modify" | "allow" | "disallow";
  readonly pattern: string;
}

/** Asks for one artifact by its literal path. */
export interface RequireRule {
  readonly kind: "require";
  readonly path: string;
}

/** Consumes queued artifacts that another item has too, with the same hashes. */
export interface MatchRule {
  readonly kind: "match";
  readonly pattern: string;
  /** Literal; only artifacts below it are looked at, and the pattern is matched without it. */
  readonly sourcePrefix?: string;
  /** The name of the step or inspection that must have the same artifact. */
  readonly from: string;
  readonly side: Side;
  /** Literal; put in front of the path that is looked up in the other item. */
  readonly destinationPrefix?: string;
}

const simpleKinds: ReadonlySet<string> = new Set(["create", "delete", "modify", "allow", "disallow"]);

/**
 * Parses an artifact rule (in-toto specification 1.0 §4.3.3): a list of 2, 6, 8 or 10 words, keywords in any case.
 * An empty prefix counts as none. Does not check that the pattern can be compiled nor that the named step exists.
 * Throws INTOTO_RULE_MALFORMED.
 */
export function parseRule(value: Json): Rule {
  if (!isWords(value)) throw malformed("a list of strings", typeof value);
  const [keyword = "", pattern] = value;
  const kind = keyword.toLowerCase();
  if (pattern === undefined) throw malformed("a keyword and a pattern", show(value));
  if (kind === "match") return parseMatch(value, pattern);
  if (value.length !== 2) throw malformed("two words", show(value));
  if (kind === "require") return { kind, path: pattern, words: value };
  if (!simpleKinds.has(kind)) throw malformed("a rule", show(value));
  return { kind: kind as SimpleRule["kind"], pattern, words: value };
}

/** The words of a rule in their usual spelling: keywords in capitals, no empty prefix. The inverse of `parseRule`. */
export function formatRule(rule: SimpleRule | RequireRule | MatchRule): string[] {
  if (rule.kind === "require") return ["REQUIRE", rule.path];
  if (rule.kind !== "match") return [rule.kind.toUpperCase(), rule.pattern];
  return [
    "MATCH",
    rule.pattern,
    ...(rule.sourcePrefix === undefined ? [] : ["IN", rule.sourcePrefix]),
    "WITH",
    rule.side.toUpperCase(),
    ...(rule.destinationPrefix === undefined ? [] : ["IN", rule.destinationPrefix]),
    "FROM",
    rule.from,
  ];
}

/** MATCH pattern [IN prefix] WITH side [IN prefix] FROM step: each keyword is followed by exactly one word. */
function parseMatch(words: readonly string[], pattern: string): MatchRule & Pick<Rule, "words"> {
  const isKeyword = (at: number, keyword: string): boolean => words[at]?.toLowerCase() === keyword;
  const withAt = isKeyword(2, "in") ? 4 : 2;
  const fromAt = isKeyword(withAt + 2, "in") ? withAt + 4 : withAt + 2;
  const isShape = isKeyword(withAt, "with") && isKeyword(fromAt, "from") && words.length === fromAt + 2;
  if (!isShape) throw malformed("MATCH pattern [IN prefix] WITH side [IN prefix] FROM step", show(words));
  const [spelled = "", from = ""] = [words[withAt + 1], words[fromAt + 1]];
  const side = spelled.toLowerCase();
  if (side !== "materials" && side !== "products") throw malformed("MATERIALS or PRODUCTS", quote(spelled));
  const sourcePrefix = withAt === 4 ? words[3] : "";
  const destinationPrefix = fromAt === withAt + 4 ? words[fromAt - 1] : "";
  const rule = { kind: "match", pattern, side, from, words } as const;
  if (!sourcePrefix && !destinationPrefix) return rule;
  return { ...rule, ...(sourcePrefix ? { sourcePrefix } : {}), ...(destinationPrefix ? { destinationPrefix } : {}) };
}

function isWords(value: Json): value is readonly string[] {
  return Array.isArray(value) && value.every((word) => typeof word === "string");
}

function show(words: readonly string[]): string {
  return quote(words.slice(0, 12).join(" "));
}

function malformed(expected: string, got: string): ReturnType<typeof inTotoError> {
  return inTotoError("INTOTO_RULE_MALFORMED", { checked: "rule", expected, got });
}
