import { quote, type Glob } from "@countersign/core";
import { policyError } from "./errors.ts";

/** How one text may be matched: exactly by default, by a pattern only where the user wrote one. */
export type Match = { readonly exact: string } | { readonly glob: Glob } | { readonly pattern: Pattern };

/** A compiled RE2 expression: linear time, always matched against the whole value. Made only by `loadPattern`. */
export interface Pattern {
  readonly source: string;
  isMatch(value: string): boolean;
}

/** The longest pattern that is compiled, in UTF-16 units. */
export const maxPatternChars: number = 4096;

/**
 * Compiles `source` with a linear-time engine (re2js, loaded on first use).
 * The expression is anchored at both ends: `https://github.com/org` does not match `https://github.com/org-evil`.
 */
export async function loadPattern(source: string): Promise<Pattern> {
  if (source === "" || source.length > maxPatternChars)
    throw policyError("POLICY_PATTERN_INVALID", { got: quote(source) });
  const { RE2JS } = await import("re2js");
  try {
    const compiled = RE2JS.compile(source);
    return Object.freeze({ source, isMatch: (value: string) => compiled.matches(value) });
  } catch (cause) {
    throw policyError("POLICY_PATTERN_INVALID", { got: quote(source) }, cause);
  }
}

/** Whether `value` is what `match` asks for: code unit by code unit, or the whole of it by the glob or pattern. */
export function isMatch(match: Match, value: string): boolean {
  if ("exact" in match) return match.exact === value;
  return "glob" in match ? match.glob.isMatch(value) : match.pattern.isMatch(value);
}

/** How a message names the match. */
export function formatMatch(match: Match): string {
  if ("exact" in match) return quote(match.exact);
  return "glob" in match ? `glob ${quote(match.glob.pattern)}` : `pattern ${quote(match.pattern.source)}`;
}
