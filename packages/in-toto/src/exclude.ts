import { quote } from "@countersign/core";
import { inTotoError } from "./errors.ts";

/** What the reference leaves out unless told otherwise. Opt-in here: whoever verifies must see every file (attacks.md, row I6). */
export const defaultExcludes: readonly string[] = ["*.link*", ".git", "*.pyc", "*~"];

/** The most exclude patterns of one recording, and the longest of them in characters. */
export const maxExcludePatterns: number = 10_000;
export const maxExcludeChars: number = 4096;

/** Says which paths a recording leaves out. */
export interface Exclusion {
  /**
   * Whether the last pattern that matches this path, or a directory above it, excludes it. The path has `/` between its
   * parts; a leading `/`, `./` or `../` is not looked at, so that `.*` does not exclude everything.
   */
  readonly isExcluded: (path: string) => boolean;
}

/**
 * Compiles gitignore-style patterns, as the reference reads them (pathspec's gitwildmatch): `#` and empty lines mean
 * nothing, `!` takes back, a pattern without an inner `/` matches at any depth, `**` any number of directories, `*`, `?`
 * and `[…]` never a `/`, a trailing `/` only what lies inside such a directory. Matching takes time linear in the path for
 * each character of the pattern. Differs where pathspec differs from git: `[^x]` negates, `[!x]` never matches `/`.
 * Throws INTOTO_EXCLUDE_MALFORMED.
 */
export function compileExclusion(patterns: readonly string[]): Exclusion {
  if (patterns.length > maxExcludePatterns) throw malformed(`${patterns.length} patterns`);
  const lines = patterns.map(parseLine).filter((line) => line !== undefined);
  if (lines.length === 0) return { isExcluded: () => false };
  return {
    isExcluded(path) {
      const parts = partsOf(path);
      if (parts.length === 0) return false;
      for (let at = lines.length - 1; at >= 0; at--) {
        const line = lines[at] as Line;
        if (isLineMatch(line, parts)) return line.excludes;
      }
      return false;
    },
  };
}

interface Line {
  readonly excludes: boolean;
  readonly segments: readonly Segment[];
}

/** `**`, or the tokens of one part of a path. */
type Segment = "any-depth" | readonly Token[];
type Token = { readonly char: string } | { readonly any: "one" | "many" } | CharSet;

interface CharSet {
  readonly negated: boolean;
  /** Code points, both ends in. */
  readonly ranges: readonly (readonly [number, number])[];
}

function parseLine(pattern: string): Line | undefined {
  if (pattern.length > maxExcludeChars) throw malformed(quote(pattern));
  const text = trimmed(pattern);
  if (text === "" || text === "/" || text.startsWith("#")) return undefined;
  const excludes = !text.startsWith("!");
  const body = excludes ? text : text.slice(1);
  if (body === "") throw malformed(quote(pattern));
  return { excludes, segments: parseSegments(body, pattern) };
}

/** As git: an escaped space at the end stays. */
function trimmed(pattern: string): string {
  const text = pattern.trim();
  return /(?:^|[^\\])(?:\\\\)*\\$/.test(text) && pattern.trimStart().startsWith(`${text} `) ? `${text} ` : text;
}

function parseSegments(body: string, pattern: string): readonly Segment[] {
  const parts = body.split("/").filter((part, at, all) => part !== "**" || all[at - 1] !== "**");
  const isAnchored = parts[0] === "" || parts.length > 2 || (parts.length === 2 && parts[1] !== "");
  if (parts[0] === "") parts.shift();
  // `**/`: everything but what lies at the top.
  if (parts.length === 2 && parts[0] === "**" && parts[1] === "") return [[{ any: "many" }], [{ any: "many" }]];
  if (!isAnchored && parts[0] !== "**") parts.unshift("**");
  // `a/` means what lies inside `a`, but not `a` itself.
  if (parts.length > 1 && parts.at(-1) === "") parts.splice(-1, 1, "*");
  else if (parts.length > 1 && parts.at(-1) === "**") parts.push("*");
  return parts.map((part): Segment => (part === "**" ? "any-depth" : parseTokens(part, pattern)));
}

function parseTokens(part: string, pattern: string): readonly Token[] {
  const chars = Array.from(part);
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === "*") tokens.push({ any: "many" });
    else if (char === "?") tokens.push({ any: "one" });
    else if (char === "\\") {
      const next = chars[++at];
      if (next === undefined) throw malformed(quote(pattern));
      tokens.push({ char: next });
    } else {
      const end = char === "[" ? endOfSet(chars, at) : -1;
      tokens.push(end === -1 ? { char } : parseSet(chars.slice(at + 1, end), pattern));
      if (end !== -1) at = end;
    }
  }
  return tokens;
}

/** Index of the bracket that closes the set; -1 if none does, and then the opening one is an ordinary character. */
function endOfSet(chars: readonly string[], open: number): number {
  let at = open + 1;
  if (chars[at] === "!" || chars[at] === "^") at++;
  if (chars[at] === "]") at++;
  return chars.indexOf("]", at);
}

function parseSet(body: readonly string[], pattern: string): CharSet {
  const negated = body[0] === "!" || body[0] === "^";
  const chars = body.slice(negated ? 1 : 0);
  if (chars.includes("[") && /[:.=]/.test(chars[chars.indexOf("[") + 1] ?? "")) throw malformed(quote(pattern));
  const ranges: [number, number][] = [];
  for (let at = 0; at < chars.length; at++) {
    const low = codePoint(chars[at]);
    const isRange = chars[at + 1] === "-" && at + 2 < chars.length;
    ranges.push([low, isRange ? codePoint(chars[at + 2]) : low]);
    if (isRange) at += 2;
  }
  return { negated, ranges };
}

function codePoint(char: string | undefined): number {
  return char?.codePointAt(0) ?? 0;
}

function partsOf(path: string): readonly string[] {
  const parts = path.split("/");
  let from = 0;
  while (parts[from] === "" || parts[from] === "." || parts[from] === "..") from++;
  return from === 0 ? parts : parts.slice(from);
}

/** A pattern matches a path if it matches the whole of it or a directory above it. */
function isLineMatch({ segments }: Line, parts: readonly string[]): boolean {
  // Greedy, going back only to the last `**`: as for `*`, an earlier one never needs to take more.
  let at = 0;
  let part = 0;
  let retry: { readonly at: number; readonly part: number } | undefined;
  for (;;) {
    if (at === segments.length) return true;
    const segment = segments[at] as Segment;
    if (segment === "any-depth") {
      if (at === segments.length - 1) return true;
      retry = { at: ++at, part };
      continue;
    }
    if (part < parts.length && isPartMatch(segment, parts[part] as string)) {
      at++;
      part++;
      continue;
    }
    if (retry === undefined || retry.part >= parts.length) return false;
    retry = { at: retry.at, part: retry.part + 1 };
    ({ at, part } = retry);
  }
}

function isPartMatch(tokens: readonly Token[], text: string): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < text.length) {
    const now = tokens[token];
    if (now !== undefined && "any" in now && now.any === "many") {
      star = token++;
      starAt = at;
      continue;
    }
    const width = now === undefined ? 0 : widthOfMatch(now, text, at);
    if (width > 0) {
      token++;
      at += width;
    } else if (star === -1) return false;
    else {
      starAt += widthAt(text, starAt);
      at = starAt;
      token = star + 1;
    }
  }
  return tokens.slice(token).every((rest) => "any" in rest && rest.any === "many");
}

/** How many UTF-16 units the token takes here; 0 if it does not match. */
function widthOfMatch(token: Token, text: string, at: number): number {
  if ("char" in token) return text.startsWith(token.char, at) ? token.char.length : 0;
  const width = widthAt(text, at);
  if ("any" in token) return width;
  const point = text.codePointAt(at) ?? 0;
  return token.ranges.some(([low, high]) => low <= point && point <= high) === token.negated ? 0 : width;
}

function widthAt(text: string, at: number): number {
  return (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

function malformed(got: string): Error {
  return inTotoError("INTOTO_EXCLUDE_MALFORMED", { checked: "exclude pattern", got });
}
