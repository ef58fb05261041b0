/** Whether a character, given as its code point, is one that a place in a pattern takes. */
export type CharacterTest = (codePoint: number) => boolean;

/** A set that was read from a pattern, and where the pattern goes on after it. */
export interface CharacterSet {
  readonly test: CharacterTest;
  readonly end: number;
}

/**
 * Reads the `[…]` that starts at `at`, with the corner cases of Python 3.9 and later: `]` right after `[` or `[!` is a
 * member; a range that runs backwards is no range and takes its two ends with it; a set left empty so matches nothing,
 * and everything if it was negated. Undefined if no `]` closes it: then `[` is literal.
 */
export function readCharacterSet(pattern: string, at: number): CharacterSet | undefined {
  let close = at + 1;
  if (pattern[close] === "!") close++;
  if (pattern[close] === "]") close++;
  close = pattern.indexOf("]", close);
  if (close < 0) return undefined;
  const chunks = dropBackwardRanges(splitRanges(Array.from(pattern.slice(at + 1, close))));
  return { test: testOf(chunks), end: close + 1 };
}

type Characters = readonly string[];

/** Cuts at each `-` that makes a range: one with a character before it that no range has used, and one after it. */
function splitRanges(inside: Characters): readonly Characters[] {
  const chunks: Characters[] = [];
  let from = 0;
  let dash = inside.indexOf("-", inside[0] === "!" ? 2 : 1);
  while (dash >= 0) {
    chunks.push(inside.slice(from, dash));
    from = dash + 1;
    dash = inside.indexOf("-", dash + 3);
  }
  const rest = inside.slice(from);
  if (rest.length > 0 || chunks.length === 0) return [...chunks, rest];
  // A dash at the end is a member.
  return [...chunks.slice(0, -1), [...(chunks.at(-1) as Characters), "-"]];
}

function dropBackwardRanges(chunks: readonly Characters[]): readonly Characters[] {
  const kept = [...chunks];
  for (let k = kept.length - 1; k > 0; k--) {
    const [before, after] = [kept[k - 1] as Characters, kept[k] as Characters];
    if (codeOf(before.at(-1)) > codeOf(after[0])) kept.splice(k - 1, 2, [...before.slice(0, -1), ...after.slice(1)]);
  }
  return kept;
}

function testOf(chunks: readonly Characters[]): CharacterTest {
  const isNegated = chunks[0]?.[0] === "!";
  const [first = [], ...rest] = chunks;
  const parts = isNegated ? [first.slice(1), ...rest] : chunks;
  const members = new Set(parts.flat().map(codeOf));
  const ranges = parts.slice(1).map((part, k) => ({ low: codeOf(parts[k]?.at(-1)), high: codeOf(part[0]) }));
  return (code) => (members.has(code) || ranges.some(({ low, high }) => low <= code && code <= high)) !== isNegated;
}

function codeOf(char: string | undefined): number {
  return char?.codePointAt(0) ?? -1;
}
