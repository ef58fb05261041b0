import type { Comparison, Expression, TextTest } from "./expression.ts";
import { malformed, tokenise, type Token } from "./expression-token.ts";

/** How deep an attribute rule may nest. */
export const maxExpressionDepth = 32;

/** Parses an attribute rule. Throws INTOTO_ATTRIBUTE_MALFORMED, for what CEL has beyond this part of it too. */
export function parseExpression(text: string): Expression {
  const cursor: Cursor = { text, tokens: tokenise(text), at: 0, depth: 0 };
  const expression = readOr(cursor);
  if (peek(cursor).kind !== "end") throw wrong(cursor, "the end");
  return expression;
}

interface Cursor {
  readonly text: string;
  readonly tokens: readonly Token[];
  at: number;
  depth: number;
}

function readOr(cursor: Cursor): Expression {
  if (++cursor.depth > maxExpressionDepth) throw wrong(cursor, `at most ${maxExpressionDepth} levels`);
  let left = readAnd(cursor);
  while (takeSign(cursor, "||")) left = { kind: "or", left, right: readAnd(cursor) };
  cursor.depth--;
  return left;
}

function readAnd(cursor: Cursor): Expression {
  let left = readComparison(cursor);
  while (takeSign(cursor, "&&")) left = { kind: "and", left, right: readComparison(cursor) };
  return left;
}

const comparisons: readonly Comparison[] = ["==", "!=", "<", "<=", ">", ">="];

/** One comparison: CEL would compare the truth of the first with a third value, which nobody means. */
function readComparison(cursor: Cursor): Expression {
  const left = readNot(cursor);
  const operator = readOperator(cursor);
  if (operator === undefined) return left;
  const compared: Expression = { kind: "compare", operator, left, right: readNot(cursor) };
  if (readOperator(cursor) !== undefined) throw wrong(cursor, "one comparison");
  return compared;
}

function readOperator(cursor: Cursor): Comparison | undefined {
  const token = peek(cursor);
  if (token.kind === "name" && token.text === "in") {
    cursor.at++;
    return "in";
  }
  return comparisons.find((each) => takeSign(cursor, each));
}

function readNot(cursor: Cursor): Expression {
  let count = 0;
  while (takeSign(cursor, "!")) count++;
  const operand = readMember(cursor);
  if (count === 0) return operand;
  const once: Expression = { kind: "not", of: operand };
  return count % 2 === 1 ? once : { kind: "not", of: once };
}

function readMember(cursor: Cursor): Expression {
  let found = readPrimary(cursor);
  for (let links = 0; ; links++) {
    if (links > maxExpressionDepth) throw wrong(cursor, `at most ${maxExpressionDepth} members in a row`);
    if (takeSign(cursor, ".")) found = readDot(cursor, found);
    else if (takeSign(cursor, "[")) found = { kind: "index", of: found, at: readUntil(cursor, "]") };
    else return found;
  }
}

const textTests: readonly string[] = ["startsWith", "endsWith", "contains"] satisfies readonly TextTest[];

function readDot(cursor: Cursor, of: Expression): Expression {
  const name = readName(cursor);
  if (!takeSign(cursor, "(")) return { kind: "member", of, name };
  if (name === "size") {
    if (!takeSign(cursor, ")")) throw wrong(cursor, '")"');
    return { kind: "size", of };
  }
  if (textTests.includes(name)) return { kind: "text", test: name as TextTest, of, part: readUntil(cursor, ")") };
  if (name !== "all" && name !== "exists") throw wrong(cursor, "a method that is supported");
  const each = readName(cursor);
  if (!takeSign(cursor, ",")) throw wrong(cursor, '","');
  return { kind: "each", test: name, of, name: each, body: readUntil(cursor, ")") };
}

function readPrimary(cursor: Cursor): Expression {
  const token = peek(cursor);
  if (token.kind === "literal") {
    cursor.at++;
    return { kind: "literal", value: token.value };
  }
  if (takeSign(cursor, "(")) return readUntil(cursor, ")");
  if (takeSign(cursor, "[")) return { kind: "list", items: readItems(cursor) };
  const name = readName(cursor);
  return takeSign(cursor, "(") ? readCall(cursor, name) : { kind: "name", name };
}

function readCall(cursor: Cursor, name: string): Expression {
  const of = readUntil(cursor, ")");
  if (name === "size") return { kind: "size", of };
  if (name !== "has") throw wrong(cursor, "a function that is supported");
  if (of.kind !== "member") throw wrong(cursor, "has(some.member)");
  return { kind: "has", of: of.of, name: of.name };
}

function readItems(cursor: Cursor): readonly Expression[] {
  if (takeSign(cursor, "]")) return [];
  const items = [readOr(cursor)];
  while (takeSign(cursor, ",")) items.push(readOr(cursor));
  if (!takeSign(cursor, "]")) throw wrong(cursor, '"]"');
  return items;
}

function readUntil(cursor: Cursor, end: string): Expression {
  const inner = readOr(cursor);
  if (!takeSign(cursor, end)) throw wrong(cursor, `"${end}"`);
  return inner;
}

function readName(cursor: Cursor): string {
  const token = peek(cursor);
  if (token.kind !== "name" || token.text === "in") throw wrong(cursor, "a name or value");
  cursor.at++;
  return token.text;
}

function takeSign(cursor: Cursor, text: string): boolean {
  const token = peek(cursor);
  const isIt = token.kind === "sign" && token.text === text;
  if (isIt) cursor.at++;
  return isIt;
}

function peek({ tokens, at }: Cursor): Token {
  return tokens[at] as Token;
}

function wrong(cursor: Cursor, expected: string): Error {
  return malformed(cursor.text, peek(cursor).at, expected);
}
