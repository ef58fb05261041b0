import { describe, expect, test } from "vitest";
import { inParentheses } from "../build-eager.ts";

/** What a module exports as `result`, run from its text. */
async function resultOf(code: string): Promise<unknown> {
  const module = (await import(`data:text/javascript,${encodeURIComponent(code)}`)) as { readonly result: unknown };
  return module.result;
}

function startsOf(code: string, ...declarations: readonly string[]): ReadonlySet<number> {
  return new Set(declarations.map((text) => code.indexOf(text)));
}

const code = [
  `import{strictEqual as same}from"node:assert";`,
  `const early=twice(4);`,
  `function twice(n){same(typeof n,"number");return n<8?twice(n*2):n}`,
  `async function later(){return once.name}`,
  `function*count(){yield 1;yield 2}`,
  `function once(){once=()=>"again";return"first"}`,
  `function never(){return 0}`,
  `export const result=[early,await later(),[...count()],once(),once(),twice.name,never()];`,
].join("");
const expected = [8, "once", [1, 2], "first", "again", "twice", 0];
const all = ["function twice", "async function later", "function*count", "function once"] as const;

describe("inParentheses", () => {
  test("the module does the same: hoisted, recursive, async, a generator, one that replaces itself", async () => {
    const eager = inParentheses(code, startsOf(code, ...all));
    expect(eager.startsWith("var twice=(function (n){")).toBe(true);
    for (const start of ["later=(async function (", "count=(function*(", "once=(function ("])
      expect(eager).toContain(start);
    expect(await resultOf(eager)).toEqual(expected);
    expect(await resultOf(code)).toEqual(expected);
  });

  test("what did not run, and what is no function of the module's own, stays as it is", () => {
    expect(inParentheses(code, startsOf(code, "function twice"))).toContain("function never(){return 0}");
    expect(inParentheses(code, new Set())).toBe(code);
    const inner = "const a=()=>{function b(){}};";
    expect(inParentheses(inner, startsOf(inner, "function b"))).toBe(inner);
  });
});
