/**
 * What an attribute rule may say: a part of the Common Expression Language (CEL), in which every rule ends. Names and
 * their members, indices, literals, lists, `!`, `&&`, `||`, comparisons, `in`, `size`, `has`, `startsWith`, `endsWith`,
 * `contains`, `exists` and `all`. No arithmetic, no regular expressions, no conversions, no maps, no time.
 */
export type Expression =
  | { readonly kind: "literal"; readonly value: null | boolean | number | string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "member"; readonly of: Expression; readonly name: string }
  | { readonly kind: "index"; readonly of: Expression; readonly at: Expression }
  | { readonly kind: "not"; readonly of: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "compare"; readonly operator: Comparison; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "has"; readonly of: Expression; readonly name: string }
  | { readonly kind: "size"; readonly of: Expression }
  | { readonly kind: "text"; readonly test: TextTest; readonly of: Expression; readonly part: Expression }
  | {
      readonly kind: "each";
      readonly test: "all" | "exists";
      readonly of: Expression;
      readonly name: string;
      readonly body: Expression;
    };

export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in";
export type TextTest = "startsWith" | "endsWith" | "contains";

/** The expression with every text in it replaced. What is put in stays a text, whatever it spells. */
export function mapTexts(expression: Expression, change: (text: string) => string): Expression {
  const map = (each: Expression): Expression => mapTexts(each, change);
  switch (expression.kind) {
    case "literal":
      return typeof expression.value === "string" ? { ...expression, value: change(expression.value) } : expression;
    case "name":
      return expression;
    case "list":
      return { ...expression, items: expression.items.map(map) };
    case "index":
      return { ...expression, of: map(expression.of), at: map(expression.at) };
    case "and":
    case "or":
    case "compare":
      return { ...expression, left: map(expression.left), right: map(expression.right) };
    case "text":
      return { ...expression, of: map(expression.of), part: map(expression.part) };
    case "each":
      return { ...expression, of: map(expression.of), body: map(expression.body) };
    case "member":
    case "not":
    case "has":
    case "size":
      return { ...expression, of: map(expression.of) };
  }
}
