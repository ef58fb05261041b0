import { quote, type TrustError } from "@countersign/core";
import { inTotoError } from "../errors.ts";

/** One token of an attribute rule; `at` is where it starts, in UTF-16 units. */
export type Token =
  | { readonly kind: "name" | "sign"; readonly text: string; readonly at: number }
  | { readonly kind: "literal"; readonly value: null | boolean | number | string; readonly at: number }
  | { readonly kind: "end"; readonly at: number };

/** The longest attribute rule, in UTF-16 units. */
export const maxExpressionChars = 4096;

const pattern =
  /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?![\w.]))|("(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')|(==|!=|<=|>=|&&|\|\||[<>![\](),.]))/y;

/** Words of CEL that name nothing; those of other languages that it sets aside are refused alike. */
const constants: ReadonlyMap<string, null | boolean> = new Map([
  ["true", true],
  ["false", false],
  ["null", null],
]);

/** Cuts a rule into tokens, the last of which is the end. Throws INTOTO_ATTRIBUTE_MALFORMED. */
export function tokenise(text: string): readonly Token[] {
  if (text.length > maxExpressionChars)
    throw inTotoError("INTOTO_ATTRIBUTE_MALFORMED", { expected: `at most ${maxExpressionChars} characters` });
  const tokens: Token[] = [];
  let at = 0;
  for (const rest = text.trimEnd(); at < rest.length; at = pattern.lastIndex) {
    pattern.lastIndex = at;
    const found = pattern.exec(rest);
    if (found === null) throw malformed(text, at, "what CEL is supported here");
    tokens.push(tokenOf(found, text, at));
  }
  return [...tokens, { kind: "end", at }];
}

function tokenOf([, name, number, string, sign]: RegExpExecArray, text: string, at: number): Token {
  if (name !== undefined) {
    const value = constants.get(name);
    return value === undefined ? { kind: "name", text: name, at } : { kind: "literal", value, at };
  }
  if (number !== undefined) return { kind: "literal", value: readNumber(number, text, at), at };
  if (string !== undefined) return { kind: "literal", value: readString(string, text, at), at };
  return { kind: "sign", text: sign as string, at };
}

function readNumber(digits: string, text: string, at: number): number {
  const value = Number(digits);
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw malformed(text, at, "a number within 53 bits");
  return value;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["\\", "\\"],
  ['"', '"'],
  ["'", "'"],
  ["n", "\n"],
  ["r", "\r"],
  ["t", "\t"],
]);

function readString(quoted: string, text: string, at: number): string {
  return quoted.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|([^]))/g, (_, code: string | undefined, char: string) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    const plain = escapes.get(char);
    if (plain === undefined) throw malformed(text, at, "a known escape in a string");
    return plain;
  });
}

/** What is wrong, and where. */
export function malformed(text: string, at: number, expected: string): TrustError {
  const got = `${quote(text.slice(at, at + 40))} at character ${at + 1}`;
  return inTotoError("INTOTO_ATTRIBUTE_MALFORMED", { checked: quote(text), expected, got });
}
