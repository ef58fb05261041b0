/** Characters that Python prints as they are: all but separators, controls, unassigned ones and halves of pairs. */
const isPrintable = /^[^\p{Z}\p{C}]$/u;

/** `repr` of a text in Python, or `ascii`. Which characters are printable depends on the version of Unicode. */
export function pythonRepr(text: string, isAscii: boolean): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return (
    mark +
    Array.from(text)
      .map((char) => escapeChar(char, mark, isAscii))
      .join("") +
    mark
  );
}

const named: ReadonlyMap<string, string> = new Map([
  ["\\", "\\\\"],
  ["\n", "\\n"],
  ["\r", "\\r"],
  ["\t", "\\t"],
]);

function escapeChar(char: string, mark: string, isAscii: boolean): string {
  const known = named.get(char);
  if (known !== undefined) return known;
  if (char === mark) return `\\${char}`;
  const code = char.codePointAt(0) ?? 0;
  if (char === " " || (isPrintable.test(char) && (!isAscii || code < 128))) return char;
  if (code < 256) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 65_536 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
