import { coreError } from "./errors.ts";
import { readCharacterSet, type CharacterTest } from "./glob-set.ts";

/** A compiled shell pattern. */
export interface Glob {
  readonly pattern: string;
  /** The only name it matches, if it has no wildcard: look that up instead of asking for each name. */
  readonly literal?: string;
  /** Whether it matches every name. */
  readonly isAll: boolean;
  isMatch(name: string): boolean;
}

/** The longest pattern that is compiled, in UTF-16 units. */
export const maxPatternChars: number = 4096;

/** A run of literal text, or a test of one character. */
type Part = string | CharacterTest;
/** What stands between two stars. */
type Piece = readonly Part[];

/**
 * Compiles a shell pattern as Python's `fnmatch` reads it on POSIX: `*` any run, `?` any one character, both across `/`;
 * `[…]` and `[!…]` sets with ranges; an unclosed `[`, a backslash and `^` are literal; upper and lower case differ.
 * Matching never backtracks over a star, so that its time is at most the name's length times the pattern's.
 * Throws CORE_TOO_LARGE for a pattern over `maxPatternChars`.
 */
export function compileGlob(pattern: string): Glob {
  if (pattern.length > maxPatternChars)
    throw coreError("CORE_TOO_LARGE", {
      checked: "pattern",
      expected: `at most ${maxPatternChars} characters`,
      got: `${pattern.length}`,
    });
  // Nothing to take apart: policies may list files one by one.
  if (!/[*?[]/.test(pattern)) return compileFixed(pattern, [pattern]);
  const pieces = readPieces(pattern);
  const [first = [], ...rest] = pieces;
  const last = rest.pop();
  if (last === undefined) return compileFixed(pattern, first);
  const isAll = pieces.every((piece) => piece.length === 0);
  if (isAll) return { pattern, isAll, isMatch: () => true };
  return { pattern, isAll, isMatch: (name) => isStarMatch({ first, middle: rest, last }, name) };
}

/** A pattern without stars. */
function compileFixed(pattern: string, piece: Piece): Glob {
  const isLiteral = piece.every((part) => typeof part === "string");
  if (isLiteral) {
    const literal = piece.join("");
    return { pattern, literal, isAll: false, isMatch: (name) => name === literal };
  }
  return { pattern, isAll: false, isMatch: (name) => endAt(piece, name, 0) === name.length };
}

/** The pieces between stars, a run of stars counting as one; a pattern without stars is one piece. */
function readPieces(pattern: string): readonly Piece[] {
  const pieces: Part[][] = [[]];
  for (let at = 0; at < pattern.length;) {
    const piece = pieces.at(-1) as Part[];
    const char = String.fromCodePoint(pattern.codePointAt(at) as number);
    const set = char === "[" ? readCharacterSet(pattern, at) : undefined;
    if (set !== undefined) piece.push(set.test);
    else if (char === "?") piece.push(() => true);
    else if (char !== "*") pushLiteral(piece, char);
    else if (pieces.length === 1 || piece.length > 0) pieces.push([]);
    at = set?.end ?? at + char.length;
  }
  return pieces;
}

function pushLiteral(piece: Part[], char: string): void {
  const before = piece.at(-1);
  if (typeof before === "string") piece[piece.length - 1] = before + char;
  else piece.push(char);
}

interface StarPattern {
  readonly first: Piece;
  readonly middle: readonly Piece[];
  readonly last: Piece;
}

/** The first piece is bound to the start, the last to the end; each between is taken where it first fits, which leaves most room. */
function isStarMatch({ first, middle, last }: StarPattern, name: string): boolean {
  let at = endAt(first, name, 0);
  if (at < 0) return false;
  const end = startBefore(last, name);
  if (end < at || endAt(last, name, end) !== name.length) return false;
  for (const piece of middle) {
    at = findEnd(piece, name, at);
    if (at < 0 || at > end) return false;
  }
  return true;
}

/** Where the piece ends if it starts at `at`; -1 if it does not fit there. */
function endAt(piece: Piece, name: string, at: number): number {
  let to = at;
  for (const part of piece) {
    if (typeof part === "string") {
      if (!name.startsWith(part, to)) return -1;
      to += part.length;
    } else {
      const code = name.codePointAt(to);
      if (code === undefined || !part(code)) return -1;
      to += code > 0xffff ? 2 : 1;
    }
  }
  return to;
}

/** Where the piece ends at the first place from `from` on that it fits; -1 if there is none. */
function findEnd(piece: Piece, name: string, from: number): number {
  const [head] = piece;
  for (let at = from; at <= name.length; at++) {
    if (typeof head === "string") at = name.indexOf(head, at);
    if (at < 0) return -1;
    const end = isInsidePair(name, at) ? -1 : endAt(piece, name, at);
    if (end >= 0) return end;
  }
  return -1;
}

/** Where a piece must start to end with the name; -1 if the name is too short. */
function startBefore(piece: Piece, name: string): number {
  let at = name.length;
  for (const part of piece.toReversed()) {
    at -= typeof part === "string" ? part.length : isInsidePair(name, at - 1) ? 2 : 1;
  }
  return at;
}

/** Whether the unit at `at` is the second half of a surrogate pair. */
function isInsidePair(name: string, at: number): boolean {
  const code = name.charCodeAt(at);
  return code >= 0xdc00 && code <= 0xdfff;
}
