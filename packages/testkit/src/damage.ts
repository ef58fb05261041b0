/**
 * Text with the lowest bit of its last hex digit the other way round, for `replace`: never the text that it was. To write a
 * constant over a part of a random signature would change nothing once in so many runs.
 */
export function flipLastHex(text: string): string {
  const digit = Number.parseInt(text.slice(-1), 16);
  if (Number.isNaN(digit)) throw new Error(`does not end in a hex digit: ${text}`);
  return text.slice(0, -1) + (digit ^ 1).toString(16);
}
