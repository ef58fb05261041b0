import { quote, type Json, type JsonObject, type TrustError } from "@countersign/core";
import { inTotoError } from "../errors.ts";
import type { Comparison, Expression, TextTest } from "./expression.ts";

/** What names stand for. */
export type Scope = (name: string) => Json | undefined;

/** How many steps one rule may take: each value that is looked at, and each character that is compared, counts. */
export const maxEvaluationSteps = 1_000_000;

/**
 * Whether the expression is true. As in CEL, `&&` and `||` need only one side that decides, so that what the other one
 * lacks does no harm. Throws INTOTO_ATTRIBUTE_ABSENT for a name, member or index that is not there,
 * INTOTO_ATTRIBUTE_TYPE for operands of the wrong kind or a result that is no truth, INTOTO_TOO_LARGE.
 */
export function isTrue(expression: Expression, scope: Scope): boolean {
  return truthOf(expression, { scope, steps: { left: maxEvaluationSteps } });
}

interface Run {
  readonly scope: Scope;
  readonly steps: { left: number };
}

function spend({ steps }: Run, count: number): void {
  steps.left -= count;
  if (steps.left < 0)
    throw inTotoError("INTOTO_TOO_LARGE", { checked: "attribute rule", expected: `${maxEvaluationSteps} steps` });
}

function valueOf(expression: Expression, run: Run): Json {
  spend(run, 1);
  switch (expression.kind) {
    case "literal":
      return expression.value;
    case "name":
      return present(run.scope(expression.name), expression.name);
    case "list":
      return expression.items.map((item) => valueOf(item, run));
    case "member":
      return present(memberOf(valueOf(expression.of, run), expression.name), expression.name);
    case "index":
      return indexOf(valueOf(expression.of, run), valueOf(expression.at, run));
    case "size":
      return sizeOf(valueOf(expression.of, run), run);
    case "not":
    case "and":
    case "or":
    case "compare":
    case "has":
    case "text":
    case "each":
      return truthOf(expression, run);
  }
}

function truthOf(expression: Expression, run: Run): boolean {
  switch (expression.kind) {
    case "not":
      return !truthOf(expression.of, run);
    case "and":
    case "or":
      return decide(expression, run);
    case "compare":
      return compare(expression.operator, valueOf(expression.left, run), valueOf(expression.right, run), run);
    case "has":
      return memberOf(valueOf(expression.of, run), expression.name) !== undefined;
    case "text":
      return testText(expression.test, valueOf(expression.of, run), valueOf(expression.part, run), run);
    case "each":
      return testEach(expression, run);
    case "literal":
    case "name":
    case "list":
    case "member":
    case "index":
    case "size": {
      const value = valueOf(expression, run);
      if (typeof value === "boolean") return value;
      throw wrongKind("true or false", value);
    }
  }
}

type Junction = Extract<Expression, { readonly kind: "and" | "or" }>;

/** The value that decides alone, `true` for `||`, counts also where the other side cannot be told. */
function decide({ kind, left, right }: Junction, run: Run): boolean {
  const deciding = kind === "or";
  const first = attempt(() => truthOf(left, run));
  if (first === deciding) return deciding;
  const second = attempt(() => truthOf(right, run));
  if (second === deciding) return deciding;
  for (const each of [first, second]) if (typeof each !== "boolean") throw each;
  return !deciding;
}

function attempt(check: () => boolean): boolean | TrustError {
  try {
    return check();
  } catch (error) {
    const { code } = error as TrustError;
    if (code === "INTOTO_ATTRIBUTE_ABSENT" || code === "INTOTO_ATTRIBUTE_TYPE") return error as TrustError;
    throw error;
  }
}

type Each = Extract<Expression, { readonly kind: "each" }>;

function testEach({ test, of, name, body }: Each, run: Run): boolean {
  const over = valueOf(of, run);
  const items = Array.isArray(over) ? (over as readonly Json[]) : Object.keys(objectOf(over));
  const deciding = test === "exists";
  let unknown: TrustError | undefined;
  for (const item of items) {
    const scope: Scope = (asked) => (asked === name ? item : run.scope(asked));
    const result = attempt(() => truthOf(body, { ...run, scope }));
    spend(run, 1);
    if (result === deciding) return deciding;
    if (typeof result !== "boolean") unknown ??= result;
  }
  if (unknown !== undefined) throw unknown;
  return !deciding;
}

function compare(operator: Comparison, left: Json, right: Json, run: Run): boolean {
  if (operator === "==") return isEqual(left, right, run);
  if (operator === "!=") return !isEqual(left, right, run);
  if (operator === "in") return isIn(left, right, run);
  const order = orderOf(left, right, run);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

/** Values of different kinds are different. */
function isEqual(left: Json, right: Json, run: Run): boolean {
  spend(run, 1);
  if (typeof left === "number" && typeof right === "number") return numberOf(left) === numberOf(right);
  if (typeof left === "string" && typeof right === "string") {
    spend(run, Math.min(left.length, right.length));
    return left === right;
  }
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return left === right;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [names, others] = [Object.keys(left), Object.keys(right)];
  const values = left as JsonObject;
  const same = right as JsonObject;
  return (
    names.length === others.length &&
    names.every((name) => Object.hasOwn(same, name) && isEqual(values[name] as Json, same[name] as Json, run))
  );
}

function isIn(item: Json, list: Json, run: Run): boolean {
  if (Array.isArray(list)) return (list as readonly Json[]).some((each) => isEqual(item, each, run));
  const members = objectOf(list);
  return typeof item === "string" && Object.hasOwn(members, item);
}

function orderOf(left: Json, right: Json, run: Run): number {
  if (typeof left === "number" && typeof right === "number") return numberOf(left) - numberOf(right);
  if (typeof left !== "string" || typeof right !== "string")
    throw wrongKind("two numbers or two texts", typeof left === "number" || typeof left === "string" ? right : left);
  spend(run, Math.min(left.length, right.length));
  // By code point, as CEL has it, and not by UTF-16 unit.
  const [one, other] = [left, right].map((text) => inCodePointOrder(text)) as [string, string];
  return one < other ? -1 : Number(one > other);
}

/** A text whose order by UTF-16 unit is that of code points: surrogates are moved above all else. */
function inCodePointOrder(text: string): string {
  return text.replace(/[\uD800-\uFFFF]/g, (unit) => {
    const code = unit.charCodeAt(0);
    return String.fromCharCode(code < 0xe000 ? code + 0x2000 : code - 0x800);
  });
}

function testText(test: TextTest, text: Json, part: Json, run: Run): boolean {
  if (typeof text !== "string" || typeof part !== "string")
    throw wrongKind(`a text for ${test}`, typeof text === "string" ? part : text);
  spend(run, text.length + part.length);
  if (test === "contains") return hasPart(text, part);
  return test === "startsWith" ? text.startsWith(part) : text.endsWith(part);
}

/** As `includes`, which takes the product of the lengths in the worst case (Knuth, Morris and Pratt). */
function hasPart(text: string, part: string): boolean {
  const borders = new Uint32Array(part.length + 1);
  for (let at = 1, border = 0; at < part.length; at++) {
    while (border > 0 && part[at] !== part[border]) border = borders[border] as number;
    if (part[at] === part[border]) border++;
    borders[at + 1] = border;
  }
  let matched = 0;
  for (let at = 0; at < text.length && matched < part.length; at++) {
    while (matched > 0 && text[at] !== part[matched]) matched = borders[matched] as number;
    if (text[at] === part[matched]) matched++;
  }
  return matched === part.length;
}

/** Code points of a text, items of a list, members of a map. */
function sizeOf(value: Json, run: Run): number {
  if (Array.isArray(value)) return value.length;
  if (typeof value !== "string") return Object.keys(objectOf(value)).length;
  spend(run, value.length);
  return Array.from(value).length;
}

function indexOf(of: Json, at: Json): Json {
  if (Array.isArray(of)) {
    if (typeof at !== "number" || !Number.isInteger(at)) throw wrongKind("a whole number as the index of a list", at);
    return present(at < 0 ? undefined : (of as readonly Json[])[at], `[${at}]`);
  }
  if (typeof at !== "string") throw wrongKind("a text as the index of a map", at);
  return present(memberOf(of, at), at);
}

function memberOf(value: Json, name: string): Json | undefined {
  const members = objectOf(value);
  return Object.hasOwn(members, name) ? members[name] : undefined;
}

function objectOf(value: Json): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw wrongKind("a map", value);
}

/** JavaScript has rounded what is beyond. */
function numberOf(value: number): number {
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return value;
  throw wrongKind("a number within 53 bits", value);
}

function present(value: Json | undefined, name: string): Json {
  if (value !== undefined) return value;
  throw inTotoError("INTOTO_ATTRIBUTE_ABSENT", { checked: quote(name) });
}

function wrongKind(expected: string, got: Json): TrustError {
  const kind = got === null ? "null" : Array.isArray(got) ? "a list" : typeof got === "object" ? "a map" : typeof got;
  return inTotoError("INTOTO_ATTRIBUTE_TYPE", { expected, got: kind });
}
